"""Which files come in and where they go."""

import os
from pathlib import Path

import pytest

from pipeline.commands.restore.inputs import InputError, plan


@pytest.fixture
def photos(tmp_path):
    for name in (
        "in/b.jpg",
        "in/a.png",
        "in/deep/er/c.jpeg",
        "in/.DS_Store",
        "in/deep/._c.jpeg",
        "in/notes.txt",
        "x.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def names(jobs, out):
    return [(str(job.output.relative_to(out))) for job in jobs]


def test_folders_are_mirrored_in_order_and_junk_is_left(photos):
    out = photos / "out"
    jobs = plan([photos / "x.jpg", photos / "in"], out, None)
    assert names(jobs, out) == ["x.jpg", "a.png", "b.jpg", "notes.txt", "deep/er/c.jpeg"]
    assert jobs[0].beside(".json") == out / "x.jpg.json"


def test_a_chosen_format_changes_the_suffix(photos):
    out = photos / "out"
    assert names(plan([photos / "in/deep"], out, "PNG"), out) == ["er/c.png"]


def test_a_photo_given_twice_is_restored_once(photos):
    out = photos / "out"
    link = photos / "again.jpg"
    link.symlink_to(photos / "x.jpg")
    assert len(plan([photos / "x.jpg", photos / "x.jpg"], out, None)) == 1
    assert len(plan([photos / "x.jpg", photos / "in/../x.jpg"], out, None)) == 1


def test_two_photos_with_one_output_are_refused(photos):
    (photos / "in/x.jpg").write_bytes(b"another")
    with pytest.raises(InputError, match=r"x\.jpg and .*x\.jpg would both become"):
        plan([photos / "x.jpg", photos / "in"], photos / "out", None)
    (photos / "in/a.bmp").write_bytes(b"another")
    with pytest.raises(InputError, match=r"would both become .*a\.png"):
        plan([photos / "in"], photos / "out", "PNG")


def test_no_photo_is_overwritten(photos):
    with pytest.raises(InputError, match="photos are never overwritten"):
        plan([photos / "in"], photos / "in", None)
    with pytest.raises(InputError, match="photos are never overwritten"):
        plan([photos / "x.jpg"], photos, None)
    # Nothing of the same name is there: a folder may hold both.
    assert names(plan([photos / "x.jpg"], photos, "PNG"), photos) == ["x.png"]


def test_a_record_replaces_no_photo_either(photos):
    for name in ("in/b.jpg.json", "in/summary.json", "in/b.jpg_compare.png"):
        (photos / name).write_bytes(b"of an earlier run")
        with pytest.raises(InputError, match=r"has the name of what is written about .*: leave one of them out"):
            plan([photos / "in"], photos / "out", None)
        (photos / name).unlink()


def test_a_photo_behind_a_link_is_not_overwritten(photos):
    (photos / "out").mkdir()
    os.link(photos / "x.jpg", photos / "out/x.jpg")
    with pytest.raises(InputError, match="never overwritten"):
        plan([photos / "x.jpg"], photos / "out", None)


def test_results_inside_the_folder_of_photos_are_no_photos(photos):
    out = photos / "in/restored"
    out.mkdir()
    (out / "b.jpg").write_bytes(b"of an earlier run")
    assert names(plan([photos / "in"], out, None), out) == ["a.png", "b.jpg", "notes.txt", "deep/er/c.jpeg"]


def test_what_is_not_there_and_what_is_empty(photos):
    with pytest.raises(InputError, match="nowhere is not there"):
        plan([photos / "nowhere"], photos / "out", None)
    (photos / "empty").mkdir()
    with pytest.raises(InputError, match="no file in"):
        plan([photos / "empty"], photos / "out", None)
    with pytest.raises(InputError, match="is a file: name a folder"):
        plan([photos / "in"], photos / "x.jpg", None)


def test_a_link_that_leads_nowhere_is_a_job_that_will_fail(photos):
    (photos / "in/gone.jpg").symlink_to(Path("nothing.jpg"))
    assert "gone.jpg" in names(plan([photos / "in"], photos / "out", None), photos / "out")
    assert len(plan([photos / "in/gone.jpg"], photos / "out", None)) == 1
