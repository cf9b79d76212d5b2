"""Cells that say how sure a figure is, and why there is none; what needs an explanation becomes a note under the table."""

import math
from collections.abc import Callable

from pipeline.metrics.fid import MIN_COMPARABLE
from pipeline.metrics.statistics import FEW, Interval
from pipeline.params.tables import OF_SETS
from pipeline.report.blocks.grid import Cell, Noted, number, plain, signed
from pipeline.report.metrics import METRICS, decimals, split_row
from pipeline.report.results import TITLES, Result, Run
from pipeline.store import paths

VGG_FEATURES = 512  # the length of a feature, as in pipeline.metrics.vgg_features, which needs torch


def span(low: float, high: float, digits: int, form: Callable[[float, int], str] = plain) -> str:
    """Two ends as text; where nothing is known, that."""
    if math.isinf(low) and math.isinf(high) and low < high:
        return "no interval"
    return f"{form(low, digits)} to {form(high, digits)}"


def measured_cell(grid: Noted, result: Result, row: str, run: Run) -> Cell:
    """Our figure of a row such as helen.ssim_y; where there is none the reason is a note under the table."""
    key, metric = split_row(row)
    value = result.measured(row)
    if value is not None:
        return number(value, decimals(metric), set_notes(grid, result, row, run) if metric in OF_SETS else ())
    if not key and not result.task:
        return Cell()  # the bicubic input is no network
    return Cell("not computed", None, (grid.note(f"{METRICS[metric][0]}: {result.why_not(row)}"),))


def not_computed(result: Result, row: str) -> str:
    """Why a row has no figure of ours, in a sentence; what to do about it stands where all that is missing is listed."""
    reason = result.why_not(row).partition(". ")[0].rstrip(".")
    return f"{METRICS[split_row(row)[1]][0]} was not computed: {reason}."


def interval_cell(grid: Noted, result: Result, row: str) -> Cell:
    """The 95 % interval of a figure; a dash for figures that no image has a part in."""
    found = result.interval(row)
    if found is None:
        return Cell()
    low, high = found["low"], found["high"]
    notes = image_notes(grid, found["images"], result.measured(f"{split_row(row)[0]}.images"), low == high)
    return Cell(span(low, high, decimals(split_row(row)[1])), (low, high), notes)


def mean_cell(grid: Noted, result: Result, row: str, run: Run) -> Cell:
    """A figure and its 95 % interval in one cell; its CSV fields are the three numbers."""
    mean, interval = measured_cell(grid, result, row, run), interval_cell(grid, result, row)
    if interval.value is None:
        return mean
    return Cell(
        f"{mean.text} ({interval.text})", (mean.value, *interval.value), tuple(sorted(mean.notes + interval.notes))
    )


def mean_fields(name: str) -> tuple[str, str, str]:
    """Names of the CSV fields of a figure with its interval."""
    return name, f"{name}_low", f"{name}_high"


def difference_cell(grid: Noted, found: Interval | None, row: str, total: float | None) -> Cell:
    """A difference with its interval, and in words whether that excludes 0; a dash for None."""
    if found is None:
        return Cell()
    metric = split_row(row)[1]
    _, arrow, digits = METRICS[metric]
    text = f"{signed(found.mean, digits)} ({span(found.low, found.high, digits, signed)})"
    if found.excludes_zero:
        text += ", better" if (found.low > 0) == (arrow == "↑") else ", worse"
    notes = image_notes(grid, found.images, total, found.low == found.high)
    return Cell(text, (found.mean, found.low, found.high), notes)


def image_notes(grid: Noted, images: int, total: float | None, alike: bool) -> tuple[int, ...]:
    """`image_remarks` as notes."""
    return tuple(sorted(map(grid.note, image_remarks(images, total, alike))))


def image_remarks(images: int, total: float | None, alike: bool) -> list[str]:
    """What an interval over `images` of `total` images cannot tell. alike: its ends are one number."""
    said = []
    if total and images < total:
        said.append(f"Over {images:,} of {total:,.0f} images: the others have no value.")
    if images == 1:
        said.append("One image says nothing about others.")
    elif alike:
        said.append("Every image has the same value, so that nothing tells how sure their mean is.")
    elif images < FEW:
        said.append(f"With fewer than {FEW} images an interval comes out too narrow.")
    return said


def set_notes(grid: Noted, result: Result, row: str, run: Run) -> tuple[int, ...]:
    """What a distance between two sets of images rests on, what it can be compared with, and what it is not."""
    metric = split_row(row)[1]
    digits, text = decimals(metric), set_basis(result, row, run)
    bicubic = run.results[paths.BICUBIC].measured(row)
    if bicubic is not None:
        text += f" Bicubic’s is {plain(bicubic, digits)}."
    floor = run.reference[paths.REFERENCE_SET].get(f"{metric}_floor")
    if floor is not None:
        text += f" Two random halves of those HR images are {plain(floor, digits)} apart; "
        text += "smaller differences mean nothing."
    notes = [grid.note(text)]
    if metric == "kid_inception":
        spread = result.measured(f"{row}_std")
        notes += [grid.note(f"Between random subsets KID spreads by {plain(spread, digits)} (s.d.).")] if spread else []
    if metric == "frechet_vgg16":
        notes.append(
            grid.note("No FID: it compares features of VGG16, not of Inception, and cannot be compared with any FID.")
        )
    return tuple(notes)


def set_basis(result: Result, row: str, run: Run) -> str:
    """How many images a distance between two sets rests on, and what too few of them mean."""
    key, metric = split_row(row)
    images, reference = int(result.metrics[key]["images"]), int(run.reference[paths.REFERENCE_SET]["images"])
    name = METRICS[metric][0].removesuffix(" (no FID)")
    text = f"{name} of {images:,} restored faces against {reference:,} HR images of {TITLES[paths.REFERENCE_SET]}."
    if unusable(result, row, run):
        text += f" Unusable for comparison: it needs {MIN_COMPARABLE:,} images or more on each side."
    if metric == "frechet_vgg16" and min(images, reference) <= VGG_FEATURES:
        text += (
            f" With {VGG_FEATURES} images or fewer on a side it comes out too large; it only compares networks here."
        )
    return text


def unusable(result: Result, row: str, run: Run) -> bool:
    """Whether a figure is an FID of too few images to be compared with any other."""
    key, metric = split_row(row)
    if metric != "fid_inception":
        return False
    sides = (of.get("images", 0) for of in (result.metrics.get(key, {}), run.reference.get(paths.REFERENCE_SET, {})))
    return min(sides) < MIN_COMPARABLE
