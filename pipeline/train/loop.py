"""The training loop: batch by batch, with a curve, a resumable state and a stop at the first bad number."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from pipeline.store.curves import CurveWriter
from pipeline.train import checkpoint
from pipeline.train.batch_norm import PreciseBatchNorm
from pipeline.train.batches import Batches, Part
from pipeline.train.compute import Compute
from pipeline.train.distributed import mean_over, meet
from pipeline.train.graph import Recorded
from pipeline.train.schedule import Minutes, Steps, rate_factor, set_rates
from pipeline.train.trainer import Trainer
from pipeline.train.validation import PSNR, Validation

AT_A_TIME = 1000  # batches that are asked for at once


class TrainingStopped(RuntimeError):
    """The training cannot go on as it is; the message says what to change. The last good state stays."""


@dataclass(frozen=True)
class Place:
    """Where a run is kept: the file of its state, its fingerprints, and the folder of its curve."""

    state: Path
    run: checkpoint.Run
    curve: Path


def train(
    trainer: Trainer | Recorded,
    batches: Batches,
    validation: Validation,
    length: Steps | Minutes,
    compute: Compute,
    place: Place,
    describe: str,
) -> dict:
    """Train for a length, going on from the state where it holds this run's; of minutes those that were left then.

    Returns the last state: "step", "curve" (a row per log interval with the mean of every loss term), "seconds" spent,
    "trainer", "best" (None, or step, psnr_y and weights of the best network on the images held out), and "weights", those
    to save: the best, else the last. Raises TrainingStopped for a loss that is no finite number and where memory is not
    enough, `files.DiskFull` where there is no room for the state.
    """
    options, shown_images = compute.options, min(compute.options.samples, len(validation))
    state = _resumed(place, length, compute) or _beginning()
    first, before, started = state["step"], state["seconds"], time.perf_counter()
    evaluated = PreciseBatchNorm(trainer, batches, compute)
    if first:
        trainer.load_state(state.pop("trainer"))
    done, gone = first, length.gone(first, before)
    shown = compute.world.rank == 0
    with _explained(), Progress(place, state["curve"], first, length, describe, shown) as progress:
        interval, last = LogInterval(first), length.over(first, gone)
        coming = read_on(batches, first, length.most)
        while not last:
            factor = rate_factor(options.schedule, gone, length.whole)
            set_rates(trainer.optimisers, factor)
            interval.add(trainer.step(next(coming)))
            done += 1
            gone = length.gone(done, before + time.perf_counter() - started)
            last = length.over(done, gone)
            progress.advance()
            if _due(done, options.log_every_steps, last):
                row = {"step": done, **interval.close(batches, compute)}
                row["learning_rate"] = trainer.optimisers[0][1] * factor
                row["images_per_s"] = interval.steps * options.batch_size / interval.seconds
                if len(validation) and _due(done, options.validate_every_steps, last):
                    net = evaluated.network(done)
                    if progress.shown:
                        row |= validation.measure(net)
                        state["best"] = _better(state["best"], row, net) if options.weights == "best" else None
                state["curve"].append(row)
                progress.log(row)
            if shown_images and _due(done, options.sample_every_steps, last):
                net = evaluated.network(done)
                if progress.shown:
                    progress.picture(done, validation.strip(net, shown_images))
            if _due(done, options.save_every_steps, last):  # always the end of an interval, so no sums need to be kept
                state |= {"step": done, "trainer": trainer.state(), "seconds": before + time.perf_counter() - started}
                if progress.shown:
                    checkpoint.save(place.state, state, place.run)
            if interval.closed:
                interval = LogInterval(done)
        end = evaluated.network(done)  # asked for by all processes, also where one of them has kept a better one
        state["weights"] = state["best"]["weights"] if state["best"] else end.state_dict()
    return state


def read_on(batches: Batches, first: int, most: int) -> Iterator[list[Part]]:
    """Batches from number `first` on. A run that does not know its end asks for some at a time."""
    for start in range(first, most, AT_A_TIME):
        yield from batches.run(start, min(start + AT_A_TIME, most))


class LogInterval:
    """The steps since the last row of the curve. Their losses stay on the device: nobody waits for them before its end."""

    def __init__(self, first: int):
        self._first, self._terms, self._since = first, [], time.perf_counter()
        self.closed = False

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return len(self._terms)

    def add(self, terms: dict[str, torch.Tensor]) -> None:
        """Take the losses of a step."""
        self._terms.append(terms)

    def close(self, batches: Batches, compute: Compute) -> dict[str, float]:
        """The mean of every term, as "train/<term>". Raises TrainingStopped where one is no finite number."""
        terms = {name: torch.stack([step[name].float() for step in self._terms]) for name in self._terms[0]}
        table = torch.stack(list(mean_over(terms, compute.world).values())).cpu()  # (terms, steps)
        self.seconds = time.perf_counter() - self._since
        self.closed = True
        bad = torch.nonzero(~torch.isfinite(table).all(dim=0)).flatten().tolist()
        if bad:
            step = self._first + bad[0]
            values = ", ".join(
                f"{name} {float(value):.4g}" for name, value in zip(terms, table[:, bad[0]], strict=True)
            )
            raise TrainingStopped(
                f"step {step + 1}: a loss is no finite number ({values}); images: {', '.join(batches.keys(step))}. A lower "
                "learning_rate is the usual remedy; the last saved state stays"
            )
        return {f"train/{name}": float(mean) for name, mean in zip(terms, table.double().mean(dim=1), strict=True)}


class Progress:
    """What is seen of a run: a progress bar, its curve, pictures. Only one of several processes shows anything."""

    def __init__(
        self, place: Place, curve: list[dict], first: int, length: Steps | Minutes, describe: str, shown: bool
    ):
        self.shown = shown
        total = length.whole if isinstance(length, Steps) else None
        if total is None:
            describe += f", {length.whole / 60:g} minutes"
        self._bar = tqdm(initial=first, total=total, desc=describe, unit="step", mininterval=1.0, disable=not shown)
        self._said: dict[str, str] = {}
        self._kept = place.state.with_suffix(
            ""
        )  # pictures of a run that may be interrupted; DVC deletes its outputs then
        self._live = None
        if shown:
            self._live = CurveWriter(place.curve, curve)
            self._bring_back_pictures(first)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc) -> None:
        self._bar.close()

    def advance(self) -> None:
        """A step is done."""
        self._bar.update()

    def log(self, row: dict) -> None:
        """A row of the curve."""
        if self._live:
            self._live.log(row)
            self._said |= {name.split("/")[-1]: f"{value:.4g}" for name, value in row.items() if "/" in name}
            self._bar.set_postfix(self._said)

    def picture(self, step: int, png: bytes) -> None:
        """A strip of images as the network makes them at that step."""
        name = f"{step:07d}.png"
        self._kept.mkdir(parents=True, exist_ok=True)
        (self._kept / name).write_bytes(png)
        self._live.image(f"samples/{name}", png)

    def _bring_back_pictures(self, first: int) -> None:
        for file in sorted(self._kept.glob("*.png")):
            if int(file.stem) <= first:
                self._live.image(f"samples/{file.name}", file.read_bytes())
            else:
                file.unlink()


def _resumed(place: Place, length: Steps | Minutes, compute: Compute) -> dict | None:
    """The state to go on from. The first process may move states about; the others look when it has."""
    world = compute.world
    if world.rank:
        meet(world)
    state = checkpoint.resume(place.state, place.run, length.most, compute.device)
    if not world.rank:
        meet(world)
    return state


def _beginning() -> dict:
    return {"step": 0, "curve": [], "seconds": 0.0, "best": None}


def _due(done: int, every: int, last: bool) -> bool:
    return done % every == 0 or last


def _better(best: dict | None, row: dict, net: torch.nn.Module) -> dict:
    if best and best["psnr_y"] >= row[PSNR]:
        return best
    weights = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
    return {"step": row["step"], "psnr_y": row[PSNR], "weights": weights}


@contextmanager
def _explained() -> Iterator[None]:
    """Turns the ways of running out of memory into one error that says what to change."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise TrainingStopped(
            f"memory is not enough for this training ({str(error).splitlines()[0]}). Any of these in params.yaml needs "
            "less: precision: bf16, recompute: true, a larger accumulate, keep_images: host or disk, a smaller batch_size. "
            "The last saved state stays"
        ) from error
