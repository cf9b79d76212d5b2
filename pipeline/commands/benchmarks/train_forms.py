"""The forms of a network that bench-train compares, and how a step in each is timed."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from pipeline.infer.fold import folded
from pipeline.losses.build import build_loss
from pipeline.networks.units.fast import faster
from pipeline.params.base import Section
from pipeline.params.tasks import TrainParams
from pipeline.runtime import device as devices
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.graph import WARM_UP, recorded
from pipeline.train.trainer import Trainer

Step = Callable[[], object]


@dataclass(frozen=True)
class Form:
    """How a network is run. fast: the faster forms, channels_last. short: under bfloat16 autocast. recorded: as a graph."""

    fast: bool = False
    short: bool = False
    tf32: bool = False
    compiled: bool = False
    recorded: bool = False

    @property
    def precision(self) -> str:
        """In params.yaml's words."""
        return "bf16" if self.short else "tf32" if self.tf32 else "fp32"

    def network(self, net: nn.Module, training: bool) -> nn.Module:
        """A copy of `net` in this form; for inference with what can be folded folded, where the form is a fast one."""
        net = copy.deepcopy(net).train(training)
        if self.fast:
            net = faster(net) if training else folded(net)
            net = net.to(memory_format=torch.channels_last)
        return torch.compile(net) if self.compiled else net

    def images(self, x: Tensor) -> Tensor:
        """The images in the form's memory format."""
        return x.contiguous(memory_format=torch.channels_last) if self.fast else x

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context in which the form's forward runs."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.short)

    def options(self, batch: int, ema: float) -> TrainParams:
        """A training in this form, as params.yaml would ask for it."""
        return TrainParams(
            steps=1,
            batch_size=batch,
            learning_rate=2e-4,
            betas=(0.9, 0.99),
            ema=ema,
            precision=self.precision,
            channels_last=self.fast,
            faster_forms=self.fast,
            compile=self.compiled,
            cuda_graph=self.recorded,
        )


PLAIN = Form()
CPU_FORMS = {"plain": PLAIN, "fast_fp32": Form(fast=True), "fast_bf16": Form(fast=True, short=True)}
GPU_FORMS = {
    "plain": PLAIN,
    "fast_bf16": Form(fast=True, short=True, tf32=True),
    "fast_bf16_recorded": Form(fast=True, short=True, tf32=True, recorded=True),
    "fast_bf16_compiled_recorded": Form(fast=True, short=True, tf32=True, compiled=True, recorded=True),
}


FASTEST = {"cpu": CPU_FORMS["fast_bf16"], "cuda": GPU_FORMS["fast_bf16_recorded"]}  # without a compiler


def forms_on(device: torch.device) -> dict[str, Form]:
    """The forms compared on a device, the baseline first."""
    return GPU_FORMS if device.type == "cuda" else CPU_FORMS


@dataclass(frozen=True)
class Objective:
    """What is trained of a network: its loss with its params, the decay of its average (0: none), and the folder of the
    weights that the loss looks through."""

    loss: str
    params: Section
    ema: float = 0.0
    brought: Path = Path()


def trainer(
    form: Form, net: nn.Module, objective: Objective, batch: int, device: torch.device
) -> Callable[[Part], None]:
    """A function of a batch in one part that takes one whole training step of a copy of `net`, by the project's trainer."""
    options = form.options(batch, objective.ema)
    compute = Compute(options, device)
    loss = build_loss(objective.loss, objective.params, compute, objective.brought)
    steps = recorded(Trainer(copy.deepcopy(net), loss, options, compute), compute)

    def step(part: Part) -> None:
        devices.use_precision(form.precision if device.type == "cuda" else "fp32", device)
        steps.step([part])

    return step


def applier(form: Form, net: nn.Module) -> Callable[[Tensor], None]:
    """A function of lr_up that restores it with a copy of `net`; a recorded one takes the images of its first call."""
    net = form.network(net, training=False)

    @torch.no_grad()
    def restore(lr_up: Tensor) -> None:
        _allow_tf32(form.tf32)
        with form.autocast(lr_up.device):
            net(form.images(lr_up))

    return _replayed(restore) if form.recorded else restore


def _replayed(restore: Callable[[Tensor], None]) -> Callable[[Tensor], None]:
    graph, launched = torch.cuda.CUDAGraph(), []

    def replay(lr_up: Tensor) -> None:
        if len(launched) < WARM_UP:  # in which kernels are chosen, and compiled
            launched.append(lr_up)
            stream = torch.cuda.Stream()
            with torch.cuda.stream(stream):
                restore(lr_up)
            stream.synchronize()
            if len(launched) == WARM_UP:
                with torch.cuda.graph(graph):
                    restore(lr_up)
        else:
            graph.replay()

    return replay


def interleaved_seconds(
    steps: dict[str, Step], rounds: int, repeats: int, device: torch.device
) -> dict[str, list[float]]:
    """Seconds of one call of each step, a value a round; all take turns, so that a machine's drift meets them alike.

    Every step runs twice before the first round, on a GPU until it is recorded. In a round each is called `repeats` times.
    """
    for step in steps.values():
        for _ in range(WARM_UP + 1 if device.type == "cuda" else 2):
            step()
    seconds = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            synchronise(device)
            start = time.perf_counter()
            for _ in range(repeats):
                step()
            synchronise(device)
            seconds[name].append((time.perf_counter() - start) / repeats)
    return seconds


def ratio_to_first(seconds: dict[str, list[float]]) -> dict[str, float]:
    """How many times faster than the first each is: the median over rounds."""
    first = next(iter(seconds.values()))
    return {name: median(a / b for a, b in zip(first, own, strict=True)) for name, own in seconds.items()}


def bf16_mac_rate(device: torch.device, side: int, rounds: int = 10) -> float:
    """Multiply-accumulates a second of a bfloat16 matrix product of that side: what the machine gives at most."""
    a, b = torch.randn(2, side, side, device=device).bfloat16()
    return side**3 / min(interleaved_seconds({"matmul": lambda: a @ b}, rounds, 3, device)["matmul"])


def step_bytes(step: Step) -> int:
    """Most bytes that a step takes on the GPU beyond what is there before it: activations, gradients, temporaries."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def saved_bytes(form: Form, net: nn.Module, x: Tensor) -> int:
    """Bytes that a training forward of `x` keeps for its backward, each storage once, parameters and buffers not."""
    net = form.network(net, training=True)
    own = {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers())}
    kept = {}

    def pack(t: Tensor) -> Tensor:
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t)
    with hooks, form.autocast(x.device):
        out = net(form.images(x))
    del out  # until here it held what was kept, so that no storage was given out twice
    return sum(size for pointer, size in kept.items() if pointer not in own)


def synchronise(device: torch.device) -> None:
    """Wait for the GPU; a CPU has nothing to wait for."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def _allow_tf32(allowed: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
