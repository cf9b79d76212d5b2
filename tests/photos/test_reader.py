"""Photos opened again where ingest found them, and what is said where they are no more."""

import os
import zipfile

import numpy as np
import pytest

from pipeline.photos import reader as photos
from pipeline.photos.reader import PhotoReader
from pipeline.store import images
from pipeline.store.shards import ShardWriter

PICTURE = np.random.default_rng(3).integers(0, 256, (20, 24, 3), dtype=np.uint8)
DATA = images.encode_png(PICTURE)


def row(**place):
    """A row of an ingest manifest as far as reading needs it."""
    return {"path": "", "member": "", "shard": "", "offset": -1, "size": -1, "sha256": "", **place}


@pytest.fixture
def places(tmp_path):
    """The same photo as a file, in a zip, in an uncompressed tar, in a shard of ingest's: name -> row."""
    (tmp_path / "root/deep").mkdir(parents=True)
    (tmp_path / "root/deep/a b.png").write_bytes(DATA)
    with zipfile.ZipFile(tmp_path / "root/x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.png", DATA)
    with ShardWriter(tmp_path / "root/x.tar") as tar:
        in_tar = tar.add("a.png", DATA)
    with ShardWriter(tmp_path / "ingested/00000.tar") as shard:
        in_shard = shard.add("a.png", DATA)
    return {
        "file": row(path="deep/a b.png", size=len(DATA)),
        "zip": row(path="x.zip", member="in/a.png", size=len(DATA)),
        "tar": row(path="x.tar", offset=in_tar["offset"], size=len(DATA)),
        "shard": row(**in_shard),
    }


@pytest.fixture
def reader(tmp_path):
    with PhotoReader(tmp_path / "root", tmp_path / "ingested") as opened:
        yield opened


@pytest.mark.parametrize("place", ["file", "zip", "tar", "shard"])
def test_wherever_it_lies_it_is_the_same_photo(places, reader, place):
    assert reader.read_bytes(places[place]) == DATA
    np.testing.assert_array_equal(reader.read(places[place]), PICTURE)


@pytest.mark.parametrize(("place", "file"), [("file", "deep/a b.png"), ("zip", "x.zip"), ("tar", "x.tar")])
def test_what_is_gone_is_an_oserror(tmp_path, places, reader, place, file):
    (tmp_path / "root" / file).unlink()
    with pytest.raises(OSError, match="No such file"):
        reader.read(places[place])


def test_a_file_that_changed_says_both_sizes(tmp_path, places, reader):
    (tmp_path / "root/deep/a b.png").write_bytes(DATA + b"more")
    with pytest.raises(OSError, match=f"had {len(DATA):,} bytes when it was listed and has {len(DATA) + 4:,} now"):
        reader.read(places["file"])


def test_a_zip_that_changed_is_opened_anew(tmp_path, places, reader):
    assert reader.read_bytes(places["zip"]) == DATA
    with zipfile.ZipFile(tmp_path / "root/x.zip", "w") as archive:
        archive.writestr("other.png", b"")
    with pytest.raises(OSError, match=r"x\.zip holds no in/a\.png any more"):
        reader.read(places["zip"])


def test_a_zip_is_opened_once(places, reader, monkeypatch):
    opened = []
    real = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: opened.append(path) or real(path))
    for _ in range(5):
        reader.read_bytes(places["zip"])
    assert len(opened) == 1


def test_a_child_process_does_not_share_the_parents_place_in_a_zip(places, reader):
    assert reader.read_bytes(places["zip"]) == DATA
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            same = all(reader.read_bytes(places["zip"]) == DATA for _ in range(200))
            os._exit(0 if same else 1)
        children.append(child)
    assert all(reader.read_bytes(places["zip"]) == DATA for _ in range(200))
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]


def test_a_damaged_member_is_an_unreadable_image(tmp_path, places, reader):
    data = bytearray((tmp_path / "root/x.zip").read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "root/x.zip").write_bytes(data)
    with pytest.raises(images.UnreadableImage, match="damaged in its archive"):
        reader.read(places["zip"])


def test_a_tar_that_ends_early_is_an_oserror(tmp_path, places, reader):
    (tmp_path / "root/x.tar").write_bytes((tmp_path / "root/x.tar").read_bytes()[:700])
    with pytest.raises(OSError, match="ends before"):
        reader.read(places["tar"])


@pytest.mark.parametrize("place", ["file", "zip", "tar", "shard"])
def test_what_is_too_large_is_not_read(places, reader, place, monkeypatch):
    monkeypatch.setattr(photos, "MAX_BYTES", 100)
    with pytest.raises(images.UnreadableImage, match="GB, and photos of up to"):
        reader.read(places[place])
    # A file's size is not known before it is read for the first time.
    with pytest.raises(images.UnreadableImage, match="GB, and photos of up to"):
        reader.read(places["file"] | {"size": -1})


def test_a_pipe_and_a_folder_are_oserrors_at_once(tmp_path, reader):
    (tmp_path / "root").mkdir(exist_ok=True)
    os.mkfifo(tmp_path / "root/pipe")
    with pytest.raises(OSError, match="no regular file"):
        reader.read(row(path="pipe"))
    with pytest.raises(OSError, match=r"Is a directory|no regular file"):
        reader.read(row(path="."))


def test_closing_twice_and_reading_again(places, reader):
    reader.read_bytes(places["tar"])
    reader.close()
    reader.close()
    assert reader.read_bytes(places["tar"]) == DATA
