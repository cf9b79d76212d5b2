"""The resize stage's task."""

import errno

import numpy as np
import pytest
from PIL import Image

from pipeline.crop.find import FindFaces
from pipeline.images.pixels import resize
from pipeline.params.data import CropParams, ResizeParams
from pipeline.photos.reader import PhotoReader
from pipeline.resize.align import align
from pipeline.resize.cut import CutFaces, cut_landmarks
from pipeline.store import images
from pipeline.store.images import encode_png
from pipeline.store.landmarks import landmarks_of
from pipeline.store.shards import ShardReader, ShardWriter

RESIZE = ResizeParams(size_px=48, interpolation="bilinear")


def cut(folder, rows, out="out"):
    return CutFaces(folder, folder, folder / out, RESIZE)({"shard": "00000.tar", "first": 0, "rows": rows})


def cropped(folder, photos, mode, faces="all"):
    params = CropParams(mode=mode, detector="given", faces=faces)
    rows = FindFaces(folder, folder, params)({"shard": "00000.tar", "first": 0, "rows": photos})
    return [row for row in rows if row["kept"]]


@pytest.fixture
def photos(tmp_path, listed, photo, box):
    """Two photos with two faces each."""
    for n in range(2):
        (tmp_path / f"{n}.png").write_bytes(encode_png(photo(160, 140, seed=n)))
    faces = box((10, 20, 60, 70), (80, 30, 50, 60))
    return [row | {"given": faces} for row in listed(tmp_path)]


@pytest.mark.parametrize("mode", ["box", "ffhq"])
def test_faces_are_cut_and_each_photo_is_decoded_once(tmp_path, photos, mode, monkeypatch):
    rows = cropped(tmp_path, photos, mode)
    reads = []
    read = PhotoReader.read
    monkeypatch.setattr(PhotoReader, "read", lambda self, row: reads.append(row["photo"]) or read(self, row))
    out = cut(tmp_path, rows)
    assert reads == ["0.png", "1.png"]
    assert [row["key"] for row in out] == ["0.png#0", "0.png#1", "1.png#0", "1.png#1"]
    with ShardReader(tmp_path / "out") as shards:
        for row, made in zip(rows, out, strict=True):
            assert (made["photo"], made["source_side"], made["shard"]) == (row["photo"], row["side"], "00000.tar")
            face = images.decode(shards.read(made["shard"], made["offset"], made["size"]))
            photo = np.asarray(Image.open(tmp_path / row["photo"]))
            if mode == "ffhq":
                wanted = align(photo, landmarks_of(row), 48, "bilinear")
            else:
                left, top, side = int(row["left"]), int(row["top"]), int(row["side"])
                wanted = resize(photo[top : top + side, left : left + side], 48, "bilinear")
            np.testing.assert_array_equal(face, wanted)


def test_what_cannot_be_read_is_recorded_and_the_rest_goes_on(tmp_path, photos):
    rows = cropped(tmp_path, photos, "box")
    (tmp_path / "0.png").unlink()
    rows[2]["side"] = float("nan")  # nothing that crop writes
    out = cut(tmp_path, rows)
    assert [(row["kept"], row["reason"]) for row in out] == [
        (False, "changed"),
        (False, "changed"),
        (False, "failed"),
        (True, ""),
    ]
    assert out[0]["shard"] == ""
    assert out[2]["detail"].startswith("ValueError: ")


def test_a_full_disk_stops_the_run(tmp_path, photos, monkeypatch):
    def full(self, name, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(OSError, match="No space left"):
        cut(tmp_path, cropped(tmp_path, photos, "box"))
    assert list((tmp_path / "out").iterdir()) == []


def test_the_same_faces_are_the_same_bytes(tmp_path, photos):
    rows = cropped(tmp_path, photos, "ffhq", "largest")
    assert cut(tmp_path, rows, "one") == cut(tmp_path, rows, "two")
    assert (tmp_path / "one/00000.tar").read_bytes() == (tmp_path / "two/00000.tar").read_bytes()


@pytest.mark.parametrize("kind", ["grey", "alpha", "16 bit"])
def test_photos_of_other_kinds_become_rgb(tmp_path, listed, photo, box, kind):
    image = photo(100, 100)
    grey = image[..., 0]
    pixels = {"grey": grey, "alpha": np.dstack([image, grey]), "16 bit": grey.astype(np.uint16) * 257}[kind]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    rows = [row | {"given": box((20, 20, 50, 50))} for row in listed(tmp_path)]
    (made,) = cut(tmp_path, cropped(tmp_path, rows, "box", "largest"))
    with ShardReader(tmp_path / "out") as shards:
        face = images.decode(shards.read(made["shard"], made["offset"], made["size"]))
    wanted = image if kind == "alpha" else np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(face, resize(wanted[15:75, 15:75], 48, "bilinear"))


@pytest.mark.parametrize("mode", ["box", "ffhq"])
def test_landmarks_go_where_the_face_goes(tmp_path, listed, box, mode):
    """A dot painted on each landmark of a photo lies where the manifest says, in the face that is written."""
    given = box((60, 50, 100, 110))
    image = np.zeros((240, 240, 3), np.uint8)
    for x, y in landmarks_of(given[0]):
        image[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = 255
    (tmp_path / "a.png").write_bytes(encode_png(image))
    (face,) = cropped(tmp_path, [row | {"given": given} for row in listed(tmp_path)], mode, "largest")
    (made,) = CutFaces(tmp_path, tmp_path, tmp_path / "out", ResizeParams(size_px=120, interpolation="bicubic"))(
        {"shard": "00000.tar", "first": 0, "rows": [face]}
    )
    with ShardReader(tmp_path / "out") as shards:
        picture = images.decode(shards.read(made["shard"], made["offset"], made["size"]))[..., 0].astype(float)
    np.testing.assert_allclose(landmarks_of(made), cut_landmarks(face, 120))
    for x, y in landmarks_of(made):
        window = np.s_[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7]
        weights = picture[window] / picture[window].sum()
        rows_at, columns_at = np.mgrid[window]
        assert abs((weights * columns_at).sum() + 0.5 - x) < 0.8
        assert abs((weights * rows_at).sum() + 0.5 - y) < 0.8
