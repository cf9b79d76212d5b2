"""Files and folders as people leave them: names, links, permissions. Nothing crashes, nothing is lost."""

import os
from pathlib import Path

import pytest

from pipeline.ingest.files import folder
from pipeline.ingest.listing import list_photos
from pipeline.params.data import FolderSource

FOLDER = FolderSource(kind="folder")
ODD_NAMES = [
    "with spaces and  two.png",
    'it\'s "quoted" `here`.png',
    "two\nlines.png",
    "日本語 ñandú 😀.png",
    "e\u0301 decomposed.png",
    "percent%20 #hash ?query &.png",
    "back\\slash.png",
    "-rf.png",
    ".hidden.png",
    "no_suffix",
    "x" * 196 + ".png",
    "tab\there.png",
]


def test_odd_names_are_names(tmp_path, photo, ingest):
    pixels = {}
    for seed, name in enumerate(ODD_NAMES):
        pixels[name] = photo(tmp_path / "in" / name, seed, format="PNG")
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == sorted(ODD_NAMES)
    for name, expected in pixels.items():
        assert (made.read(name) == expected).all(), name


def test_two_files_of_one_name_are_two_photos(tmp_path, photo, ingest):
    first, second = photo(tmp_path / "in/a/face.png", 1), photo(tmp_path / "in/b/face.png", 2)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["a/face.png", "b/face.png"]
    assert (made.read("a/face.png") == first).all()
    assert (made.read("b/face.png") == second).all()


def test_names_that_are_no_text_are_recorded(tmp_path, photo, ingest):
    root = tmp_path / "in"
    photo(root / "good.png")
    os.mkdir(os.fsencode(root) + b"/folder\xfe")
    for name in (b"/bad\xff.png", b"/folder\xfe/a.png"):
        with open(os.fsencode(root) + name, "wb") as file:
            file.write(b"x")
    made = ingest(root, FOLDER)
    assert made.kept == ["good.png"]
    assert made.rejected == {"bad\\udcff.png": "unlisted", "folder\\udcfe/a.png": "unlisted"}
    assert "rename" in made.detail("bad\\udcff.png")


def test_links_in_a_circle_end(tmp_path, photo, ingest):
    root = tmp_path / "in"
    photo(root / "sub/a.png")
    (root / "sub/loop").symlink_to(root, target_is_directory=True)
    (root / "self").symlink_to("self")
    made = ingest(root, FOLDER)
    assert made.kept == ["sub/a.png"]
    assert made.rejected == {"self": "unreadable"}
    assert "leads nowhere" in made.detail("self")
    assert made.notes == []


def test_broken_links_are_recorded_and_links_to_files_read(tmp_path, photo, ingest):
    photo(tmp_path / "elsewhere/a.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/broken.png").symlink_to("nowhere.png")
    (tmp_path / "in/link.png").symlink_to(tmp_path / "elsewhere/a.png")
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["link.png"]
    assert made.rejected == {"broken.png": "unreadable"}


def test_a_link_to_a_folder_is_followed_once_and_said(tmp_path, photo, ingest):
    photo(tmp_path / "elsewhere/deep/a.png")
    photo(tmp_path / "in/b/own.png", 1)
    (tmp_path / "in/a_link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "in/again").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "in/a_link_to_b").symlink_to("b", target_is_directory=True)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["a_link/deep/a.png", "b/own.png"]
    (note,) = made.notes
    assert "1 links, the first a_link" in note


def test_a_pipe_is_no_photo_and_is_not_waited_for(tmp_path, photo, ingest):
    photo(tmp_path / "in/a.png")
    os.mkfifo(tmp_path / "in/pipe.jpg")
    made = ingest(tmp_path / "in", FOLDER)
    assert made.rejected == {"pipe.jpg": "unreadable"}


def test_a_folder_without_permission_is_recorded(tmp_path, photo):
    """Listed by a user who is not root, whom permissions do not bind."""
    photo(tmp_path / "in/open/a.png")
    photo(tmp_path / "in/shut/b.png")
    (tmp_path / "in/shut").chmod(0)
    reading, writing = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            _list_as_nobody(tmp_path / "in", reading, writing)
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        (tmp_path / "in/shut").chmod(0o755)
    assert said == "open/a.png|shut unlisted folder cannot be listed: Permission denied"


def _list_as_nobody(root, reading, writing):
    """In a forked child: drop root's rights, list, write what came of it, and end without pytest's leave."""
    status = 1
    try:
        os.close(reading)
        above = os.open(root, os.O_RDONLY)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        # pytest's folders are closed to others; the open descriptor leads past them.
        os.fchdir(above)
        finds = folder.find(Path("."), ".")
        keys = [found.key for found in finds.found]
        problems = [f"{problem.key} {problem.reason} {problem.detail}" for problem in finds.problems]
        os.write(writing, "|".join(keys + problems).encode())
        status = 0
    finally:
        os._exit(status)


def test_a_file_without_permission_is_recorded(tmp_path, photo, ingest, monkeypatch):
    photo(tmp_path / "in/a.png")
    photo(tmp_path / "in/b.png")
    real = os.open

    def guarded(path, *rest, **named):
        if str(path).endswith("a.png"):
            raise PermissionError(13, os.strerror(13), path)
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", guarded)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.rejected == {"a.png": "unreadable"}
    assert made.detail("a.png") == "Permission denied"


def test_a_root_that_cannot_be_listed_is_recorded_too(tmp_path, monkeypatch):
    def shut(path):
        raise PermissionError(13, os.strerror(13), path)

    monkeypatch.setattr(os, "scandir", shut)
    listing = list_photos(tmp_path, [FOLDER])
    assert [(row["key"], row["reason"]) for row in listing.rejected] == [(".", "unlisted")]


@pytest.mark.parametrize("name", ["README.md", ".DS_Store", "Thumbs.db", "._a.jpg", "desktop.ini", ".gitkeep"])
def test_what_systems_leave_is_not_counted(tmp_path, name, ingest):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(b"x")
    assert ingest(tmp_path / "in", FOLDER).rows == []
