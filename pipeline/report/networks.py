"""The networks of a run: their size and cost, their training, every figure measured, and what was not computed and why."""

from pipeline import layout
from pipeline.report.grid import Grid, Line, heads, number, words
from pipeline.report.results import MODELS, Result, Run, heading
from pipeline.report.tables import METRICS, measured_cell, title

OTHER_FIGURES = {
    "loss": "loss",
    "validation_psnr_y": "PSNR, held out",
    "validation_ssim_y": "SSIM, held out",
    "learning_rate": "learning rate",
}


def networks_grid(run: Run) -> Grid:
    """Widths, depth, parameters and GMAC of every network, and what sets it apart from its model."""
    columns = heads("what differs", "widths", "ARUs", "parameters, M", "GMAC", prose=("what differs", "widths"))
    grid = Grid("networks", "Size and cost", "variant", columns)
    for result in run.variants:
        network = result.card["params"]["network"]
        widths = network.get("widths") or [network["width"]]
        cells = [
            words(differences(result.changes)),
            words(", ".join(map(str, widths))),
            number(network["num_arus"]),
            number(result.measured("parameters_m"), 3),
            number(result.measured("gmac"), 3),
        ]
        grid.lines.append(Line(result.name, cells, MODELS[result.model]))
    return grid


def differences(changes: dict[str, dict]) -> str:
    """A variant's changes in words, e.g. "loss: px_norm l2, fm 0"."""
    parts = [
        f"{section}: {', '.join(f'{k} {_plain(v)}' for k, v in keys.items())}" for section, keys in changes.items()
    ]
    return "; ".join(parts) or "nothing: the model itself"


def _plain(value) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def training_grids(run: Run) -> list[Grid]:
    """Length and last losses of every training, a table per model."""
    return [
        _training_grid(model, results) for model in MODELS if (results := [r for r in run.variants if r.model == model])
    ]


def _training_grid(model: str, results: list[Result]) -> Grid:
    terms = list(dict.fromkeys(t for result in results for t in result.training if t not in ("step", "learning_rate")))
    columns = heads("steps", "images seen", *(term_name(term) for term in terms))
    data = " or ".join(dict.fromkeys(_data(result) for result in results))
    grid = Grid(f"training_{model}", f"Training of {MODELS[model]} on {data}", "variant", columns)
    for result in results:
        cells = [
            number(result.card["steps"]),
            number(result.card["images_seen"]),
            *(number(result.training.get(term), 4) for term in terms),
        ]
        grid.lines.append(Line(result.name, cells))
    return grid


def _data(result: Result) -> str:
    data = result.card["data"]
    return f"{data['images']:,} images of {data['size_px']} px"


def term_name(term: str) -> str:
    """A figure of training in words. A term of the loss as the paper writes it: L_px, ..., and L_D, Eq. (27); "loss" is what
    the generator minimises."""
    return OTHER_FIGURES.get(term) or f"L_{term.upper() if term == 'd' else term}"


def figures_grids(run: Run) -> list[Grid]:
    """Everything measured, a table per test set, variants as lines."""
    grids = []
    for key, (model, split) in layout.SETS.items():
        results = [r for r in run.results.values() if r.model in (None, model)]
        paired = any("psnr_y" in r.metrics.get(key, {}) for r in results)  # FID is for sets without HR images
        metrics = [m for m in METRICS if any(m in r.metrics.get(key, {}) or m in r.absent for r in results)]
        metrics = [m for m in metrics if m.startswith("fid") != paired]
        if split == "test" and metrics:
            grids.append(_figures_grid(key, metrics, results, run))
    return grids


def _figures_grid(key: str, metrics: list[str], results: list[Result], run: Run) -> Grid:
    caption = f"{heading(key)}, here: {run.sources[key]}"
    grid = Grid(f"figures_{key}", caption, "variant", heads("images", *map(title, metrics)))
    for result in results:
        cells = [measured_cell(grid, result, f"{key}.{metric}", run) for metric in metrics]
        grid.lines.append(Line(result.name, [number(result.measured(f"{key}.images")), *cells]))
    return grid


def absent_grid(run: Run) -> Grid | None:
    """What was not computed or not trained with, for whom, and why; None where nothing is absent."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in run.results.values():
        absences = {METRICS[metric][0] if metric in METRICS else metric: why for metric, why in result.absent.items()}
        absences |= {f"L_{term} in training": why for term, why in result.left_out.items()}
        for what, why in absences.items():
            found.setdefault((what, why), []).append(result.name)
    grid = Grid("not_computed", "Missing figures", "what", heads("for", "reason", prose=("for", "reason")))
    for (what, why), names in found.items():
        grid.lines.append(Line(what, [words(_names(names, run)), words(why)]))
    return grid if grid.lines else None


def _names(names: list[str], run: Run) -> str:
    return "everything" if len(names) == len(run.results) else ", ".join(names)
