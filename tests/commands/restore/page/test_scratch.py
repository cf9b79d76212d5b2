"""The page's folder: there while it runs, and nowhere afterwards."""

import os
import stat
import subprocess
import sys
import tempfile

import pytest
from tests_root import ROOT

from pipeline.commands.restore.page.scratch import PREFIX, own_folder, remove_left_behind


@pytest.fixture(autouse=True)
def _temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_it_is_one_users_alone_and_deleted_at_the_end(tmp_path):
    with own_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "a").mkdir()
        (folder / "a/photo").write_bytes(b"photo")
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_it_is_deleted_after_an_error(tmp_path):
    def fail():
        with own_folder() as folder:
            (folder / "photo").write_bytes(b"photo")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_page_left_is_deleted_by_the_next_and_that_of_one_that_runs_is_not(tmp_path):
    code = (
        "import os, sys\n"
        "from pipeline.commands.restore.page.scratch import own_folder\n"
        "with own_folder() as folder:\n"
        "    (folder / 'photo').write_bytes(b'photo')\n"
        "    print(folder, flush=True)\n"
        "    sys.stdin.readline()\n"
        "    os._exit(9)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    there = other.stdout.readline().strip()
    with own_folder():
        assert os.path.exists(f"{there}/photo")
    other.communicate("\n")
    assert os.path.exists(f"{there}/photo")
    with own_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_only_has_such_a_name_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"")
    (tmp_path / f"{PREFIX}link").symlink_to(precious)
    (tmp_path / f"{PREFIX}file").write_bytes(b"")
    remove_left_behind()
    assert (precious / "file").exists()
    assert (tmp_path / f"{PREFIX}link").exists()
    assert (tmp_path / f"{PREFIX}file").exists()
