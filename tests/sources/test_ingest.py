"""Any pile of files in, one row each out."""

import os

import numpy as np
import pytest
from PIL import Image

from pipeline.manifest import read_manifest, write_manifest
from pipeline.params import FolderSource, PackagedSource, SyntheticSource
from pipeline.photos import PhotoReader
from pipeline.sources.ingest import IngestTask, list_photos


def photo(path, seed=0, size=(48, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def ingest(root, out, *sources):
    photos, problems = list_photos(root, list(sources))
    rows = IngestTask(root, out)({"shard": "00000.tar", "first": 0, "rows": photos}) + problems
    return write_manifest(out, rows, [row["key"] for row in photos + problems])


def test_every_file_is_a_row_with_a_reason(tmp_path):
    root = tmp_path / "photos"
    photo(root / "a b.png")
    photo(root / "deep/er/über 'x'.png", 1)
    (root / "empty.jpg").write_bytes(b"")
    (root / "text.jpg").write_text("no picture")
    (root / "README.md").write_text("not counted")
    frame = ingest(root, tmp_path / "out", FolderSource(kind="folder")).set_index("key")
    assert list(frame.index) == ["a b.png", "deep/er/über 'x'.png", "empty.jpg", "text.jpg"]
    assert list(frame["kept"]) == [True, True, False, False]
    assert frame.loc["empty.jpg", "detail"] == "empty file"
    assert set(frame.loc[~frame["kept"], "reason"]) == {"unreadable"}
    assert (frame.loc["a b.png", "width"], frame.loc["a b.png", "height"]) == (48, 40)


def test_links_in_a_circle_and_names_that_are_no_text(tmp_path):
    root = tmp_path / "photos"
    photo(root / "sub/a.png")
    (root / "sub/loop").symlink_to(root, target_is_directory=True)
    with open(os.fsencode(root) + b"/bad\xff.png", "wb") as file:
        file.write(b"x")
    frame = ingest(root, tmp_path / "out", FolderSource(kind="folder")).set_index("key")
    assert list(frame.index) == ["sub/a.png", "bad\\udcff.png"]
    assert frame.loc["bad\\udcff.png", "reason"] == "unlisted"


def test_take_is_the_first_by_name_and_two_sources_share_a_file_once(tmp_path):
    for name in "cab":
        photo(tmp_path / f"{name}.png")
    photos, _ = list_photos(tmp_path, [FolderSource(kind="folder", take=2), FolderSource(kind="folder")])
    assert [row["key"] for row in photos] == ["a.png", "b.png", "c.png"]


def test_missing_root_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="correct `root`"):
        list_photos(tmp_path / "nowhere", [FolderSource(kind="folder")])


def test_a_folder_without_permission_is_recorded(tmp_path):
    photo(tmp_path / "open/a.png")
    photo(tmp_path / "shut/b.png")
    (tmp_path / "shut").chmod(0)
    try:
        if os.access(tmp_path / "shut", os.R_OK):
            pytest.skip("this user may read everything")
        photos, problems = list_photos(tmp_path, [FolderSource(kind="folder")])
    finally:
        (tmp_path / "shut").chmod(0o755)
    assert [row["key"] for row in photos] == ["open/a.png"]
    assert problems[0]["key"] == "shut"


def test_generated_and_packaged_photos_are_read_like_any_other(tmp_path):
    sources = (SyntheticSource(kind="synthetic", count=3, size_px=64, seed=7), PackagedSource(kind="skimage"))
    frame = ingest(tmp_path, tmp_path / "out", *sources)
    assert len(frame) == 3 + 101
    assert frame["kept"].all()
    rows = read_manifest(tmp_path / "out").to_dict("records")
    reader = PhotoReader(tmp_path, tmp_path / "out")
    for row in (rows[0], rows[3], rows[-1]):
        assert reader.read(row).shape == (row["height"], row["width"], 3)
    assert rows[3]["key"] == "skimage/astronaut"
    assert reader.read(rows[3]).shape == (512, 512, 3)


def test_a_generated_face_does_not_depend_on_how_many_there_are(tmp_path):
    few = ingest(tmp_path, tmp_path / "few", SyntheticSource(kind="synthetic", count=2, size_px=64, seed=7))
    more = ingest(tmp_path, tmp_path / "more", SyntheticSource(kind="synthetic", count=4, size_px=64, seed=7))
    assert list(few["sha256"]) == list(more["sha256"][:2])
