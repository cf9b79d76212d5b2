"""One figure of one network in one of the paper's tables: ours, how sure it is, its difference to others, the paper's."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.metrics.statistics import Interval, paired_difference, per_image
from pipeline.params.tables import OF_NETWORKS, Table
from pipeline.report.metrics import split_row
from pipeline.report.results import ReportError, Result, Run
from pipeline.store import paths

PAPER = Path(__file__).with_name("paper.yaml")


@dataclass(frozen=True)
class Compared:
    """A network's figure of a row such as helen.ssim_y.

    result: None for a network that only the paper has. difference: to the baseline, image by image; None for the baseline
    itself, and where no image has a value of its own.
    """

    label: str
    row: str
    result: Result | None
    baseline: bool
    difference: Interval | None
    paper: float | None

    @property
    def ours(self) -> float | None:
        """Our figure."""
        return self.result.measured(self.row) if self.result else None

    @property
    def interval(self) -> dict | None:
        """What is known of how sure our figure is."""
        return self.result.interval(self.row) if self.result else None

    @property
    def beside_paper(self) -> float | None:
        """Ours less the paper's."""
        return None if self.ours is None or self.paper is None else self.ours - self.paper


@cache
def paper_figures() -> dict:
    """What the paper prints: table -> column -> row -> figure."""
    return YAML(typ="safe").load(PAPER)


def baseline_of(table: Table, run: Run) -> Result | None:
    """What a table's networks are compared with; None where it is the paper's alone."""
    (network,) = (column.network for column in table.columns if column.label == table.baseline)
    return run.results.get(network or "")


def compare(name: str, table: Table, run: Run) -> dict[str, list[Compared]]:
    """Row -> its figures, in the table's order; a network that is the paper's alone stands where the paper has a figure.

    Raises ReportError where two networks were measured on different images.
    """
    printed, baseline = paper_figures().get(name, {}), baseline_of(table, run)
    found: dict[str, list[Compared]] = {}
    for row in table.rows:
        found[row] = []
        for column in table.columns:
            result = run.results.get(column.network or "")
            paper = printed.get(column.label, {}).get(row)
            free = result is not None and not result.task and split_row(row)[1] in OF_NETWORKS  # the bicubic input
            if (result and not free) or paper is not None:
                apart = difference(result, baseline, row) if result and baseline else None
                is_baseline = result is not None and result is baseline
                found[row].append(Compared(column.label, row, result, is_baseline, apart, paper))
    return found


def difference(result: Result, baseline: Result, row: str) -> Interval | None:
    """Ours less the baseline's over the same images, the mean over the seeds; None without values of single images."""
    key, metric = split_row(row)
    frames = [of.values.get(key) for of in (result, baseline)]
    if result is baseline or any(frame is None or metric not in frame for frame in frames):
        return None
    try:
        return paired_difference(*(per_image(frame, metric) for frame in frames))
    except ValueError as error:
        stages = " ".join(_stage(of) for of in (result, baseline))
        raise ReportError(
            f"{result.name} and {baseline.name} on {key}: {error} (dvc repro --force --single-item {stages})"
        ) from None


def _stage(of: Result) -> str:
    return f"evaluate@{of.name}" if of.task else paths.BICUBIC
