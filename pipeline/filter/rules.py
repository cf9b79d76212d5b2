"""Which faces go on: the rules of the filter stage, each finding with the value seen and the bound.

Every rule that is not off looks at every face. The first rule with the action `remove` that a face breaks, in the order of
`FilterParams`, removes it; every broken rule with the action `flag` is written beside it. Of faces alike the first stays:
`duplicate` and `near_duplicate` compare a face with those earlier faces of the set that no rule before has removed and that
are no duplicates themselves, so that a picture never loses all its copies, and the same faces are found whether the rule
removes or flags.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pipeline.filter.near import NONE, near_earlier, nearest, packed
from pipeline.params.data import BlurRule, FilterParams, NearRule, Rule, ScoreRule, SideRule
from pipeline.store import paths
from pipeline.store.manifest import FILE, read_kept, rejected

WORDS = ("no face", "too small", "too large", "low score", "blurred", "duplicate", "near duplicate", "leak")


@dataclass(frozen=True)
class Finding:
    """A face that breaks a rule. words: of `WORDS`; action: "removed" or "flagged"; index: of the face among the rows."""

    words: str
    action: str
    index: int
    detail: str


@dataclass
class Faces:
    """What the rules see: the rows, which of them no rule has removed so far, which ones repeat an earlier one (index ->
    its index), and the faces of the network's test sets, by set.
    """

    rows: list[dict]
    tests: dict[str, list[dict]]
    here: list[bool] = field(init=False)
    repeats: dict[int, int] = field(default_factory=dict)

    def __post_init__(self):
        self.here = [True] * len(self.rows)


Broken = dict[int, tuple[str, str]]  # index of a face -> words, detail


def judge(rows: list[dict], rules: FilterParams, tests: dict[str, list[dict]]) -> tuple[list[dict], list[Finding]]:
    """The rows of the crop stage, each kept or rejected and with its flags; and every finding, in the order of the rules.

    tests: the faces that `leak` compares with (`faces_of_tests`).
    """
    faces = Faces(rows, tests)
    findings = []
    for name, look in _RULES.items():
        rule = getattr(rules, name)
        if rule.action == "off":
            continue
        for index, (words, detail) in look(faces, rule).items():
            if rule.action == "flag":
                findings.append(Finding(words, "flagged", index, detail))
            elif faces.here[index]:
                findings.append(Finding(words, "removed", index, detail))
        for found in findings:
            faces.here[found.index] &= found.action == "flagged"
    return _judged(rows, findings), findings


def faces_of_tests(key: str, rules: FilterParams) -> dict[str, list[dict]]:
    """The faces of the test sets of the task that the set `key` serves, where `leak` asks for them: set -> rows.

    A test set without photos has none.
    """
    if rules.leak.action == "off":
        return {}
    task, split = paths.SETS[key]
    assert split == "train", f"{key} is a test set; params refuses the rule there"
    folders = {test: paths.stage_folder("crop", test) for test in paths.sets_of(task, "test")}
    return {test: read_kept(folder) for test, folder in folders.items() if (folder / FILE).is_file()}


def count_flags(findings: list[Finding]) -> dict[str, int]:
    """How many faces each rule flagged: words -> number, in the order of the rules."""
    flags = [found.words for found in findings if found.action == "flagged"]
    return {words: flags.count(words) for words in WORDS if words in flags}


def _judged(rows: list[dict], findings: list[Finding]) -> list[dict]:
    judged = [row | {"flags": "", "flag_detail": ""} for row in rows]
    for found in findings:
        row = judged[found.index]
        if found.action == "removed":
            judged[found.index] = row | rejected(row["key"], found.words, found.detail)
        else:
            row["flags"] = f"{row['flags']},{found.words}".removeprefix(",")
            row["flag_detail"] = f"{row['flag_detail']}; {found.detail}".removeprefix("; ")
    return judged


def _no_face(faces: Faces, rule: Rule) -> Broken:
    # In a set with mode none nobody looked: faces_found is -1 there.
    return {n: ("no face", "no face found") for n, row in enumerate(faces.rows) if row["faces_found"] == 0}


def _side(faces: Faces, rule: SideRule) -> Broken:
    broken = {}
    for number, row in enumerate(faces.rows):
        side = row["face_side"]
        if rule.kinds is not None and row["kind"] not in rule.kinds:
            continue
        if rule.over is not None and side <= rule.over:
            broken[number] = "too small", f"side {side:.0f} px, over {rule.over} px is kept"
        elif rule.under is not None and side >= rule.under:
            broken[number] = "too large", f"side {side:.0f} px, under {rule.under} px is kept"
    return broken


def _score(faces: Faces, rule: ScoreRule) -> Broken:
    # NaN, where there is no score, is below nothing.
    low = ((n, row["score"]) for n, row in enumerate(faces.rows) if row["score"] < rule.min)
    return {n: ("low score", f"score {score:.3f}, from {rule.min:g} is kept") for n, score in low}


def _blur(faces: Faces, rule: BlurRule) -> Broken:
    low = ((n, row["sharpness"]) for n, row in enumerate(faces.rows) if row["sharpness"] < rule.min)
    return {n: ("blurred", f"sharpness {value:.1f}, from {rule.min:g} is kept") for n, value in low}


def _duplicate(faces: Faces, rule: Rule) -> Broken:
    first: dict[tuple[str, int], int] = {}
    broken = {}
    for number, row in enumerate(faces.rows):
        content = row["sha256"], row["face"]
        if content in first:
            broken[number] = "duplicate", f"same file content as {faces.rows[first[content]]['key']}"
            faces.repeats[number] = first[content]
        elif row["sha256"] and faces.here[number]:
            first[content] = number
    return broken


def _near_duplicate(faces: Faces, rule: NearRule) -> Broken:
    numbers = [n for n in _hashed(faces.rows) if n not in faces.repeats]
    hashes = packed([faces.rows[n]["phash"] for n in numbers])
    at, distances = near_earlier(hashes, rule.bits, np.array([faces.here[n] for n in numbers], dtype=bool))
    broken = {
        numbers[n]: ("near duplicate", _near(faces.rows[numbers[at[n]]]["key"], distances[n], rule.bits))
        for n in np.flatnonzero(at != NONE)
    }
    # What repeats a near duplicate is one as well, also where repeats themselves are only flagged.
    broken |= {number: broken[original] for number, original in faces.repeats.items() if original in broken}
    return dict(sorted(broken.items()))


def _leak(faces: Faces, rule: NearRule) -> Broken:
    others = [
        (f"{test} {rows[n]['key']}", rows[n]["phash"]) for test, rows in faces.tests.items() for n in _hashed(rows)
    ]
    numbers = _hashed(faces.rows)
    hashes = packed([faces.rows[n]["phash"] for n in numbers])
    at, distances = nearest(hashes, packed([phash for _, phash in others]), rule.bits)
    return {numbers[n]: ("leak", _near(others[at[n]][0], distances[n], rule.bits)) for n in np.flatnonzero(at != NONE)}


def _hashed(rows: list[dict]) -> list[int]:
    return [n for n, row in enumerate(rows) if row["phash"]]


def _near(key: str, distance: int, bits: int) -> str:
    return f"near {key}: {distance} bits differ, over {bits} is kept"


_RULES: dict[str, Callable[[Faces, Rule], Broken]] = {
    "no_face": _no_face,
    "side_px": _side,
    "score": _score,
    "blur": _blur,
    "duplicate": _duplicate,
    "near_duplicate": _near_duplicate,
    "leak": _leak,
}
