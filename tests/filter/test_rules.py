"""The filter's rules: what each finds, in which order they decide, what they say."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filter import rules
from pipeline.filter.rules import count_flags, faces_of_tests, judge
from pipeline.params.data import FilterParams
from pipeline.store import paths
from pipeline.store.manifest import kept, write_manifest

NAN = float("nan")
FIRST = "0" * 64
NEAR, NEARER = "7" + "0" * 63, "1" + "0" * 63  # 3 and 1 bits from the first, 2 from each other
FAR = "f" * 64


def face(key, **columns):
    row = {"kind": "celeba", "sha256": key, "face": 0, "faces_found": 1, "mode": "box", "score": 0.99}
    row |= {"face_side": 150.0, "sharpness": 300.0, "phash": ""}
    return kept(key, **row | columns)


def removed(rows, tests=None, **given_rules):
    judged, _ = judge(rows, FilterParams(**given_rules), tests or {})
    return {row["key"]: (row["reason"], row["detail"]) for row in judged if not row["kept"]}


def flagged(rows, tests=None, **given_rules):
    judged, findings = judge(rows, FilterParams(**given_rules), tests or {})
    assert all(row["kept"] for row in judged if row["faces_found"])
    return {row["key"]: row["flags"] for row in judged if row["flags"]}, count_flags(findings)


def test_no_face():
    rows = [
        face("found"),
        face("none", face=-1, faces_found=0, mode="none", score=NAN),
        face("nobody looked", face=-1, faces_found=-1, mode="none", score=NAN),
    ]
    assert removed(rows) == {"none": ("no face", "no face found")}  # the default
    assert removed(rows, no_face={"action": "off"}) == {}
    # and it takes no part in the rule of scores
    assert removed(rows, no_face={"action": "off"}, score={"min": 0.5, "action": "remove"}) == {}


def test_sides_over_and_under_and_by_kind():
    rows = [face("a", face_side=128.0), face("b", face_side=129.0), face("c", face_side=300.0, kind="folder")]
    assert removed(rows, side_px={"over": 128, "under": 200, "action": "remove"}) == {
        "a": ("too small", "side 128 px, over 128 px is kept"),
        "c": ("too large", "side 300 px, under 200 px is kept"),
    }
    assert removed(rows, side_px={"under": 128, "kinds": ["celeba"], "action": "remove"}) == {
        "a": ("too large", "side 128 px, under 128 px is kept"),
        "b": ("too large", "side 129 px, under 128 px is kept"),
    }


def test_score_and_blur_keep_their_bound():
    rows = [face("a", score=0.9, sharpness=20.0), face("b", score=0.8994, sharpness=19.94)]
    assert removed(rows, score={"min": 0.9, "action": "remove"}) == {
        "b": ("low score", "score 0.899, from 0.9 is kept")
    }
    assert removed(rows, blur={"min": 20, "action": "remove"}) == {"b": ("blurred", "sharpness 19.9, from 20 is kept")}


def test_the_first_rule_in_the_order_of_the_params_decides():
    rows = [face("a", face_side=10.0, score=0.1, sharpness=1.0)]
    every = {
        "blur": {"min": 20, "action": "remove"},
        "score": {"min": 0.9, "action": "remove"},
        "side_px": {"over": 128, "action": "remove"},
    }
    assert removed(rows, **every)["a"][0] == "too small"
    assert removed(rows, **every | {"side_px": {"over": 128, "action": "flag"}})["a"][0] == "low score"
    assert tuple(rules._RULES) == tuple(FilterParams.model_fields)


def test_flags_are_all_that_break_also_of_what_is_removed():
    rows = [face("a", face_side=10.0, score=0.1, sharpness=1.0), face("b", sharpness=1.0), face("c")]
    judged, findings = judge(
        rows,
        FilterParams(
            side_px={"over": 128, "action": "remove"},
            score={"min": 0.9, "action": "flag"},
            blur={"min": 20, "action": "flag"},
        ),
        {},
    )
    assert [row["flags"] for row in judged] == ["low score,blurred", "blurred", ""]
    assert judged[0]["flag_detail"] == "score 0.100, from 0.9 is kept; sharpness 1.0, from 20 is kept"
    assert [row["kept"] for row in judged] == [False, True, True]
    assert count_flags(findings) == {"low score": 1, "blurred": 2}
    assert [row["flags"] for row in rows if "flags" in row] == []  # the rows handed in stay as they are


def test_a_duplicate_is_the_same_face_of_the_same_bytes():
    rows = [face("a", sha256="x"), face("a#1", sha256="x", face=1), face("b", sha256="y"), face("c", sha256="x")]
    assert removed(rows, duplicate={"action": "remove"}) == {"c": ("duplicate", "same file content as a")}
    assert removed([face("a", sha256=""), face("b", sha256="")], duplicate={"action": "remove"}) == {}


def test_a_picture_never_loses_all_its_copies():
    # The side rule is about one source alone: its copy goes, and the other source's copy is no duplicate of what went.
    rows = [face("a", sha256="x", phash=FIRST), face("b", sha256="x", kind="folder", phash=FIRST)]
    side = {"under": 128, "kinds": ["celeba"], "action": "remove"}
    alike = {"duplicate": {"action": "remove"}, "near_duplicate": {"bits": 4, "action": "remove"}}
    assert set(removed(rows, side_px=side, **alike)) == {"a"}
    assert set(removed(rows, **alike)) == {"b"}


def test_near_duplicates_are_near_an_earlier_one_that_stays():
    rows = [face("a", phash=FIRST), face("b", phash=NEAR), face("c", phash=NEARER), face("d", phash=FAR), face("e")]
    rule = {"bits": 3, "action": "remove"}
    assert removed(rows, near_duplicate=rule) == {
        "b": ("near duplicate", "near a: 3 bits differ, over 3 is kept"),
        "c": ("near duplicate", "near a: 1 bits differ, over 3 is kept"),
    }
    assert set(removed(rows, near_duplicate=rule | {"bits": 2})) == {"c"}  # near a, though b stays too
    # Flags find what removing finds.
    flags, counts = flagged(rows, near_duplicate=rule | {"action": "flag"})
    assert flags == {"b": "near duplicate", "c": "near duplicate"}
    assert counts == {"near duplicate": 2}


def test_exact_duplicates_are_no_near_ones():
    rows = [face("a", sha256="x", phash=FIRST), face("b", sha256="x", phash=FIRST), face("c", phash=FIRST)]
    flags, _ = flagged(rows, duplicate={"action": "flag"}, near_duplicate={"bits": 9, "action": "flag"})
    assert flags == {"b": "duplicate", "c": "near duplicate"}


def test_a_leak_names_the_set_and_the_face():
    tests = {"celebahq": [face("t", phash=FAR)], "real": [face("blank"), face("u", phash=NEAR)], "empty": []}
    rows = [face("a", phash=FIRST), face("b", phash=NEARER), face("c")]
    assert removed(rows, tests, leak={"bits": 2, "action": "remove"}) == {
        "b": ("leak", "near real u: 2 bits differ, over 2 is kept")
    }
    assert removed(rows, {}, leak={"bits": 2, "action": "remove"}) == {}


def test_leaks_are_of_the_same_networks_test_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leak = FilterParams(leak={"bits": 9, "action": "flag"})
    assert faces_of_tests("ffhq", leak) == {}  # no test set is there
    write_manifest(paths.stage_folder("crop", "real"), [])
    write_manifest(paths.stage_folder("crop", "helen"), [face("h", phash=FIRST)])
    rejected_row = face("not kept", phash=FIRST) | {"kept": False, "reason": "not the largest"}
    write_manifest(paths.stage_folder("crop", "celebahq"), [face("t", phash=FIRST), rejected_row])
    found = faces_of_tests("ffhq", leak)
    assert {test: [row["key"] for row in rows] for test, rows in found.items()} == {"celebahq": ["t"], "real": []}
    assert faces_of_tests("helen", FilterParams()) == {}


def test_what_repeats_a_near_duplicate_goes_with_it():
    rows = [face("a", sha256="x", phash=FIRST), face("b", sha256="y", phash=FIRST), face("c", sha256="y", phash=FIRST)]
    params = FilterParams(duplicate={"action": "flag"}, near_duplicate={"bits": 2, "action": "remove"})
    judged, _ = judge(rows, params, {})
    assert [row["reason"] for row in judged] == ["", "near duplicate", "near duplicate"]


hashes = st.sampled_from([FIRST, NEAR, NEARER, FAR, ""])
faces = st.builds(
    dict,
    sha256=st.sampled_from("xyz"),
    face=st.integers(0, 1),
    faces_found=st.integers(-1, 2),
    score=st.sampled_from([0.5, 0.95, NAN]),
    face_side=st.sampled_from([90.0, 150.0]),
    sharpness=st.sampled_from([5.0, 50.0]),
    phash=hashes,
)
action = st.sampled_from(["remove", "flag", "off"])


@given(columns=st.lists(faces, max_size=8), actions=st.lists(action, min_size=7, max_size=7))
def test_every_face_is_kept_or_removed_by_one_rule(columns, actions):
    rows = [face(f"{n}", **values) for n, values in enumerate(columns)]
    of_content = {}  # the same face of the same file has the same hash
    for row in rows:
        if row["sha256"]:
            row["phash"] = of_content.setdefault((row["sha256"], row["face"]), row["phash"])
    bounds = [{}, {"over": 128}, {"min": 0.9}, {"min": 20}, {}, {"bits": 2}, {"bits": 2}]
    names = tuple(FilterParams.model_fields)
    params = FilterParams(
        **{name: bound | {"action": act} for name, bound, act in zip(names, bounds, actions, strict=True)}
    )
    judged, findings = judge(rows, params, {"helen": [face("t", phash=FAR)]})
    assert [row["key"] for row in judged] == [row["key"] for row in rows]
    gone = [found.index for found in findings if found.action == "removed"]
    assert len(gone) == len(set(gone))
    assert set(gone) == {n for n, row in enumerate(judged) if not row["kept"]}
    assert all((row["reason"] == "") == row["kept"] for row in judged)
    assert sum(count_flags(findings).values()) == sum(len(row["flags"].split(",")) for row in judged if row["flags"])
    words = {found.words for found in findings}
    assert words <= set(rules.WORDS)
    if "remove" not in actions:
        assert all(row["kept"] for row in judged)
    # Where everything that removes is followed, no face is left that such a rule would still find.
    left = [row for row in judged if row["kept"]]
    again, _ = judge(left, params, {"helen": [face("t", phash=FAR)]})
    assert all(row["kept"] for row in again)


def test_a_set_without_photos():
    judged, findings = judge([], FilterParams(near_duplicate={"bits": 3, "action": "remove"}), {})
    assert (judged, findings) == ([], [])
    assert len(pd.DataFrame(judged)) == 0
    assert np.size(findings) == 0
