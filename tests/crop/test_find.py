"""The crop stage's task: rows, bad input, nothing lost."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from small_faces import wide_photo

from pipeline.crop import find as crop
from pipeline.crop.find import FindFaces, count_photos
from pipeline.faces.detect import Face
from pipeline.filter.rules import judge
from pipeline.params.data import CropParams, FilterParams, ResizeParams
from pipeline.photos.reader import PLACE_COLUMNS
from pipeline.resize.cut import CutFaces
from pipeline.runtime.parallel import shard_units
from pipeline.store.images import encode_png
from pipeline.store.landmarks import BOX_COLUMNS, LANDMARK_COLUMNS
from pipeline.store.manifest import COLUMNS, count

OWN = ("photo", "face", "faces_found", "score", *BOX_COLUMNS, *LANDMARK_COLUMNS)
CUT = ("mode", "side", "left", "top", "face_side", "sharpness", "phash")


def run(folder, rows, params, shard_images=128):
    task = pickle.loads(pickle.dumps(FindFaces(folder, folder, params)))  # as a worker gets it
    return [row for unit in shard_units(rows, shard_images) for row in task(unit)]


@pytest.fixture
def bad_photos(tmp_path, photo):
    """Photos of every trying kind, of which `unreadable` names the ones that nobody can read."""
    rng = np.random.default_rng(0)
    for name, (width, height) in {
        "20x20": (20, 20),
        "1x1": (1, 1),
        "4000x20": (4000, 20),
        "20x4000": (20, 4000),
    }.items():
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    image = photo(150, 120)
    grey = image[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([image, 255 - grey])).save(tmp_path / "alpha.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "16bit.png")
    Image.fromarray(image).save(tmp_path / "whole.jpg")
    Image.fromarray(image).quantize(32).save(tmp_path / "palette.png")
    jpeg = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "truncated.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    return tmp_path, {"truncated.jpg", "text.jpg", "empty.jpg"}


@pytest.mark.parametrize("mode", ["none", "box", "ffhq"])
def test_bad_photos_are_recorded_and_nothing_is_lost(bad_photos, listed, mode):
    folder, unreadable = bad_photos
    photos = listed(folder)
    rows = run(folder, photos, CropParams(mode=mode, detect_max_side_px=512))
    assert [row["photo"] for row in rows] == [row["key"] for row in photos]
    assert {row["key"] for row in rows if not row["kept"]} == unreadable
    assert {row["reason"] for row in rows if not row["kept"]} == {"unreadable"}
    for row in rows:
        assert list(row) == [*COLUMNS, *PLACE_COLUMNS, *OWN, *CUT]
        if row["kept"]:
            # No face in any: the central square, a whole number of pixels.
            assert (row["mode"], row["face"], row["faces_found"]) == ("none", -1, -1 if mode == "none" else 0)
            assert row["side"] == row["face_side"] == min(row["width"], row["height"])
            assert len(row["phash"]) == 64
            assert row["sharpness"] >= 0
    by_key = {row["key"]: row for row in rows}
    assert (by_key["4000x20.png"]["left"], by_key["4000x20.png"]["top"]) == (1990, 0)
    # 16 bits, grey and colour are the same picture.
    assert by_key["16bit.png"]["phash"] == by_key["grey.png"]["phash"]
    # and resize cuts every one of them
    out = CutFaces(folder, folder, folder / "out", ResizeParams(size_px=32, interpolation="bicubic"))
    cut = out({"shard": "00000.tar", "first": 0, "rows": [row for row in rows if row["kept"]]})
    assert all(row["kept"] for row in cut)


def test_small_faces_of_a_large_photo_are_found_where_the_params_say_so(tmp_path, listed):
    photo, faces = wide_photo()
    (tmp_path / "wide.png").write_bytes(encode_png(photo))
    rows = listed(tmp_path)
    assert [row["face"] for row in run(tmp_path, rows, CropParams(mode="box", faces="all"))] == [-1]
    found = run(tmp_path, rows, CropParams(mode="box", faces="all", search="deep"))
    assert [row["face"] for row in found] == list(range(len(faces)))
    areas = [row["box_width"] * row["box_height"] for row in found]
    assert areas == sorted(areas, reverse=True)


def test_a_photo_that_went_away_is_changed_and_a_strange_error_is_recorded(tmp_path, listed, photo, monkeypatch):
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(encode_png(photo(64, 64)))
    rows = listed(tmp_path)
    (tmp_path / "a.png").unlink()

    class Strange:
        def detect(self, image):
            raise RuntimeError("out of luck")

    monkeypatch.setattr(crop, "_detector", lambda *_: Strange())
    out = run(tmp_path, rows, CropParams(mode="box"))
    assert [row["reason"] for row in out] == ["changed", "failed", "failed"]
    assert out[1]["detail"] == "RuntimeError: out of luck"
    assert all(row["faces_found"] == -1 for row in out)


def test_a_missing_detector_stops_the_run(tmp_path, listed, photo):
    (tmp_path / "a.png").write_bytes(encode_png(photo(64, 64)))
    with pytest.raises(ValueError, match=r"yunet.onnx is missing"):
        FindFaces(tmp_path, tmp_path, CropParams(mode="box", detector="yunet"), tmp_path / "yunet.onnx")(
            {"shard": "00000.tar", "first": 0, "rows": listed(tmp_path)}
        )


class Drawn:
    """A detector whose faces the test draws: the photo's top left pixel is its number."""

    def __init__(self, faces):
        self._faces = faces

    def detect(self, image):
        return self._faces[image[0, 0, 0]]


