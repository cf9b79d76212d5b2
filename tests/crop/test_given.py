"""Given boxes instead of a detector."""

import numpy as np
import pandas as pd
import pytest

from pipeline.crop import find as crop
from pipeline.crop.find import FindFaces
from pipeline.crop.given import BoxesError, given_faces, with_given
from pipeline.params.data import CropParams
from pipeline.store.images import encode_png
from pipeline.store.landmarks import BOX_COLUMNS, LANDMARK_COLUMNS

PHOTOS = [{"key": "a"}, {"key": "b"}, {"key": "c"}]


def write(folder, frame):
    pd.DataFrame(frame).to_parquet(folder / "boxes.parquet")


def test_photos_get_their_boxes_and_no_others(tmp_path):
    nan = float("nan")
    write(
        tmp_path,
        {
            "key": ["b", "a", "b", "elsewhere", "c"],
            "box_x": [1, 2, 3, 4, nan],
            "box_y": [1, 2, 3, 4, nan],
            "box_width": [10, 20, 30, 40, nan],
            "box_height": [12, 22, 32, 42, nan],
        },
    )
    photos = with_given(PHOTOS, tmp_path, landmarks_needed=False)
    assert [len(photo["given"]) for photo in photos] == [1, 2, 0]
    large, small = given_faces(photos[1])
    assert (large.box, small.box) == ((3, 3, 30, 32), (1, 1, 10, 12))
    assert np.isnan(large.landmarks).all()
    assert np.isnan(large.score)


def test_what_is_missing_is_a_clear_error(tmp_path, box):
    with pytest.raises(BoxesError, match="name a file under `boxes` of a source"):
        with_given(PHOTOS, tmp_path, landmarks_needed=False)
    rows = [{"key": "a"} | box((0, 0, 5, 5))[0], {"key": "b"} | dict.fromkeys(BOX_COLUMNS, 3)]
    write(tmp_path, rows)
    assert len(with_given(PHOTOS, tmp_path, landmarks_needed=False)[1]["given"]) == 1
    with pytest.raises(BoxesError, match=r"1 of 2 boxes .* come without; first: 'b'"):
        with_given(PHOTOS, tmp_path, landmarks_needed=True)


@pytest.mark.parametrize("mode", ["box", "ffhq"])
def test_the_boxes_of_a_crop_give_the_same_crop_without_a_detector(tmp_path, listed, photo, box, monkeypatch, mode):
    (tmp_path / "a.png").write_bytes(encode_png(photo(200, 240)))
    params = CropParams(mode=mode, detector="given", faces="central")
    first = [row | {"given": box((20, 30, 90, 110), (70, 80, 60, 70))} for row in listed(tmp_path)]
    monkeypatch.setattr(crop, "make_detector", lambda *_: pytest.fail("a detector was loaded"))
    unit = {"shard": "00000.tar", "first": 0, "rows": first}
    rows = FindFaces(tmp_path, tmp_path, params)(unit)
    assert [row["key"] for row in rows] == ["a.png#0", "a.png"]
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    pd.DataFrame(rows).assign(key=[row["photo"] for row in rows]).to_parquet(boxes / "boxes.parquet")
    again = with_given(listed(tmp_path)[:1], boxes, landmarks_needed=True)
    assert FindFaces(tmp_path, tmp_path, params)(unit | {"rows": again}) == rows


def test_a_bad_box_costs_its_own_photo_alone(tmp_path, listed, photo, box):
    for name in "abcd":
        (tmp_path / f"{name}.png").write_bytes(encode_png(photo(100, 100)))
    bare = dict(zip(BOX_COLUMNS, (10, 10, 50, 50), strict=True)) | dict.fromkeys(
        (*LANDMARK_COLUMNS, "score"), float("nan")
    )
    given = [[bare], box((1e6, 3, 40, 40), (20, 20, 30, 30)), box((5, 5, 0, 40)), []]
    rows = [row | {"given": boxes} for row, boxes in zip(listed(tmp_path), given, strict=True)]
    out = FindFaces(tmp_path, tmp_path, CropParams(mode="box", detector="given", faces="all"))(
        {"shard": "00000.tar", "first": 0, "rows": rows}
    )
    assert [(row["key"], row["kept"], row["reason"]) for row in out] == [
        ("a.png#0", True, ""),
        ("b.png#0", False, "failed"),
        ("b.png#1", True, ""),
        ("c.png", False, "failed"),
        ("d.png", False, "no given box"),
    ]
    assert "outside the photo of 100x100 px" in out[1]["detail"]
    assert "no area" in out[3]["detail"]
    assert len(out[0]["phash"]) == 64  # of the square, where there are no landmarks
