"""How the learning rate goes over a run: a pure function of the step, so that nothing of it has to be saved."""

import math

import torch


def rate_factor(schedule: str, step: int, steps: int) -> float:
    """What the learning rate is multiplied by in step `step` (from 0) of `steps`.

    "constant": 1. "cosine": from 1 down to 0 over the run. Paper silent: its profile takes SPARNet's constant rate; short
    runs take the cosine, since at a full rate batch norm's running statistics lag behind the weights until the end.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * step / steps))
    raise ValueError(f"schedule {schedule!r}; one of constant, cosine is needed")


def set_rates(optimisers: list[tuple[torch.optim.Optimizer, float]], factor: float) -> None:
    """Give each optimiser its own rate times the factor."""
    for optimiser, rate in optimisers:
        for group in optimiser.param_groups:
            if isinstance(group["lr"], torch.Tensor):  # a recorded step reads it there
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor
