"""What Eq. (28) drew for every image of a set: blur, shrinking, noise and compression, beside the paper's ranges.

Read from the records beside the low-resolution images, so it is what was done and not what was asked for.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.report.blocks.grid import Grid, Line, heads, number, words
from pipeline.report.results import require
from pipeline.store import images, manifest, paths
from pipeline.store.shards import ShardReader

COLUMNS = ["kept", "kind", "r", "sigma", "lr_side_px", "noise_level", "compression", "quality"]
PLACE = ["hr_shard", "hr_offset", "hr_size"]
# Sec. 4.2, for HR images of 512 px. A JPEG quality is what the library of the published code makes of the strength q.
REFERENCE_SIDE_PX = 512
BLUR_PX = {"gaussian": (3, 15), "average": (3, 15), "median": (3, 15), "motion": (5, 25)}
LR_SIDE_PX = (32, 128)
NOISE_LEVELS = (0, 25)
COMPRESSION = (60, 85)
QUALITY = (17, 41)
MIN_KERNEL_PX = 3
TOLERANCE = 1e-9  # of a float beside its bound


@dataclass(frozen=True)
class Quantity:
    """One of the numbers drawn.

    drawn: its value for each image that has one (a JPEG quality follows from the strength drawn). low, high: the paper's
    range, at the set's HR side. whole: whole numbers.
    """

    name: str
    unit: str
    drawn: np.ndarray
    low: float
    high: float
    whole: bool = True

    @property
    def outside(self) -> int:
        """How many lie outside of the range."""
        return int(((self.drawn < self.low - TOLERANCE) | (self.drawn > self.high + TOLERANCE)).sum())

    @property
    def range(self) -> str:
        """The range in words."""
        return f"{self.low:g} to {self.high:g} {self.unit}".strip()


@dataclass(frozen=True)
class Draws:
    """All draws of a set. images: low-resolution images. kinds: blur kind -> images. skipped: step -> images without it."""

    key: str
    hr_px: int
    images: int
    kinds: dict[str, int]
    quantities: list[Quantity]
    skipped: dict[str, int]

    @property
    def outside(self) -> int:
        """How many numbers lie outside of their ranges."""
        return sum(quantity.outside for quantity in self.quantities)

    @property
    def drawn(self) -> int:
        """How many numbers were drawn in all."""
        return sum(len(quantity.drawn) for quantity in self.quantities)


def read_draws(key: str) -> Draws | None:
    """The draws of a set; None where it was not degraded by Eq. (28), or holds no image."""
    folder = paths.paired_folder("degrade", key)
    path = require(folder / manifest.FILE, f"degrade@{key}")
    frame = manifest.read_table(path, COLUMNS + PLACE)
    if not {*COLUMNS, *PLACE} <= {*frame}:
        return None
    frame = frame[frame["kept"]]
    return _draws(key, frame, _hr_side(key, frame.iloc[0])) if len(frame) else None


def _hr_side(key: str, row: pd.Series) -> int:
    resized = paths.paired_folder("resize", key)
    require(resized / manifest.FILE, f"resize@{key}")
    with ShardReader(resized) as shards:
        return images.decode(shards.read(*(row[name] for name in PLACE))).shape[0]


def _draws(key: str, frame: pd.DataFrame, hr_px: int) -> Draws:
    kinds = {kind: int((frame["kind"] == kind).sum()) for kind in BLUR_PX}
    noisy, compressed = frame["noise_level"] > 0, frame["compression"] >= 0
    scale = hr_px / REFERENCE_SIDE_PX
    quantities = [_radius(kind, frame[frame["kind"] == kind], scale) for kind in BLUR_PX]
    quantities += [
        Quantity("LR side", "px", _values(frame["lr_side_px"]), *(_whole(px * scale, 1) for px in LR_SIDE_PX)),
        Quantity("noise", "grey levels", _values(frame.loc[noisy, "noise_level"]), *NOISE_LEVELS, whole=False),
        Quantity("JPEG strength", "", _values(frame.loc[compressed, "compression"]), *COMPRESSION),
        Quantity("JPEG quality", "", _values(frame.loc[compressed, "quality"]), *QUALITY),
    ]
    skipped = {
        "blur": len(frame) - sum(kinds.values()),
        "noise": int((~noisy).sum()),
        "JPEG": int((~compressed).sum()),
    }
    return Draws(key, hr_px, len(frame), kinds, quantities, skipped)


def _radius(kind: str, frame: pd.DataFrame, scale: float) -> Quantity:
    """r of a blur kind: the Gaussian's sigma where it was read as that, a kernel's side otherwise."""
    low, high = (px * scale for px in BLUR_PX[kind])
    if kind == "gaussian" and (frame["r"] == frame["sigma"]).all():
        return Quantity("gaussian blur, sigma", "px", _values(frame["r"]), low, high, whole=False)
    low, high = (_whole(px, MIN_KERNEL_PX) for px in (low, high))
    return Quantity(f"{kind} blur, kernel", "px", _values(frame["r"]), low, high)


def _whole(px: float, least: int) -> int:
    """Whole pixels, a half rounded up."""
    return max(least, math.floor(px + 0.5))


def _values(column: pd.Series) -> np.ndarray:
    return column.to_numpy(float)


def draws_grid(draws: Draws) -> Grid:
    """Every quantity of a set in numbers: how many, from where to where, the paper's range, how many outside of it."""
    columns = heads("images", "smallest", "largest", "the paper’s range", "outside", prose=("the paper’s range",))
    grid = Grid(f"draws_{draws.key}", f"Numbers recorded for HR images of {draws.hr_px} px", "number", columns)
    for quantity in draws.quantities:
        drawn, decimals = quantity.drawn, 0 if quantity.whole else 2
        ends = [float(drawn.min()), float(drawn.max())] if len(drawn) else [None, None]
        cells = [
            number(len(drawn)),
            *(number(end, decimals) for end in ends),
            words(quantity.range),
            number(quantity.outside),
        ]
        grid.lines.append(Line(quantity.name, cells))
    for step, left_out in draws.skipped.items():
        if left_out:
            none = number(None)
            grid.lines.append(Line(f"without {step}", [number(left_out), none, none, words("never"), number(left_out)]))
    return grid
