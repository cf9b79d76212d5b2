"""How the networks of a table were trained, side by side, and in what they were not trained alike."""

from pipeline.params.tables import Table
from pipeline.params.tasks import COMPUTED, LENGTHS
from pipeline.report.blocks.grid import Cell, Grid, Line, heads, words
from pipeline.report.results import Result, Run
from pipeline.report.tables.learning_rates import rate_words, same_rule, swept_rate
from pipeline.report.tables.losses import minimised

READING = (
    "Folded below each table stands how its networks were trained, as the cards of their weights say: what they "
    "minimise, the learning rate and how it was chosen, Adam’s betas, images per step and steps. Networks not trained alike "
    "are compared together with their recipes."
)
UNKNOWN = "not known"
CHOICE = "how it was chosen"
SHOWN = ("loss", "learning rate", "betas", "batch", "steps")
# Of a loss: how it is computed, and not what is minimised.
LEFT_OUT = ("discriminator_width", "discriminator_layers")


def recipes_grid(name: str, caption: str, table: Table, run: Run) -> Grid:
    """Loss, learning rate and how it was chosen, betas, batch and steps of every network of a table."""
    columns = heads(*SHOWN[:2], CHOICE, *SHOWN[2:], prose=("loss", CHOICE))
    grid = Grid(f"{name}_recipes", f"{caption}: how the networks were trained", "network", columns)
    for label, result in _networks(table, run).items():
        recipe = _recipe(result)
        cells = [words(recipe["loss"]), *(Cell(recipe[what], recipe[what]) for what in SHOWN[1:])]
        cells.insert(2, words(rate_words(result) if result.trained_here else UNKNOWN))
        grid.lines.append(Line(label, cells))
    return grid


def unequal(table: Table, run: Run) -> str:
    """A sentence on what a table's networks differ in as trained; empty where they were trained alike."""
    results = [result for result in _networks(table, run).values() if result.trained_here]
    recipes = [_recipe(result) for result in _networks(table, run).values()]
    every = dict.fromkeys(what for recipe in recipes for what in recipe)
    parts = [what for what in every if len({recipe[what] for recipe in recipes if what in recipe}) > 1]
    swept = len(results) == len(recipes) and all(map(swept_rate, results)) and same_rule(results)
    if "learning rate" in parts and swept:
        parts.remove("learning rate")
        chosen = "Each has the learning rate that one sweep, the same for all, chose for it."
    else:
        chosen = ""
    return " ".join(sentence for sentence in (_told(parts, results, recipes), chosen) if sentence)


def _told(parts: list[str], results: list[Result], recipes: list[dict[str, str]]) -> str:
    """The sentence on `parts`, what recipes differ in; empty where they differ in nothing. results: those trained here."""
    if not parts:
        return ""
    if parts == ["loss"] and len(results) == len(recipes) and len({_network(result) for result in results}) == 1:
        return (
            "One network, trained with several losses, which is what is compared here (see the table of their recipes)."
        )
    *first, last = parts
    listed = f"{', '.join(first)} and {last}" if first else last
    return (
        f"These networks were not trained alike: they differ in {listed} (see the table of their recipes). A difference "
        "between two of them is one of network and recipe together."
    )


def _networks(table: Table, run: Run) -> dict[str, Result]:
    """Label -> network of a table's columns, of those that are trained or given here."""
    results = {column.label: run.results.get(column.network or "") for column in table.columns}
    return {label: result for label, result in results.items() if result and result.task}


def _network(result: Result) -> str:
    """What a network is built as, as a text to compare."""
    return repr([result.title, result.card["params"]["model"]])


def _recipe(result: Result) -> dict[str, str]:
    """What was trained how, in words: SHOWN, then the other keys of the training that are part of a recipe."""
    card = result.card
    if not result.trained_here:
        of_others = f"weights of others, {card['checkpoint']['file']}"
        return {"loss": of_others, **dict.fromkeys(SHOWN[1:], UNKNOWN)}
    train = card["params"]["train"]
    shown = {
        "loss": loss_words(card["loss"], minimised(result)),
        "learning rate": f"{train['learning_rate']:g}",
        "betas": ", ".join(f"{beta:g}" for beta in train["betas"]),
        "batch": f"{train['batch_size']:,}",
        "steps": f"{card['steps']:,}",
        "start": ", ".join(each["sha256"] for each in card.get("began_from", [])),
    }
    told = {"learning_rate", "betas", "batch_size"} | LENGTHS
    return shown | {key: str(value) for key, value in train.items() if key not in told | COMPUTED}


def loss_words(name: str, params: dict) -> str:
    """A loss and its weights in words, e.g. "pixel: norm l2"."""
    said = [f"{key.replace('_', ' ')} {_plain(value)}" for key, value in params.items() if key not in LEFT_OUT]
    return f"{name}: {', '.join(said)}" if said else name


def _plain(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
