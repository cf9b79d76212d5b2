"""How many photos and faces each stage kept of each set, beside the paper's counts, and why others were left behind."""

from pipeline.report.blocks.grid import Cell, Grid, Line, heads, number, words
from pipeline.report.results import PAPERS, STAGES, Run, heading
from pipeline.report.tables.paper import PAPER_COUNTS
from pipeline.store import paths

COLUMNS = ("photos", "readable", "decoded", "faces", "crops", "kept", "resized", "ready", "paper: images")
PURPOSE = {"train": "training", "test": "test"}
# The filter's rules, in the order in which it asks them, and what each means.
RULES = {
    "no face": "the detector found no face in the photo",
    "too small": "the square around the face has too few pixels for this set",
    "too large": "the square around the face has more pixels than this set is about",
    "low score": "the detector was not sure that this is a face",
    "blurred": "the face holds little fine detail",
    "duplicate": "the same file as an earlier photo",
    "near duplicate": "looks nearly the same as an earlier face",
    "leak": "a face to train on that looks nearly the same as one to test on",
}


def counts_grid(run: Run) -> Grid:
    """Photos, then crops, left after each stage, a line per set, the paper's number last; ingest's remarks as notes."""
    grid = Grid("counts", "Photos and crops left after each stage", "set", heads(*COLUMNS))
    for key, (task, split) in paths.SETS.items():
        counts = run.counts[key]
        crop = counts["crop"]
        notes = tuple(grid.note(sentence) for sentence in run.notes[key])
        cells = [
            number(counts["ingest"]["in"], notes=notes),
            number(counts["ingest"]["kept"]),
            number(crop["kept"]),
            number(crop["faces"]["found"]),
            number(crop["faces"]["kept"]),
            *(number(counts[stage]["kept"]) for stage in ("filter", "resize", "degrade")),
            Cell(PAPER_COUNTS[key], PAPER_COUNTS[key]),
        ]
        basis = f"{PAPERS[task]}, {PURPOSE[split]}; here: {run.sources[key]}"
        grid.lines.append(Line(heading(key), cells, basis))
    return grid


def reasons_grid(run: Run) -> Grid | None:
    """What the stages other than the filter rejected, by set, stage and reason; None where nothing was rejected."""
    columns = heads("stage", "reason", "images", prose=("stage", "reason"))
    grid = Grid("rejected", "Left behind before and after the rules", "set", columns)
    for key in paths.SETS:
        for stage in STAGES:
            if stage != "filter":
                for reason, images in run.counts[key][stage]["reasons"].items():
                    grid.lines.append(Line(heading(key), [words(stage), words(reason), number(images)]))
    return grid if grid.lines else None


def rules_grid(key: str, run: Run) -> Grid | None:
    """Crops of a set that broke a rule, by rule and what became of them; None where no crop broke any."""
    counts = run.counts[key]["filter"]
    caption = f"Crops that broke a rule, of {counts['in']:,}"
    grid = Grid(f"rules_{key}", caption, "rule", heads("removed", "flagged"))
    for rule in in_order({**counts["reasons"], **counts["flags"]}):
        cells = [number(counts[action].get(rule, 0)) for action in ("reasons", "flags")]
        grid.lines.append(Line(rule, cells, RULES.get(rule, "")))
    return grid if grid.lines else None


def in_order(rules) -> list[str]:
    """The rules in the filter's order."""
    known = list(RULES)
    return sorted(rules, key=lambda rule: (known.index(rule) if rule in RULES else len(known), rule))
