"""How quality depends on what Eq. (28) did to an image: means by blur kind, size, noise and compression.

What was done is read from the records beside the per-image values, so that a slice holds the very images it names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.metrics.statistics import FEW, Interval, mean_interval, per_image
from pipeline.report.blocks.grid import Cell, Grid, Line, heads, number, plain
from pipeline.report.metrics import decimals, title
from pipeline.report.results import Result, Run, heading
from pipeline.report.tables.cells import span
from pipeline.report.tables.draws import BLUR_PX
from pipeline.store import paths

METRICS = ("lpips_alex", "psnr_y", "landmark_distance")  # the headline of AGRNet-HR's test set first
FEWEST = 5  # images; a bin with fewer is marked
QUARTERS = 4
KINDS = tuple(BLUR_PX)
READING = (
    "The test images of AGRNet-HR were spoilt to very different degrees. Here they are sorted by what was done to them "
    "(Eq. (28)): by the kind of blur, and into quarters of about equally many images by s, the side of the low-resolution "
    "image, p, the strength of the noise, and q, the strength of the compression. A quarter is named by its smallest and "
    "its largest value; *none* holds images without that step. The range after a figure is its 95 % interval over the "
    "bin’s images. The other quantities were drawn anew for every image, so that bins of one quantity differ in it alone, "
    "up to chance.",
)


@dataclass(frozen=True)
class Factor:
    """A column of the record. name: in words, with the paper's symbol. unit: of its values. absent: where the step was not
    taken. digits: of its values as shown."""

    column: str
    name: str
    unit: str
    absent: Callable[[pd.Series], pd.Series]
    digits: int = 0


FACTORS = (
    Factor("kind", "blur kind", "", lambda kind: kind.isna() | (kind == "")),
    Factor("lr_side_px", "s, side of the LR image", "px", pd.Series.isna),
    Factor("noise_level", "p, noise", "grey levels", lambda level: ~(level > 0), 1),
    Factor("compression", "q, JPEG strength", "", lambda strength: ~(strength >= 0)),
)


@dataclass(frozen=True)
class Bin:
    """Images that were spoilt alike. label: the kind, or the smallest and largest value, with the unit."""

    factor: Factor
    label: str
    keys: list[str]


@dataclass(frozen=True)
class Slices:
    """A set's bins, factor by factor, and what was measured in them.

    bins: of all factors, in order. results: bicubic first. means: (metric, network) -> a mean with its interval per bin,
    None where no image of the bin has a value.
    """

    key: str
    bins: list[Bin]
    results: list[Result]
    means: dict[tuple[str, str], list[Interval | None]]

    @property
    def metrics(self) -> list[str]:
        """Those measured, the headline first."""
        return list(dict.fromkeys(metric for metric, _ in self.means))

    @property
    def shown(self) -> list[Result]:
        """Bicubic, and every network that is not altered."""
        return [result for result in self.results if not result.task or not result.altered]

    def of_factor(self, factor: Factor) -> list[int]:
        """The numbers of a factor's bins."""
        return [place for place, of_bin in enumerate(self.bins) if of_bin.factor is factor]


def read_slices(run: Run) -> list[Slices]:
    """The slices of every test set that Eq. (28) degraded."""
    keys = [key for key, (_, split) in paths.SETS.items() if split == "test"]
    return [slices for key in keys if (slices := _slices(key, run))]


def _slices(key: str, run: Run) -> Slices | None:
    of_set = {name: result.values for name, result in run.results.items()}  # noqa: PD011 (a field, no pandas object)
    frames = {name: frames[key] for name, frames in of_set.items() if key in frames}
    first = next(iter(frames.values()), pd.DataFrame())
    if not {factor.column for factor in FACTORS} <= set(first):
        return None
    records = first.drop_duplicates("key").set_index("key")
    bins = [of_bin for factor in FACTORS for of_bin in cut(factor, records[factor.column])]
    means = {}
    for metric in METRICS:
        for name, frame in frames.items():
            if metric in frame:
                values = per_image(frame, metric)
                means[metric, name] = [mean_interval(values.reindex(b.keys).to_numpy(float)) for b in bins]
    return Slices(key, bins, [run.results[name] for name in frames], means) if means else None


