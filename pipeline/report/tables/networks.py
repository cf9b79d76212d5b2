"""The networks of a run: their size and cost, their training, and what was not computed and why."""

from pipeline.report.blocks.grid import NONE, Cell, Grid, Line, heads, number, words
from pipeline.report.metrics import METRICS
from pipeline.report.results import PAPERS, TITLES, Result, Run, model_names
from pipeline.store import paths

OTHER_FIGURES = {
    "loss": "loss",
    "validation_psnr_y": "PSNR, held out",
    "validation_ssim_y": "SSIM, held out",
    "learning_rate": "learning rate",
}

# Key of cost.json -> its column, digits.
MEASURED = {
    "ms_per_image": ("ms per image", 1),
    "peak_memory_mb": ("peak memory, MB", 0),
    "network_share": ("network’s share of the stage", 2),
}
COST = (
    "**ms per image** is the network’s time alone: the median of some runs of a batch, after one that does not count. "
    "**Peak memory** is the most that network and batch held at once. **Network’s share** is the part of the stage "
    "infer, with reading and writing images, that was spent in the network. All three are measured anew in each run of "
    "the stage and are never quite the same twice; parameters and GMAC are counted. bicubic is no network.",
    "**GMAC** counts the products of weights and values in convolutions and linear layers, in billions for one image. "
    "Products of values with each other, as in attention, are not in it: the time is.",
)


def networks_grid(run: Run) -> Grid:
    """Every network: what sets it apart from its model, its size, and what running it cost where it was measured."""
    columns = heads("what differs", "widths", "ARUs", "parameters, M", "GMAC", prose=("what differs", "widths"))
    columns += [Cell(text, text, fields=(metric,)) for metric, (text, _) in MEASURED.items()]
    grid = Grid("networks", "Size and cost", "network", columns)
    places = circumstances(run.networks)
    if places:
        grid.caption += f"; time and memory {places[0]}"
    for result in run.networks:
        grid.lines.append(Line(result.name, _size_and_cost(grid, result, places[:1]), result.title))
    return grid


def _size_and_cost(grid: Grid, result: Result, caption: list[str]) -> list[Cell]:
    network = result.card["params"]["model"]
    differs = differences(result.changes)
    if not result.ours:
        differs = "a peer, trained here" if result.trained_here else "a peer, with weights that others trained"
    widths = network.get("widths") or [network.get("width", NONE)]  # not every peer has one
    said = measured_on(result.cost)
    notes = () if not said or said in caption else (grid.note(f"Measured {said}."),)
    return [
        words(differs),
        words(", ".join(map(str, widths))),
        number(network.get("num_arus")),
        number(result.measured("parameters_m"), 3),
        number(result.measured("gmac"), 3),
        *(number(result.cost.get(metric), digits, notes) for metric, (_, digits) in MEASURED.items()),
    ]


def circumstances(results: list[Result]) -> list[str]:
    """Where and how time and memory of some networks were measured, in words, each once; nothing of who was not."""
    return list(dict.fromkeys(said for result in results if (said := measured_on(result.cost))))


def measured_on(cost: dict) -> str:
    """Where and how a network's time and memory were measured, in words; empty where they were not."""
    if "device" not in cost:
        return ""
    threads, side = cost["threads"], cost["size_px"]
    used = f"{threads} thread{'s' * (threads != 1)}" if threads else "as many threads as PyTorch takes"
    return f"on {cost['device']}, {used}, {cost['precision']}, in batches of {cost['batch_size']} images of {side} px"


def differences(changes: dict[str, dict]) -> str:
    """A network's changes in words, e.g. "loss: px_norm l2, fm 0"."""
    parts = [
        f"{section}: {', '.join(f'{k} {_plain(v)}' for k, v in keys.items())}" for section, keys in changes.items()
    ]
    return "; ".join(parts) or "nothing: the model itself"


def _plain(value) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def training_grids(run: Run) -> list[Grid]:
    """Length and last losses of every training, a table per task."""
    tasks = {task: [r for r in run.networks if r.task == task and r.trained_here] for task in PAPERS}
    return [_training_grid(task, results) for task, results in tasks.items() if results]


def _training_grid(task: str, results: list[Result]) -> Grid:
    terms = list(dict.fromkeys(t for result in results for t in result.training if t not in ("step", "learning_rate")))
    columns = heads("steps", "images seen", *(term_name(term) for term in terms))
    data = " or ".join(dict.fromkeys(_data(result) for result in results))
    grid = Grid(f"training_{task}", f"Training of {model_names(results)} on {data}", "network", columns)
    for result in results:
        cells = [
            number(result.card.get("steps")),
            number(result.card.get("images_seen")),
            *(number(result.training.get(term), 4) for term in terms),
        ]
        grid.lines.append(Line(result.name, cells, "" if result.ours else result.title))
    return grid


def _data(result: Result) -> str:
    data = result.card["data"]
    return f"{data['images']:,} images of {data['size_px']} px"


def term_name(term: str) -> str:
    """A figure of training in words. A term of the loss as the paper writes it: L_px, ..., and L_D, Eq. (27); "loss" is what
    the generator minimises."""
    return OTHER_FIGURES.get(term) or f"L_{term.upper() if term == 'd' else term}"


def absent_grid(run: Run) -> Grid | None:
    """What was not computed or not trained with, for whom, and why; None where nothing is absent."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in run.results.values():
        absences = {_what(absent): why for absent, why in result.absent.items()}
        absences |= {f"L_{term} in training": why for term, why in result.left_out.items()}
        for what, why in absences.items():
            found.setdefault((what, why), []).append(result.name)
    grid = Grid("not_computed", "Missing figures", "what", heads("for", "reason", prose=("for", "reason")))
    for (what, why), names in found.items():
        grid.lines.append(Line(what, [words(_names(names, run)), words(why)]))
    return grid if grid.lines else None


def _what(absent: str) -> str:
    """A metric, or a set of which nothing could be measured."""
    return f"every figure of {TITLES[absent]}" if absent in paths.SETS else METRICS[absent][0]


def _names(names: list[str], run: Run) -> str:
    return "everything" if len(names) == len(run.results) else ", ".join(names)
