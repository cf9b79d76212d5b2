"""Which crops go on: the rules of the filter stage, each rejection with its rule and the value seen."""

from pipeline.manifest import rejected
from pipeline.params import FilterParams


def apply_rules(rows: list[dict], rules: FilterParams) -> list[dict]:
    """The rows, each kept or rejected by the first rule it breaks."""
    return [_judge(row, rules) for row in rows]


def _judge(row: dict, rules: FilterParams) -> dict:
    side = row["side"]
    if rules.side_over_px is not None and side <= rules.side_over_px:
        return row | rejected(row["key"], "too small", f"side {side:.0f} px, over {rules.side_over_px} px is kept")
    if rules.side_under_px is not None and side >= rules.side_under_px:
        return row | rejected(row["key"], "too large", f"side {side:.0f} px, under {rules.side_under_px} px is kept")
    return row
