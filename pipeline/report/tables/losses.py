"""Columns of a table that were trained without a term of their loss, and those that are equal because of it."""

from pipeline.report.results import Result


def loss_notes(labels: list[str], results: list[Result | None]) -> dict[str, list[str]]:
    """Label -> what has to be said of the terms that were left out of its loss."""
    said: dict[str, list[str]] = {label: [] for label in labels}
    lacking: dict[tuple[str, str], list[int]] = {}
    alike: dict[str, list[int]] = {}
    for place, result in enumerate(results):
        if result and result.task:
            alike.setdefault(trained_as(result), []).append(place)
            for term, reason in result.left_out.items():
                lacking.setdefault((term, reason), []).append(place)
    for (term, reason), places in lacking.items():
        for place in places:
            said[labels[place]].append(f"Trained without L_{term}: {reason}")
    for places in alike.values():
        terms = dict.fromkeys(term for place in places for term in results[place].left_out)
        if len(places) > 1 and terms:
            names = " equals ".join(f"“{labels[place]}”" for place in places)
            left_out = ", ".join(f"L_{term}" for term in terms)
            for place in places:
                said[labels[place]].append(f"{names} here: trained without {left_out}, they differ in nothing else.")
    return said


def trained_as(result: Result) -> str:
    """What decided the training, as a text to compare: two networks with the same text were trained the same way.

    A term that was left out of the loss counts as one of weight 0, and without L_pc its trunk is of no account.
    """
    params = result.card["params"] | {"loss": minimised(result)}
    return repr(
        [
            result.title,
            result.card.get("loss"),
            params,
            result.card["seeds"],
            *map(result.card.get, ("data", "began_from")),
        ]
    )


def minimised(result: Result) -> dict:
    """The loss's section as far as it says what was minimised: {} where others trained.

    A term that was left out weighs 0, and without L_pc its trunk is of no account.
    """
    loss = result.card["params"].get("loss", {}) | dict.fromkeys(result.left_out, 0)
    ignored = ("without_trunk",) if loss.get("pc") else ("without_trunk", "perceptual_trunk")
    return {term: float(v) if isinstance(v, int) else v for term, v in loss.items() if term not in ignored}
