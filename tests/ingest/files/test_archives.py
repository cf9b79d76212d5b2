"""Archives read where they lie, whatever is in them."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from pipeline.ingest.files.archives import archive_kind, without_ending
from pipeline.params.data import FolderSource
from pipeline.photos import reader as photos

FOLDER = FolderSource(kind="folder")
MEMBERS = ["a.png", "deep/er/b c.png", "日本 'x'\n.png", "../up.png", "/etc/abs.png", "./dot.png"]
KEYS = ["../up.png", "a.png", "deep/er/b c.png", "dot.png", "etc/abs.png", "日本 'x'\n.png"]


def png(seed) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_zip(path, members: dict[str, bytes], method=zipfile.ZIP_DEFLATED):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def write_tar(path, members: dict[str, bytes], mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        archive.addfile(directory("deep"))
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def directory(name):
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    return member


WRITERS = {
    "x.zip": write_zip,
    "x.tar": write_tar,
    "x.tar.gz": lambda path, members: write_tar(path, members, "w:gz"),
    "x.TGZ": lambda path, members: write_tar(path, members, "w:gz"),
    "x.tar.bz2": lambda path, members: write_tar(path, members, "w:bz2"),
    "x.tar.xz": lambda path, members: write_tar(path, members, "w:xz"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("named", [False, True])
def test_members_are_photos_where_they_lie(tmp_path, ingest, name, named):
    contents = {member: png(seed) for seed, member in enumerate(MEMBERS)}
    junk = {"__MACOSX/._a.png": b"x", "deep/._b.png": b"x", "deep/.DS_Store": b"x", "README.md": b"x"}
    WRITERS[name](tmp_path / "in" / name, contents | junk)
    made = ingest(tmp_path / "in", FolderSource(kind="folder", path=name if named else "."))
    assert made.kept == [f"{name}/{key}" for key in KEYS]
    assert len(made.rows) == len(KEYS)
    for seed, member in enumerate(MEMBERS):
        key = f"{name}/{member.removeprefix('./').lstrip('/')}"
        np.testing.assert_array_equal(made.read(key), np.asarray(Image.open(io.BytesIO(png(seed)))))
    # Nothing is unpacked: the archive is alone in its folder, and nothing lies above it.
    assert [path.name for path in (tmp_path / "in").iterdir()] == [name]
    assert not (tmp_path / "up.png").exists()
    copied = name not in ("x.zip", "x.tar")
    assert [path == "" for path in made.frame["path"]] == [copied] * len(KEYS)
    assert [shard != "" for shard in made.frame["shard"]] == [copied] * len(KEYS)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_zip(tmp_path, ingest, method):
    write_zip(tmp_path / "in/x.zip", {"a.png": png(1)}, method)
    assert ingest(tmp_path / "in", FOLDER).kept == ["x.zip/a.png"]


def test_a_name_held_twice_is_the_later_one(tmp_path, ingest):
    path = tmp_path / "in/x.tar"
    write_tar(path, {"a.png": png(1)})
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("a.png")
        member.size = len(png(2))
        archive.addfile(member, io.BytesIO(png(2)))
    made = ingest(tmp_path / "in", FOLDER)
    np.testing.assert_array_equal(made.read("x.tar/a.png"), np.asarray(Image.open(io.BytesIO(png(2)))))


def test_tar_names_that_are_no_text_are_read(tmp_path, ingest):
    path = tmp_path / "in/x.tar"
    write_tar(path, {"bad\udcff.png": png(1)})
    assert ingest(tmp_path / "in", FOLDER).kept == ["x.tar/bad\\udcff.png"]


def test_backslashes_of_windows_are_folders(tmp_path, ingest):
    write_zip(tmp_path / "in/x.zip", {"dir\\a.png": png(1), "dir\\": b""})
    assert ingest(tmp_path / "in", FOLDER).kept == ["x.zip/dir/a.png"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8])
def test_a_cut_off_archive_is_one_row(tmp_path, photo, ingest, name, share):
    path = tmp_path / "in" / name
    WRITERS[name](path, {f"{n}.png": png(n) for n in range(12)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    photo(tmp_path / "in/whole.png")
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["whole.png"]
    assert made.rejected == {name: "unreadable"}
    assert "damaged archive" in made.detail(name)


def test_a_tar_cut_between_two_members_is_damaged(tmp_path, ingest):
    path = tmp_path / "in/x.tar"
    write_tar(path, {"0.png": png(0), "1.png": png(1)})
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[-1].offset
    path.write_bytes(path.read_bytes()[:offset])
    made = ingest(tmp_path / "in", FOLDER)
    assert made.rejected == {"x.tar": "unreadable"}


def test_what_is_no_archive_though_named_so(tmp_path, ingest):
    (tmp_path / "in").mkdir()
    for name in ("a.zip", "b.tar", "c.tgz", "d.tar.xz"):
        (tmp_path / "in" / name).write_text("<html>not found</html>" * 100)
    assert set(ingest(tmp_path / "in", FOLDER).rejected) == {"a.zip", "b.tar", "c.tgz", "d.tar.xz"}


def test_an_encrypted_zip_says_so(tmp_path, ingest):
    path = tmp_path / "in/x.zip"
    write_zip(path, {"a.png": png(1)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[6] |= 1  # flag of the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    path.write_bytes(data)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.rejected == {"x.zip": "unreadable"}
    assert "encrypted" in made.detail("x.zip")


def test_a_member_with_a_wrong_checksum_is_its_own_row(tmp_path, ingest):
    path = tmp_path / "in/x.zip"
    write_zip(path, {"a.png": png(1), "b.png": png(2)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[200] ^= 255  # inside of a.png
    path.write_bytes(data)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["x.zip/b.png"]
    assert "damaged in its archive" in made.detail("x.zip/a.png")


def test_a_compressed_tar_with_a_wrong_checksum_is_damaged(tmp_path, ingest):
    path = tmp_path / "in/x.tar.gz"
    write_tar(path, {"a.png": png(1)}, "w:gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 255
    path.write_bytes(data)
    assert ingest(tmp_path / "in", FOLDER).rejected == {"x.tar.gz": "unreadable"}


def test_archives_that_are_not_read_are_named(tmp_path, ingest):
    (tmp_path / "in").mkdir()
    names = ["img_celeba.7z.001", "x.7z", "x.rar", "x.tar.zst", "x.z01"]
    for name in names:
        (tmp_path / "in" / name).write_bytes(b"x")
    write_zip(tmp_path / "in/y.zip", {"inner.zip": b"x", "inner.tar.gz": b"x", "a.png": png(1)})
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["y.zip/a.png"]
    assert set(made.rejected) == {*names, "y.zip/inner.zip", "y.zip/inner.tar.gz"}
    assert all("unpack it first" in made.detail(key) for key in made.rejected)


def test_links_inside_a_tar_are_recorded(tmp_path, ingest):
    path = tmp_path / "in/x.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for name, kind in (("soft.png", tarfile.SYMTYPE), ("hard.png", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.rejected == {"x.tar/hard.png": "unreadable", "x.tar/soft.png": "unreadable"}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_what_is_too_large_is_not_read(tmp_path, ingest, name, monkeypatch):
    monkeypatch.setattr(photos, "MAX_BYTES", 2000)
    monkeypatch.setattr("pipeline.ingest.files.archives.MAX_BYTES", 2000)
    WRITERS[name](tmp_path / "in" / name, {"a.png": png(1), "film.mp4": b"0" * 3000})
    (tmp_path / "in/film.mp4").write_bytes(b"0" * 3000)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == [f"{name}/a.png"]
    assert set(made.rejected) == {"film.mp4", f"{name}/film.mp4"}
    assert all("GB" in made.detail(key) for key in made.rejected)


def test_many_members_go_into_several_shards(tmp_path, ingest, monkeypatch):
    monkeypatch.setattr("pipeline.ingest.read.COPIED_PER_SHARD", 4)
    contents = {f"{n:02d}.png": png(n) for n in range(10)}
    write_tar(tmp_path / "in/x.tar.gz", contents, "w:gz")
    made = ingest(tmp_path / "in", FolderSource(kind="folder", take=9))
    assert sorted(set(made.frame["shard"])) == ["copied_00000.tar", "copied_00001.tar", "copied_00002.tar"]
    assert len(made.kept) == 9


def test_kinds_by_name():
    assert [archive_kind(name) for name in ("a.ZIP", "a.tar.GZ", "a.jpg", "zip", "a.tar.zst", "a.7z.014")] == [
        *("zip", "gz", "", "", "other", "other")
    ]
    assert [without_ending(name) for name in ("a.tar.gz", "a.zip", "a.b", "zip")] == ["a", "a", "a.b", "zip"]
