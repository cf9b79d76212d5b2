"""A folder that tests change is afterwards what it was copied from, whatever they did."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from report.put_right import Changeable

FILES = {"one.txt": "one", "two.txt": "two", "a/three.txt": "three", "a/b/four.txt": "four"}


def write(folder: Path, place: str, text: str) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def content(folder: Path) -> dict[str, str | None]:
    """Place -> text of a file, None for a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None for path in folder.rglob("*")
    }


def swapped(folder: Path) -> None:
    """Two files of one size and one time change places."""
    (folder / "one.txt").rename(folder / "other.txt")
    (folder / "two.txt").rename(folder / "one.txt")
    (folder / "other.txt").rename(folder / "two.txt")


def file_for_folder(folder: Path) -> None:
    shutil.rmtree(folder / "a")
    write(folder, "a", "a file")


def folder_for_file(folder: Path) -> None:
    (folder / "one.txt").unlink()
    write(folder, "one.txt/inside.txt", "in a folder")


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "written in place, as long as before": lambda folder: write(folder, "one.txt", "eno"),
    "replaced as a whole": lambda folder: (write(folder, "new", "eno"), (folder / "new").replace(folder / "one.txt")),
    "removed": lambda folder: (folder / "a/b/four.txt").unlink(),
    "a folder removed": lambda folder: shutil.rmtree(folder / "a"),
    "a folder renamed": lambda folder: (folder / "a").rename(folder / "gone"),
    "added": lambda folder: write(folder, "a/new/five.txt", "five"),
    "an empty folder added": lambda folder: (folder / "empty").mkdir(),
    "a link added": lambda folder: (folder / "link").symlink_to(folder / "a"),
    "swapped": swapped,
    "a file for a folder": file_for_folder,
    "a folder for a file": folder_for_file,
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_taken_back(what, tmp_path):
    for place, text in FILES.items():
        write(tmp_path / "original", place, text)
        os.utime(tmp_path / "original" / place, (1, 1))
    before = content(tmp_path / "original")
    changeable = Changeable(tmp_path / "original", tmp_path / "copy")
    assert content(changeable.folder) == before
    for _ in range(2):
        CHANGES[what](changeable.folder)
        assert (content(changeable.folder) != before) == (what != "nothing")
        changeable.put_right()
        assert content(changeable.folder) == before
    assert content(tmp_path / "original") == before
