"""A training step recorded once as a CUDA graph and replayed: the GPU no longer waits for the host to launch its kernels."""

import torch

from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.trainer import Trainer

WARM_UP = 3  # steps before the recording, in which kernels are chosen, compiled, and the optimisers' states come to be


def recorded(trainer: Trainer, compute: Compute) -> "Trainer | Recorded":
    """The trainer with its steps recorded where `compute` says so; where a GPU's are not, the log says why."""
    if compute.recorded:
        return Recorded(trainer, needed=compute.options.cuda_graph is True)
    if compute.options.cuda_graph and compute.device.type == "cuda" and compute.world.rank == 0:
        _say(f"{compute.world.size} processes share a step")
    return trainer


class Recorded:
    """A trainer whose step is replayed from the fourth on; the same numbers, with learning rates in float32.

    AGRNet's step has some 6,000 kernels, which took a host 120 ms to launch, for 8 images as for 32. Optimisers must have
    learning rates that are tensors (`Compute.adam`). What a step needs in memory stays taken.

    needed: raise where a step cannot be recorded; without it such steps are launched as ever, and the log says why.
    """

    def __init__(self, trainer: Trainer, needed: bool = True):
        self._trainer, self._needed = trainer, needed
        self.optimisers = trainer.optimisers
        self._eager = WARM_UP
        self._graph: torch.cuda.CUDAGraph | None = None
        self._given_up = False
        self._said: set[str] = set()

    def step(self, batch: list[Part]) -> dict[str, torch.Tensor]:
        """The trainer's step. Raises ValueError for a batch of another size than the recorded one, if it is needed."""
        if self._eager:
            self._eager -= 1
            return self._beside(batch)
        if self._graph is None and not self._given_up:
            self._record(batch)
        if self._given_up or not self._fits(batch):
            return self._trainer.step(batch)
        for mine, given in zip(self._batch, batch, strict=True):
            for place, images in zip(mine, given, strict=True):
                if place is not None:
                    place.copy_(images)
        self._graph.replay()
        return {name: value.clone() for name, value in self._terms.items()}

    @property
    def evaluated(self) -> torch.nn.Module:
        """The trainer's."""
        return self._trainer.evaluated

    def state(self) -> dict:
        """The trainer's."""
        return self._trainer.state()

    def load_state(self, state: dict) -> None:
        """Before the first step; a recorded step would go on with the tensors that it was recorded with."""
        assert self._eager == WARM_UP, "a state is loaded before the first step"
        self._trainer.load_state(state)

    def _beside(self, batch: list[Part]) -> dict[str, torch.Tensor]:
        """A step on a stream of its own, as a recording wants those before it."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            terms = self._trainer.step(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return terms

    def _record(self, batch: list[Part]) -> None:
        """A recording computes nothing: one that failed has changed no number."""
        self._batch = [type(part)(*(None if images is None else images.clone() for images in part)) for part in batch]
        for optimiser, _ in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads may go on allocating: they decode images meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._terms = self._trainer.step(self._batch)
        except RuntimeError as error:
            if self._needed:
                raise
            _say(f"{str(error).splitlines()[0]} (with cuda_graph: true this is an error)")
            self._trainer.loss.forget()
            self._given_up, self._batch = True, []
        else:
            self._graph = graph

    def _fits(self, batch: list[Part]) -> bool:
        """Whether the batch has the recorded one's sizes."""
        recorded_shapes, shapes = ([_shapes(part) for part in parts] for parts in (self._batch, batch))
        if shapes == recorded_shapes:
            return True
        message = f"images of shapes {shapes} after {recorded_shapes}; a recorded step takes one shape"
        if self._needed:
            raise ValueError(f"cuda_graph: {message}")
        if message not in self._said:
            self._said.add(message)
            _say(f"{message}, and this one is launched")
        return False


def _shapes(part: Part) -> list[tuple[int, ...] | None]:
    return [None if images is None else tuple(images.shape) for images in part]


def _say(why: str) -> None:
    print(f"cuda_graph: auto: steps are not recorded, but launched one by one: {why}", flush=True)
