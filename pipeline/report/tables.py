"""Tables 2 to 7 of the paper: our figures, and the paper's beside them and marked as the paper's. One path for all six."""

from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from pipeline import layout
from pipeline.params import Table
from pipeline.report.grid import Cell, Grid, Line, number
from pipeline.report.results import TITLES, ReportError, Result, Run

PAPER = Path(__file__).with_name("paper.yaml")
# Sec. 4.3: images of each set. The training sets' are pairs.
PAPER_COUNTS = {"celeba": "about 179,000", "helen": "50", "ffhq": "70,000", "celebahq": "2,824", "real": "1,084"}
MIN_COMPARABLE = 2048  # as in pipeline.metrics.fid, which needs torch

# metric -> name, better direction, decimals (the paper's where it prints the metric)
METRICS = {
    "psnr_y": ("PSNR", "↑", 2),
    "ssim_y": ("SSIM", "↑", 4),
    "lpips_alex": ("LPIPS (AlexNet)", "↓", 4),
    "lpips_vgg": ("LPIPS (VGG16)", "↓", 4),
    "landmark_distance": ("landmark distance", "↓", 4),
    "faces_found": ("faces found", "↑", 3),
    "fid_inception": ("FID", "↓", 2),
    "kid_inception": ("KID", "↓", 4),
    "frechet_vgg16": ("Fréchet distance on VGG16 (no FID)", "↓", 3),
    "parameters_m": ("parameters, M", "", 2),
    "gmac": ("GMAC", "", 2),
}
PAPER_NAMES = {"lpips_alex": "LPIPS"}  # the paper does not name the trunk


def title(metric: str) -> str:
    """A metric's name with the arrow that says which way is better."""
    name, arrow, _ = METRICS[metric]
    return f"{name} {arrow}".strip()


def caption(name: str, table: Table) -> str:
    """What stands over a table, e.g. "Table 5. Number of ARUs"."""
    return f"{name.replace('_', ' ').capitalize()}. {table.title}"


@cache
def paper_figures() -> dict:
    """What the paper prints: table -> column -> row -> figure."""
    return YAML(typ="safe").load(PAPER)


def paper_table(name: str, table: Table, run: Run) -> Grid | None:
    """One of the paper's tables with our figures; None where no variant of it is left.

    A column whose variant is not in params is gone; a column without a variant has the paper's figures alone.
    """
    columns = [column for column in table.columns if column.variant is None or column.variant in run.results]
    results = [run.results.get(column.variant) for column in columns]
    if not any(result and result.model for result in results):
        return None
    grid = Grid(name, caption(name, table), "metric", [])
    labels = [column.label for column in columns]
    marks = _loss_notes(grid, labels, results)
    grid.columns = [Cell(label, label, tuple(numbers)) for label, numbers in zip(labels, marks, strict=True)]
    for row in table.rows:
        key, metric = _parse(row, f"report.tables.{name}.rows")
        cells = [measured_cell(grid, result, row, run) if result else Cell() for result in results]
        grid.lines.append(Line(title(metric), cells, _basis(key, results, run)))
        grid.lines += _paper_lines(paper_figures().get(name, {}), labels, row)
    return grid


def measured_cell(grid: Grid, result: Result, row: str, run: Run) -> Cell:
    """Our figure of a row such as helen.ssim_y; where there is none the reason is a note under the table."""
    key, _, metric = row.rpartition(".")
    value = result.measured(row)
    if value is not None:
        return number(
            value, METRICS[metric][2], _fid_notes(grid, result, key, run) if metric == "fid_inception" else ()
        )
    if not key:
        return Cell()  # the bicubic input is no network
    name = METRICS[metric][0]
    reason = result.absent.get(metric) or result.absent.get(
        key, "not asked for in params.yaml (evaluate), or without meaning for this set"
    )
    return Cell("not computed", None, (grid.note(f"{name}: {reason}"),))


