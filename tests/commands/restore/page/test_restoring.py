"""The process that restores, without its page."""

import shutil
from types import SimpleNamespace

import pytest

from pipeline.commands.restore.page import restoring


class Ended(Exception):
    pass


def test_a_photo_that_is_written_on_does_not_stay_when_the_page_was_killed(tmp_path, monkeypatch):
    def end(code):
        raise Ended(code)

    def remove_while_written(folder, ignore_errors):
        remove(folder / "photo")
        if writes:
            (folder / writes.pop()).write_bytes(b"a part of a face")
        else:
            remove(folder)

    root, remove, writes = tmp_path / "page", lambda path: shutil.rmtree(path, ignore_errors=True), ["after", "view"]
    (root / "photo").mkdir(parents=True)
    monkeypatch.setattr(restoring, "parent_process", lambda: SimpleNamespace(join=lambda: None))
    monkeypatch.setattr(restoring.os, "_exit", end)
    monkeypatch.setattr(restoring, "shutil", SimpleNamespace(rmtree=remove_while_written))
    with pytest.raises(Ended):
        restoring._end_with_the_page(root)
    assert not root.exists()
