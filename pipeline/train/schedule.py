"""How long a run is, and how its learning rate goes over it: a function of what has gone by, so that nothing is saved of it.

A run of so many steps is the same each time. One of so many minutes is not: what a machine does in them is another number of
steps each time, at other rates.
"""

import math
import sys

import torch

from pipeline.params.tasks import TrainParams
from pipeline.train.compute import Compute
from pipeline.train.distributed import mean_over

IN_FLIGHT = 2  # steps that the host of a timed run may be ahead of its GPU


class Steps:
    """A length in steps. most: how many there can be; whole: the length, in what `gone` counts."""

    def __init__(self, steps: int):
        self.most = self.whole = steps

    def gone(self, done: int, spent_s: float) -> float:
        """How much of the length is over after `done` steps and `spent_s` seconds."""
        return done

    def over(self, done: int, gone: float) -> bool:
        """Whether there is no further step."""
        return done >= self.whole


class Minutes:
    """A length in minutes of training, with everything that happens between its steps; what begins and ends a run comes on
    top. There is at least one step. The time is the mean of the processes', so that all have the same rates and end."""

    most = sys.maxsize

    def __init__(self, minutes: float, compute: Compute):
        self.whole = 60 * minutes
        self._compute = compute
        self._running: list[torch.cuda.Event] = []

    def gone(self, done: int, spent_s: float) -> float:
        """Seconds of the training; asked for after every step. A GPU is waited for, so that no queue is taken for work."""
        device, world = self._compute.device, self._compute.world
        if device.type == "cuda":
            self._running.append(torch.cuda.Event())
            self._running[-1].record()
            if len(self._running) > IN_FLIGHT:
                self._running.pop(0).synchronize()
        if world.size == 1:
            return spent_s
        return float(mean_over({"s": torch.tensor(spent_s, dtype=torch.float64, device=device)}, world)["s"])

    def over(self, done: int, gone: float) -> bool:
        """Whether no time is left for a step as long as the mean of those before."""
        return gone * (done + 1) > self.whole * done


def length_of(options: TrainParams, images: int, compute: Compute) -> Steps | Minutes:
    """The length that params ask for. images: how many an epoch has."""
    if options.minutes:
        return Minutes(options.minutes, compute)
    return Steps(options.steps or max(1, round(options.epochs * images / options.batch_size)))


def rate_factor(schedule: str, gone: float, whole: float) -> float:
    """What the learning rate is multiplied by where `gone` of `whole` are over: steps, or seconds.

    "constant": 1. "cosine": from 1 down to 0 over the run. Paper silent: its profile takes SPARNet's constant rate; short
    runs take the cosine, since at a full rate batch norm's running statistics lag behind the weights until the end.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * gone / whole))
    raise ValueError(f"schedule {schedule!r}; one of constant, cosine is needed")


def set_rates(optimisers: list[tuple[torch.optim.Optimizer, float]], factor: float) -> None:
    """Give each optimiser its own rate times the factor."""
    for optimiser, rate in optimisers:
        for group in optimiser.param_groups:
            if isinstance(group["lr"], torch.Tensor):  # a recorded step reads it there
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor
