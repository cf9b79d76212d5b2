"""The stage itself, in a folder of its own: what it leaves for the next."""

import importlib.util
import json
import tarfile

import pandas as pd
import pytest
from params.edited import edited_demo
from tests_root import ROOT

from pipeline.photos.reader import PLACE_COLUMNS
from pipeline.store.manifest import read_manifest


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A function: sources of the set `real` -> the stage has run on tmp_path/photos; returns its folder."""
    spec = importlib.util.spec_from_file_location("stage_ingest", ROOT / "stages/ingest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)

    def run(*sources):
        changes = {"root": "photos", "sources": list(sources)}
        edited_demo(lambda params: params["data"]["real"].update(changes), tmp_path / "params.yaml")
        module.main("real")
        return tmp_path / "data/ingest/real"

    return run


def counts(tmp_path):
    return json.loads((tmp_path / "reports/metrics/data/real/ingest.json").read_text())


def test_what_comes_in_is_kept_or_rejected(tmp_path, photo, stage):
    for n in range(3):
        photo(tmp_path / f"photos/{n}.png", n)
    with tarfile.open(tmp_path / "photos/old.tgz", "w:gz") as archive:
        archive.add(tmp_path / "photos/0.png", "0.png")
        archive.add(tmp_path / "photos/1.png", "../1.png")
    (tmp_path / "photos/bad.jpg").write_text("x")
    (tmp_path / "photos/boxes.csv").write_text("key,box_x,box_y,box_width,box_height\n0.png,1,2,3,4\n")
    folder = stage({"kind": "folder", "boxes": "boxes.csv"})
    assert counts(tmp_path) == {"in": 6, "kept": 5, "rejected": 1, "reasons": {"unreadable": 1}}
    frame = read_manifest(folder)
    assert list(frame["key"]) == sorted(frame["key"])
    assert set(PLACE_COLUMNS) < set(frame.columns)
    assert not frame.isna().any().any()
    assert list(pd.read_parquet(folder / "boxes.parquet")["key"]) == ["0.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["boxes.parquet", "copied_00000.tar", "manifest.parquet"]


def test_notes_stand_beside_the_manifest(tmp_path, photo, stage):
    photo(tmp_path / "photos/1.png")
    folder = stage({"kind": "celebahq"})
    (note,) = json.loads((folder / "notes.json").read_text())
    assert "all 1 photos are taken" in note
    assert str(tmp_path) not in note
    assert counts(tmp_path) == {"in": 1, "kept": 1, "rejected": 0, "reasons": {}}


def test_an_empty_folder_leaves_an_empty_manifest(tmp_path, stage):
    (tmp_path / "photos").mkdir()
    assert len(read_manifest(stage({"kind": "folder"}))) == 0
    assert counts(tmp_path) == {"in": 0, "kept": 0, "rejected": 0, "reasons": {}}
