"""crop, filter and resize as stages, over the files that they leave each other."""

import importlib.util
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.store import paths
from pipeline.store.manifest import read_manifest, write_manifest
from pipeline.store.pretrained import DetectorMissing

STAGES = ("crop", "filter", "resize")


def stage(name):
    spec = importlib.util.spec_from_file_location(f"stage_{name}", ROOT / f"stages/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path, monkeypatch, listed):
    """Puts photos of a set in a folder of its own, as ingest leaves them: (key, params of the set) -> counts by stage."""
    monkeypatch.chdir(tmp_path)

    def run(key, boxes=None, yunet="off", **changes):
        params = YAML(typ="safe").load(ROOT / "profiles/demo.yaml")
        params["data"][key] |= {"root": "photos", "sources": [{"kind": "folder", "boxes": "boxes.csv"}], **changes}
        params["pretrained"]["yunet"] = yunet
        YAML().dump(params, tmp_path / "params.yaml")
        ingested = paths.stage_folder("ingest", key)
        write_manifest(ingested, listed(tmp_path / "photos"))
        if boxes:
            pd.DataFrame(boxes).to_parquet(ingested / "boxes.parquet")
        for name in STAGES:
            stage(name).main(key)
        return [json.loads(paths.counts_file(name, key).read_text()) for name in STAGES]

    (tmp_path / "photos").mkdir()
    return run


def save(name, image):
    Image.fromarray(image).save(f"photos/{name}")


def test_from_photos_to_faces_by_given_boxes(project, photo, box):
    for n in range(3):
        save(f"{n}.png", photo(200, 180, seed=n))
    save("copy.png", photo(200, 180, seed=0))
    save("empty.png", photo(200, 180, seed=9))
    faces = {f"{n}.png": box((20, 20, 110, 120), (140, 30, 40, 40)) for n in range(3)}
    faces["copy.png"] = faces["0.png"]
    boxes = [{"key": key} | row for key, rows in faces.items() for row in rows]
    crop, chosen, cut = project(
        "celeba",
        boxes=boxes,
        crop={"mode": "box", "detector": "given", "faces": "all"},
        filter={
            "no_face": {"action": "remove"},
            "side_px": {"over": 128, "action": "remove"},
            "duplicate": {"action": "remove"},
            "near_duplicate": {"bits": 30, "action": "flag"},
            "leak": {"bits": 40, "action": "flag"},
        },
    )
    assert crop == {
        "in": 5,
        "kept": 4,
        "rejected": 1,
        "reasons": {"no given box": 1},
        "faces": {"found": 8, "kept": 8},
    }
    assert chosen == {"in": 8, "kept": 3, "rejected": 5, "reasons": {"duplicate": 1, "too small": 4}, "flags": {}}
    assert cut == {"in": 3, "kept": 3, "rejected": 0, "reasons": {}}
    frame = read_manifest(paths.paired_folder("resize", "celeba"))
    assert list(frame["key"]) == ["0.png#0", "1.png#0", "2.png#0"]
    samples = pd.read_parquet(paths.stage_folder("filter", "celeba") / "samples.parquet")
    assert samples[["rule", "action"]].value_counts().to_dict() == {
        ("too small", "removed"): 4,
        ("duplicate", "removed"): 1,
    }


def test_a_folder_without_a_face(project):
    for n in range(3):
        save(f"{n}.png", np.full((60 + n, 80, 3), 128, np.uint8))
    crop, chosen, cut = project("real", crop={"mode": "ffhq"}, filter={"no_face": {"action": "remove"}})
    assert crop == {"in": 3, "kept": 3, "rejected": 0, "reasons": {}, "faces": {"found": 0, "kept": 0}}
    assert chosen == {"in": 3, "kept": 0, "rejected": 3, "reasons": {"no face": 3}, "flags": {}}
    assert cut == {"in": 0, "kept": 0, "rejected": 0, "reasons": {}}
    # Kept all the same, where the rule says so: the photo's middle.
    crop, chosen, cut = project("real", crop={"mode": "ffhq"}, filter={"no_face": {"action": "flag"}})
    assert chosen["flags"] == {"no face": 3}
    assert cut["kept"] == 3


@pytest.mark.parametrize("mode", ["none", "box"])
def test_a_set_without_photos(project, mode):
    counts = project("ffhq", crop={"mode": mode})
    assert all((count["in"], count["kept"], count["rejected"]) == (0, 0, 0) for count in counts)
    assert counts[0]["faces"] == {"found": 0, "kept": 0}
    assert counts[1]["flags"] == {}


def test_a_training_face_near_a_test_face_is_a_leak(project, photo):
    for n in range(2):
        save(f"{n}.png", photo(160, 160, seed=n))
    project("celebahq", crop={"mode": "none"})
    save("0.png", photo(160, 160, seed=5))
    (_, chosen, _) = project("ffhq", crop={"mode": "none"}, filter={"leak": {"bits": 20, "action": "remove"}})
    assert chosen["reasons"] == {"leak": 1}
    frame = read_manifest(paths.stage_folder("filter", "ffhq"))
    assert frame.loc[frame["reason"] == "leak", "detail"].tolist() == [
        "near celebahq 1.png: 0 bits differ, over 20 is kept"
    ]


def test_what_is_missing_stops_before_the_first_photo(project, photo):
    save("0.png", photo(60, 60))
    with pytest.raises(ValueError, match="name a file under `boxes` of a source"):
        project("celeba", crop={"mode": "box", "detector": "given"})
    with pytest.raises(DetectorMissing, match=r"run dvc repro pretrained"):
        project("celeba", yunet="yunet.onnx", crop={"mode": "box", "detector": "yunet"})
