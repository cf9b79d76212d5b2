"""How the networks' learning rates were chosen: what the sweep found, what it cost, and which network was trained so."""

from pipeline.params.rates import published_rate
from pipeline.report.blocks.grid import Cell, Grid, Line, number
from pipeline.report.results import Result, Run

READING = (
    "One rule chose the learning rates of these networks, but where a note says otherwise: each was trained at the same "
    "multiples of the rate that its authors publish, for the same part of its training’s length, and measured on images "
    "held out of the training set. The rate "
    "with the highest PSNR (dB) there is **chosen**; test sets were not looked at. Short trainings favour high rates, so a "
    "choice holds for this run’s length.",
)
NOT_SO = "The network was not trained at the rate that its sweep chose."
ROUNDED = 0.05  # of a share: steps are whole numbers
UNPUBLISHED = "Nobody published a rate: the multiples are of that of params.yaml."
OTHERWISE = "Others were tried at other multiples, or for another part of their length: no one rule chose these rates."
AT_THE_END = "The best of these multiples is the first or the last: a better one may lie beyond."


def sweep_grid(run: Run) -> Grid | None:
    """A line per network with a sweep: PSNR at each multiple, the rate chosen and its cost; None where there is none."""
    swept = [result for result in run.networks if result.sweep]
    multiples = sorted({trial["multiple"] for result in swept for trial in result.sweep["trials"]})
    columns = [Cell("published", fields=("published",))]
    columns += [Cell(f"× {multiple:g}", fields=(f"psnr_y_at_{multiple:g}",)) for multiple in multiples]
    columns += [
        Cell("chosen", fields=("chosen",)),
        Cell("steps", fields=("steps",)),
        Cell("minutes", fields=("minutes",)),
    ]
    grid = Grid(
        "learning_rates",
        "Learning rates: PSNR on images held out, at multiples of the published rate",
        "network",
        columns,
    )
    grid.lines += [_line(grid, result, multiples, same_rule(swept)) for result in swept]
    return grid if swept else None


def _line(grid: Grid, result: Result, multiples: list[float], one_rule: bool) -> Line:
    sweep = result.sweep
    of = {trial["multiple"]: trial for trial in sweep["trials"]}
    chosen = [trial for trial in sweep["trials"] if trial["learning_rate"] == sweep["chosen"]]
    edge = chosen and chosen[0]["multiple"] in (min(of), max(of))
    notes = (grid.note(AT_THE_END),) if edge else ()
    notes += () if swept_rate(result) else (grid.note(NOT_SO),)
    notes += () if one_rule else (grid.note(OTHERWISE),)
    rate = Cell(f"{sweep['chosen']:g}", sweep["chosen"], notes) if chosen else Cell(notes=notes)
    source = f"Published rate: {sweep['source']}." if sweep["source"] else UNPUBLISHED
    cells = [Cell(f"{sweep['base']:g}", sweep["base"], (grid.note(source),))]
    cells += [_trial(grid, of.get(multiple)) for multiple in multiples]
    return Line(result.name, [*cells, rate, number(sweep["steps"]), number(minutes(result), 1)], result.title)


def _trial(grid: Grid, trial: dict | None) -> Cell:
    """PSNR of a trial; why it has none is a note."""
    if trial and trial["failed"]:
        return Cell("failed", None, (grid.note(trial["failed"]),))
    return number(trial["psnr_y"] if trial else None, 2)


def minutes(result: Result) -> float:
    """What a network's sweep took."""
    return sum(trial["seconds"] or 0 for trial in result.sweep["trials"]) / 60


def swept_rate(result: Result) -> bool:
    """Whether a network was trained at the rate that its sweep chose."""
    return bool(result.sweep) and result.card["params"].get("train", {}).get("learning_rate") == result.sweep["chosen"]


def same_rule(swept: list[Result]) -> bool:
    """Whether networks were swept over the same multiples, each for the same part of its training's length; one whose sweep
    was broken off was not."""
    multiples = {tuple(trial["multiple"] for trial in result.sweep["trials"]) for result in swept}
    shares = [result.sweep["steps"] / result.card["steps"] for result in swept if result.sweep["steps"]]
    return len(multiples) <= 1 and (not shares or max(shares) <= (1 + ROUNDED) * min(shares))


def cost(run: Run) -> list[str]:
    """What the whole sweep took, beside the trainings."""
    swept = [result for result in run.networks if result.sweep]
    trials = sum(len(result.sweep["trials"]) for result in swept)
    steps = sum(len(result.sweep["trials"]) * (result.sweep["steps"] or 0) for result in swept)
    trained = sum(result.card["steps"] * len(result.seeds) for result in swept if result.trained_here)
    spent = sum(map(minutes, swept))
    return [
        f"It cost {spent:,.0f} minutes: {trials} trainings, {steps:,} steps beside the {trained:,} of these networks’ "
        f"own trainings, with seed {swept[0].sweep['seed']}."
    ]


def rate_words(result: Result) -> str:
    """A network's learning rate as a multiple of the published one, and who chose it."""
    train = result.card["params"]["train"]
    published = published_rate(result.card["model"], result.task, result.card["loss"])
    times = f"{train['learning_rate'] / published.rate:.3g} × the published {published.rate:g}" if published else ""
    return ", ".join(part for part in (times, "chosen by the sweep" if swept_rate(result) else "set by hand") if part)
