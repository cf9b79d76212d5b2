"""The training loop of both networks: batch by batch, with a curve, a resumable state and a stop at the first bad number."""

from pathlib import Path
from typing import Protocol

import torch
from tqdm import tqdm

from pipeline.training import checkpoint
from pipeline.training.batches import Batches
from pipeline.training.schedule import rate_factor, set_rates
from pipeline.training.tensors import to_float


class Trainer(Protocol):
    """One network with its losses and optimisers."""

    lowest: float  # of the images it works on, see `pipeline.training.tensors`
    optimisers: list[tuple[torch.optim.Optimizer, float]]  # each with its learning rate

    def step(self, lr_up: torch.Tensor, hr: torch.Tensor) -> dict[str, torch.Tensor]:
        """One update on a batch; returns detached numbers: "loss", which the generator minimises, and its terms."""

    def state(self) -> dict:
        """Everything that the next step depends on."""

    def load_state(self, state: dict) -> None:
        """Go back to a state."""


def train(
    trainer: Trainer,
    batches: Batches,
    steps: int,
    device: torch.device,
    *,
    resume: Path,  # file of the unfinished run's state
    run: str,  # its fingerprint
    schedule: str,  # of the learning rates, see `pipeline.training.schedule`
    log_every_steps: int,
    save_every_steps: int,
    describe: str,
) -> list[dict]:
    """Train for `steps` steps, going on from `resume` where it holds this run's state.

    Returns the curve: a row per log interval with the mean of every loss term (no times: the same run
    gives the same bytes). Raises
    FloatingPointError at the first loss that is no finite number, with the step and the images' names.
    """
    state = checkpoint.restore(resume, run, device) or {"step": 0, "curve": []}
    first, curve = state["step"], state["curve"]
    if first:
        trainer.load_state(state["trainer"])
    sums: dict[str, torch.Tensor] = {}
    seen = 0
    bar = tqdm(initial=first, total=steps, desc=describe, unit="step", mininterval=1.0)
    for step, batch in enumerate(batches.run(first, steps), start=first):
        set_rates(trainer.optimisers, rate_factor(schedule, step, steps))
        terms = trainer.step(*(to_float(images, trainer.lowest, device) for images in (batch.lr_up, batch.hr)))
        _stop_if_bad(terms, step, batch.keys)
        sums = {name: sums.get(name, 0) + value for name, value in terms.items()}
        seen += 1
        bar.update()
        done = step + 1
        if done % log_every_steps == 0 or done == steps:
            means = {name: float(value) / seen for name, value in sums.items()}
            curve.append({"step": done, **means})
            bar.set_postfix({name: f"{value:.4g}" for name, value in means.items()})
            sums, seen = {}, 0
        # A state is only kept at the end of a log interval, so that sums never have to be.
        if done % save_every_steps == 0 and seen == 0 and done < steps:
            checkpoint.save(resume, {"step": done, "curve": curve, "trainer": trainer.state()}, run)
    bar.close()
    return curve


def _stop_if_bad(terms: dict[str, torch.Tensor], step: int, keys: list[str]) -> None:
    total = torch.stack([value.float() for value in terms.values()]).sum()
    if not torch.isfinite(total):
        values = ", ".join(f"{name} {float(value):.4g}" for name, value in terms.items())
        raise FloatingPointError(
            f"step {step + 1}: a loss is no finite number ({values}); images: {', '.join(keys)}. "
            "A lower learning_rate is the usual remedy; the last saved state stays."
        )
