"""A training step recorded once as a CUDA graph and replayed: the GPU no longer waits for the host to launch its kernels."""

import torch

from pipeline.train.batches import Part
from pipeline.train.trainer import Trainer

WARM_UP = 3  # steps before the recording, in which kernels are chosen and the optimisers' states come to be


class Recorded:
    """A trainer whose step is replayed from the fourth on; the same numbers, with learning rates in float32.

    AGRNet's step has some 6,000 kernels, which took a host 120 ms to launch, for 8 images as for 32. Every step must be
    on images of one size, with optimisers whose learning rates are tensors (`Compute.adam`). What a step needs in memory
    stays taken.
    """

    def __init__(self, trainer: Trainer):
        self._trainer = trainer
        self.optimisers = trainer.optimisers
        self._eager = WARM_UP
        self._graph: torch.cuda.CUDAGraph | None = None

    def step(self, batch: list[Part]) -> dict[str, torch.Tensor]:
        """The trainer's step. Raises ValueError for a batch of another size than the recorded one."""
        if self._eager:
            self._eager -= 1
            return self._beside(batch)
        if self._graph is None:
            self._record(batch)
        for mine, given in zip(self._batch, batch, strict=True):
            for place, images in zip(mine, given, strict=True):
                if place is None:
                    continue
                if place.shape != images.shape:
                    raise ValueError(
                        f"cuda_graph: images of shape {tuple(images.shape)} after {tuple(place.shape)}; a recorded step "
                        "takes one shape"
                    )
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
        self._batch = [type(part)(*(None if images is None else images.clone() for images in part)) for part in batch]
        for optimiser, _ in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may go on allocating: they decode images meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._terms = self._trainer.step(self._batch)