def cut(factor: Factor, values: pd.Series) -> list[Bin]:
    """A factor's values by image name, in bins: the four kinds by name, quarters of anything else, and "none" where any is.

    Equal values share a bin, so that there may be fewer than four; the kinds are all there, with or without images.
    """
    absent = factor.absent(values)
    given = values[~absent]
    if factor.column == "kind":
        named = [*KINDS, *sorted(set(given) - set(KINDS))]
        bins = [Bin(factor, kind, list(given.index[given == kind])) for kind in named]
    else:
        bins = list(_quarters(factor, given.astype(float)))
    return bins + ([Bin(factor, "none", list(values.index[absent]))] if absent.any() else [])


def _quarters(factor: Factor, values: pd.Series) -> Iterator[Bin]:
    if values.empty:
        return
    inner = np.quantile(values, np.arange(1, QUARTERS) / QUARTERS)
    quarter = np.searchsorted(inner, values, side="left")  # a value on an edge lies below it
    for place in np.unique(quarter):
        of_bin = values[quarter == place]
        low, high = plain(of_bin.min(), factor.digits), plain(of_bin.max(), factor.digits)
        label = low if low == high else f"{low} to {high}"
        yield Bin(factor, f"{label} {factor.unit}".strip(), list(of_bin.index))


def slices_grids(slices: Slices) -> list[Grid]:
    """A table per metric: bins as lines under their factor, bicubic and the model itself as columns."""
    return [_slices_grid(slices, metric) for metric in slices.metrics]


def _slices_grid(slices: Slices, metric: str) -> Grid:
    shown = [result for result in slices.shown if (metric, result.name) in slices.means]
    columns = [Cell(r.name, fields=(r.name, f"{r.name}_low", f"{r.name}_high")) for r in shown]
    caption = f"{title(metric)} on {heading(slices.key)}, by what was done to the images"
    name = f"slices_{slices.key}_{metric}"
    grid = Grid(name, caption, "bin", [*heads("images"), *columns], groups="factor")
    for factor in FACTORS:
        places = slices.of_factor(factor)
        if places:
            grid.head(factor.name, value=factor.column)
        for place in places:
            of_bin = slices.bins[place]
            cells = [number(len(of_bin.keys), notes=_few(grid, len(of_bin.keys)))]
            cells += [_cell(slices.means[metric, r.name][place], len(of_bin.keys), decimals(metric)) for r in shown]
            grid.lines.append(Line(of_bin.label, cells))
    return grid


def _few(grid: Grid, images: int) -> tuple[int, ...]:
    if not 0 < images < FEW:
        return ()
    if images < FEWEST:
        return (grid.note(f"Fewer than {FEWEST} images: what a network makes of them may be chance."),)
    return (grid.note(f"With fewer than {FEW} images an interval comes out too narrow."),)


def _cell(found: Interval | None, images: int, digits: int) -> Cell:
    """A mean, its interval, and of how many of the bin's images where some have no value."""
    if found is None:
        return Cell()
    some = f"; {found.images} of {images} images" if found.images < images else ""
    text = f"{plain(found.mean, digits)} ({span(found.low, found.high, digits)}{some})"
    return Cell(text, (found.mean, found.low, found.high))


def all_slices_grid(slices: Slices) -> Grid:
    """Every bin, metric and network, a line each, for files alone: reports/tables/slices_<set>.csv."""
    names = heads("metric", "factor", "bin", "images", "mean", "low", "high")
    grid = Grid(f"slices_{slices.key}", "Every slice", "network", names, tidy=True)
    for (metric, name), means in slices.means.items():
        for of_bin, found in zip(slices.bins, means, strict=True):
            ends = [found.mean, found.low, found.high] if found else [None] * 3
            values = [metric, of_bin.factor.column, of_bin.label, found.images if found else 0, *ends]
            grid.lines.append(Line(name, [Cell(str(value), value) for value in values]))
    return grid
