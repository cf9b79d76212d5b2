"""Manifests: nothing is lost in silence."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.store.manifest import (
    ManifestError,
    kept,
    read_kept,
    read_manifest,
    read_table,
    rejected,
    write_counts,
    write_manifest,
    write_table,
)


def test_round_trip_keeps_order_and_counts(tmp_path):
    rows = [kept("b", size=3), rejected("ä/a b.jpg", "no face", "best score 0.2"), kept("c", size=4)]
    frame = write_manifest(tmp_path, rows, ["b", "ä/a b.jpg", "c"])
    assert [row["key"] for row in read_kept(tmp_path)] == ["b", "c"]
    assert list(read_manifest(tmp_path)["key"]) == ["b", "ä/a b.jpg", "c"]
    write_counts(tmp_path / "counts.json", frame)
    assert json.loads((tmp_path / "counts.json").read_text()) == {
        "in": 3,
        "kept": 2,
        "rejected": 1,
        "reasons": {"no face": 1},
    }


@pytest.mark.parametrize("rows", [3, 0])
@pytest.mark.parametrize("columns", [None, ["x", "key"]])
def test_a_table_is_read_as_pandas_reads_it(rows, columns, tmp_path):
    found = {"key": ["b", "", "ä/c"], "kept": [True, False, True], "x": [0.1, np.nan, np.inf], "n": [1, -1, 2**40]}
    found |= {"told": ["a", None, "b"], "some": [None, None, None]}
    write_table(tmp_path / "some.parquet", pd.DataFrame(found).iloc[:rows])
    expected = pd.read_parquet(tmp_path / "some.parquet", columns=columns)
    pd.testing.assert_frame_equal(read_table(tmp_path / "some.parquet", columns), expected, check_like=True)
    assert list(read_table(tmp_path / "some.parquet", ["kept", "absent"])) == ["kept"]
    pd.DataFrame(found, index=[5, 7, 9]).to_parquet(tmp_path / "indexed.parquet")
    expected = pd.read_parquet(tmp_path / "indexed.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "indexed.parquet"), expected)


def test_same_rows_same_bytes(tmp_path):
    rows = [kept("a", size=3), rejected("b", "no face")]
    first, second = tmp_path / "1", tmp_path / "2"
    write_manifest(first, rows)
    write_manifest(second, rows)
    assert (first / "manifest.parquet").read_bytes() == (second / "manifest.parquet").read_bytes()


@pytest.mark.parametrize(
    ("rows", "seen", "message"),
    [
        ([kept("a")], ["a", "b"], "missing: \\['b'\\]"),
        ([kept("a"), kept("a")], None, "share the key 'a'"),
        ([kept("b"), kept("a")], ["a", "b"], "2 images came in"),
        ([rejected("a", "")], None, "without a reason"),
    ],
)
def test_what_does_not_add_up_is_an_error(tmp_path, rows, seen, message):
    with pytest.raises(ManifestError, match=message):
        write_manifest(tmp_path, rows, seen)
    assert not (tmp_path / "manifest.parquet").exists()


def test_an_empty_set_is_a_manifest_too(tmp_path):
    assert len(write_manifest(tmp_path, [], [])) == 0
    assert read_kept(tmp_path) == []


def test_missing_manifest_says_what_to_do(tmp_path):
    with pytest.raises(ManifestError, match="dvc repro"):
        read_manifest(tmp_path)