corner = st.floats(-60, 110)
side = st.floats(1, 150)
face = st.builds(
    lambda x, y, w, h, points: Face((x, y, w, h), np.array(points).reshape(5, 2), 0.9),
    corner,
    corner,
    side,
    side,
    st.one_of(st.lists(corner, min_size=10, max_size=10), st.just([30.0] * 10)),
)
LOOSE = FilterParams(
    no_face={"action": "remove"},
    side_px={"over": 40, "action": "remove"},
    near_duplicate={"bits": 20, "action": "remove"},
)


@pytest.mark.middle
@pytest.mark.parametrize("rule", ["largest", "central", "all"])
@pytest.mark.parametrize("mode", ["box", "ffhq"])
def test_in_is_kept_and_rejected_at_every_stage(tmp_path, listed, photo, monkeypatch, rule, mode):
    for number in range(5):
        image = photo(100, 120, seed=number)
        image[0, 0] = number
        (tmp_path / f"{number}.png").write_bytes(encode_png(image))
    photos = listed(tmp_path)
    keys = [row["key"] for row in photos]

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(faces=st.lists(st.lists(face, max_size=4), min_size=5, max_size=5), shard_images=st.integers(1, 5))
    def check(faces, shard_images):
        monkeypatch.setattr(crop, "_detector", lambda *_: Drawn(faces))
        rows = run(tmp_path, photos, CropParams(mode=mode, faces=rule), shard_images)
        # A row for each face, or one for a photo without; each key once; one face of a photo, or all of them, or none.
        assert [row["photo"] for row in rows] == [key for n, key in enumerate(keys) for _ in faces[n] or [None]]
        assert len({row["key"] for row in rows}) == len(rows)
        counts = count_photos(pd.DataFrame(rows))
        assert counts["in"] == counts["kept"] + counts["rejected"] == len(keys)
        assert sum(counts["reasons"].values()) == counts["rejected"]
        assert counts["faces"]["found"] == sum(map(len, faces))
        for n, key in enumerate(keys):
            own = [row for row in rows if row["photo"] == key]
            kept_rows = [row for row in own if row["kept"]]
            if rule != "all":
                assert len(kept_rows) <= 1
                assert [row["key"] for row in own].count(key) == 1
            assert all(row["reason"] in ("", "failed", "not the largest", "not the most central") for row in own)
            areas = [row["box_width"] * row["box_height"] for row in own]
            assert areas == sorted(areas, reverse=True) or not faces[n]
            for row in kept_rows:
                assert math.isfinite(row["side"])
                assert len(row["phash"]) == 64
        went_on = [row for row in rows if row["kept"]]
        judged, findings = judge(went_on, LOOSE, {})
        assert [row["key"] for row in judged] == [row["key"] for row in went_on]
        filtered = count(pd.DataFrame(judged, columns=list(judged[0]) if judged else COLUMNS))
        assert filtered["in"] == filtered["kept"] + filtered["rejected"] == len(went_on)
        assert sum(filtered["reasons"].values()) == filtered["rejected"] == len(findings)
        left = [row for row in judged if row["kept"]]
        task = CutFaces(tmp_path, tmp_path, tmp_path / "out", ResizeParams(size_px=16, interpolation="bicubic"))
        cut = task({"shard": "00000.tar", "first": 0, "rows": left})
        assert [row["key"] for row in cut if row["kept"]] == [row["key"] for row in left]
        # The same rows whatever the unit.
        pd.testing.assert_frame_equal(
            pd.DataFrame(run(tmp_path, photos, CropParams(mode=mode, faces=rule), 128)), pd.DataFrame(rows)
        )

    check()


def test_one_face_without_a_square_does_not_cost_the_others(tmp_path, listed, photo, monkeypatch):
    (tmp_path / "a.png").write_bytes(encode_png(photo(100, 120) // 2))
    points = np.array([[30, 40], [60, 40], [45, 55], [35, 70], [55, 70]], dtype=float)
    faces = [Face((20, 20, 60, 60), np.full((5, 2), 40.0), 0.9), Face((20, 20, 50, 60), points, 0.8)]
    monkeypatch.setattr(crop, "_detector", lambda *_: Drawn([faces] * 256))
    first, second = run(tmp_path, listed(tmp_path), CropParams(mode="ffhq", faces="all"))
    assert (first["kept"], first["reason"]) == (False, "failed")
    assert first["detail"] == "landmarks coincide: the face has no orientation"
    assert second["kept"]
    assert (second["left"], second["top"], second["face_side"]) == (-1, -1, 72)
    assert second["side"] == pytest.approx(2 * max(60, 1.8 * 30))


def test_the_measures_are_of_the_face_that_goes_on(tmp_path, listed, photo, monkeypatch):
    image = photo(200, 200)
    image[:, 100:] = image[:, 100:] // 2 + np.random.default_rng(0).integers(0, 99, (200, 100, 1), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(encode_png(image))
    nan = np.full((5, 2), np.nan)
    faces = [Face((10, 50, 70, 70), nan, 0.9), Face((120, 50, 60, 60), nan, 0.8)]
    monkeypatch.setattr(crop, "_detector", lambda *_: Drawn([faces] * 256))
    blurred, sharp = run(tmp_path, listed(tmp_path), CropParams(mode="box", faces="all"))
    assert blurred["sharpness"] < sharp["sharpness"] / 4
    assert blurred["phash"] != sharp["phash"]
    kept_row, other = run(tmp_path, listed(tmp_path), CropParams(mode="box", faces="largest"))
    assert (other["reason"], other["phash"]) == ("not the largest", "")
    assert (kept_row["phash"], kept_row["sharpness"]) == (blurred["phash"], blurred["sharpness"])
