"""Any pile of files in, one row each out."""

import os

import numpy as np
import pytest

from pipeline.ingest.listing import list_photos
from pipeline.params.data import FolderSource, PackagedSource, SyntheticSource
from pipeline.photos.reader import PLACE_COLUMNS

FOLDER = FolderSource(kind="folder")


def test_every_file_is_a_row_with_a_reason(tmp_path, photo, ingest):
    root = tmp_path / "photos"
    photo(root / "a b.png")
    photo(root / "deep/er/über 'x'.png", 1)
    (root / "empty.jpg").write_bytes(b"")
    (root / "text.jpg").write_text("no picture")
    (root / "README.md").write_text("not counted")
    made = ingest(root, FOLDER)
    assert made.keys == ["a b.png", "deep/er/über 'x'.png", "empty.jpg", "text.jpg"]
    assert made.rejected == {"empty.jpg": "unreadable", "text.jpg": "unreadable"}
    assert made.detail("empty.jpg") == "empty file"
    assert "text and not an image, beginning with 'no picture'" in made.detail("text.jpg")
    row = made.rows[0]
    assert (row["width"], row["height"], row["format"]) == (24, 20, "PNG")
    assert set(PLACE_COLUMNS) < set(row)


def test_the_digest_and_the_size_are_the_files(tmp_path, photo, ingest):
    import hashlib

    photo(tmp_path / "in/a.png")
    data = (tmp_path / "in/a.png").read_bytes()
    (row,) = ingest(tmp_path / "in", FOLDER).rows
    assert (row["size"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_take_is_the_first_by_name_and_two_sources_share_a_file_once(tmp_path, photo):
    for name in "cab":
        photo(tmp_path / f"{name}.png")
    listing = list_photos(tmp_path, [FolderSource(kind="folder", take=2), FOLDER])
    assert [row["key"] for row in listing.photos] == ["a.png", "b.png", "c.png"]
    listing = list_photos(tmp_path, [FolderSource(kind="folder", take=2)])
    assert [row["key"] for row in listing.photos] == ["a.png", "b.png"]


def test_a_missing_place_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="correct `root`"):
        list_photos(tmp_path / "nowhere", [FOLDER])
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"a\.txt is not a zip or tar archive"):
        list_photos(tmp_path, [FolderSource(kind="folder", path="a.txt")])


def test_an_empty_folder_is_an_empty_set(tmp_path, ingest):
    (tmp_path / "in").mkdir()
    assert ingest(tmp_path / "in", FOLDER).rows == []


def test_generated_and_packaged_photos_are_read_like_any_other(tmp_path, ingest):
    sources = (SyntheticSource(kind="synthetic", count=3, size_px=64, seed=7), PackagedSource(kind="skimage"))
    made = ingest(tmp_path, *sources)
    assert len(made.kept) == 3 + 101
    assert made.keys[0] == "skimage/astronaut"
    assert made.read("skimage/astronaut").shape == (512, 512, 3)
    assert set(made.frame["format"]) == {"JPEG", "PNG"}
    few = ingest(tmp_path, PackagedSource(kind="skimage", take=2))
    assert few.keys == ["skimage/astronaut", "skimage/lfw_000"]


def test_a_generated_face_does_not_depend_on_how_many_there_are(tmp_path, ingest):
    few = ingest(tmp_path, SyntheticSource(kind="synthetic", count=2, size_px=64, seed=7))
    more = ingest(tmp_path, SyntheticSource(kind="synthetic", count=4, size_px=64, seed=7))
    assert list(few.frame["sha256"]) == list(more.frame["sha256"][:2])


def test_ingest_of_real_photos_is_what_decoding_says(shared, ingest):
    made = ingest(shared / "faces", FolderSource(kind="folder", path="real"), FolderSource(kind="folder", path="helen"))
    assert len(made.kept) == 112  # the fixture opens each and compares its size


def test_a_strange_failure_of_one_photo_is_its_own(tmp_path, photo, ingest, monkeypatch):
    from pipeline.photos import decode

    photo(tmp_path / "in/a.png")
    photo(tmp_path / "in/b.png", 1)
    real, seen = decode.read_header, []

    def once(data):
        seen.append(data)
        if len(seen) == 1:
            raise RuntimeError("never thought of")
        return real(data)

    monkeypatch.setattr(decode, "read_header", once)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.rejected == {"a.png": "failed"}
    assert made.detail("a.png") == "RuntimeError: never thought of"


def test_a_full_disk_stops_the_run(tmp_path, monkeypatch):
    from pipeline.ingest.read import ReadPhotos
    from pipeline.store.shards import ShardWriter

    def full(self, name, data):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(ShardWriter, "add", full)
    rows = [{"key": "a", "kind": "synthetic", "seed": 1, "index": 0, "size_px": 64}]
    with pytest.raises(OSError, match="No space left"):
        ReadPhotos(tmp_path, tmp_path / "out")({"shard": "00000.tar", "first": 0, "rows": rows})
    assert list((tmp_path / "out").iterdir()) == []


def test_pixels_are_those_of_the_file(tmp_path, photo, ingest):
    pixels = photo(tmp_path / "in/a.png", 5)
    np.testing.assert_array_equal(ingest(tmp_path / "in", FOLDER).read("a.png"), pixels)