def _parse(row: str, where: str) -> tuple[str, str]:
    key, _, metric = row.rpartition(".")
    if metric not in METRICS or (key and key not in layout.SETS):
        sets, metrics = ", ".join(layout.SETS), ", ".join(METRICS)
        raise ReportError(f"{where}: {row!r} is no set.metric; sets are {sets}; metrics are {metrics}")
    return key, metric


def _basis(key: str, results: list[Result | None], run: Run) -> str:
    if not key:
        return ""
    images = dict.fromkeys(f"{r.metrics[key]['images']:,.0f}" for r in results if r and key in r.metrics)
    return f"here, on {TITLES[key]}: {' or '.join(images) or 'no'} {run.sources[key]}"


def _paper_lines(figures: dict, labels: list[str], row: str) -> list[Line]:
    values = [figures.get(label, {}).get(row) for label in labels]
    if not any(value is not None for value in values):
        return []
    key, _, metric = row.rpartition(".")
    name, arrow, decimals = METRICS[metric]
    header = f"paper: {PAPER_NAMES.get(metric, name)} {arrow}".strip()
    basis = f"on {TITLES[key]}, {PAPER_COUNTS[key]} images" if key else ""
    return [Line(header, [number(value, decimals) for value in values], basis, paper=True)]


def _fid_notes(grid: Grid, result: Result, key: str, run: Run) -> tuple[int, ...]:
    """What an FID rests on, and that it is of no use for comparison where a side has too few images."""
    images, reference = (int(result.metrics[key][name]) for name in ("images", "reference_images"))
    text = f"FID of {images:,} restored faces against {reference:,} HR images of {TITLES[layout.REFERENCE_SET]}."
    if min(images, reference) < MIN_COMPARABLE:
        text += f" Unusable for comparison: it needs {MIN_COMPARABLE:,} images or more on each side."
    floor = run.results[layout.BICUBIC].measured(f"{key}.fid_inception_floor")
    if floor is not None:
        text += f" Two random halves of those HR images are {floor:.2f} apart; smaller differences mean nothing."
    return (grid.note(text),)


def _loss_notes(grid: Grid, labels: list[str], results: list[Result | None]) -> list[list[int]]:
    """Notes per column on terms that had to be left out of its loss, and on columns that are equal because of it."""
    marks: list[list[int]] = [[] for _ in labels]
    lacking: dict[tuple[str, str], list[int]] = {}
    alike: dict[str, list[int]] = {}
    for place, result in enumerate(results):
        if result and result.model:
            alike.setdefault(trained_as(result), []).append(place)
            for term, reason in result.left_out.items():
                lacking.setdefault((term, reason), []).append(place)
    for (term, reason), places in lacking.items():
        _mark(marks, places, grid.note(f"Trained without L_{term}: {reason}"))
    for places in alike.values():
        terms = dict.fromkeys(term for place in places for term in results[place].left_out)
        if len(places) > 1 and terms:
            names = " equals ".join(f"“{labels[place]}”" for place in places)
            left_out = ", ".join(f"L_{term}" for term in terms)
            text = f"{names} here: trained without {left_out}, they differ in nothing else."
            _mark(marks, places, grid.note(text))
    return marks


def _mark(marks: list[list[int]], places: list[int], note: int) -> None:
    for place in places:
        marks[place].append(note)


def trained_as(result: Result) -> str:
    """What decided the training, as a text to compare: two variants with the same text were trained the same way.

    A term that was left out of the loss counts as one of weight 0, and without L_pc its trunk is of no account.
    """
    params = {section: dict(values) for section, values in result.card["params"].items()}
    if "loss" in params:
        loss = params["loss"] | dict.fromkeys(result.left_out, 0)
        ignored = ("without_trunk",) if loss["pc"] else ("without_trunk", "perceptual_trunk")
        params["loss"] = {
            term: float(v) if isinstance(v, int) else v for term, v in loss.items() if term not in ignored
        }
    return repr([result.model, params, result.card["seeds"], result.card["data"]])
