"""Which files come in and where they go."""

import json
import os
from pathlib import Path

import pytest

from pipeline.commands.restore import walk as walking
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


def names(planned, out):
    return [str(job.output.relative_to(out)) for job in planned.jobs if not job.refused]


def refused(planned):
    return {job.source.name: job.refused for job in planned.jobs if job.refused}


def skipped(planned):
    return {one.path.name: one.why for one in planned.skipped}


RECORD = dict.fromkeys(("photo", "status", "reason", "faces", "options", "networks", "identity"), "")
SUMMARY = dict.fromkeys(("photos", "faces", "results", "options", "networks", "identity"), "")


def written(folder, name, *beside):
    """A result of restore's as it lies in the folder, what is written about it, and the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (name, *beside):
        (folder / file).write_bytes(b"of an earlier run")
    (folder / f"{name}.json").write_text(json.dumps(RECORD | {"outputs": [name]}))
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    return folder


def test_folders_are_mirrored_in_order_and_junk_is_left(photos):
    out = photos / "out"
    planned = plan([photos / "x.jpg", photos / "in"], out, None)
    assert names(planned, out) == ["x.jpg", "a.png", "b.jpg", "deep/er/c.jpeg"]
    assert planned.jobs[0].beside(".json") == out / "x.jpg.json"
    assert skipped(planned) == {"notes.txt": "no photo"}


def test_a_chosen_format_changes_the_suffix(photos):
    out = photos / "out"
    assert names(plan([photos / "in/deep"], out, "PNG"), out) == ["er/c.png"]


def test_a_photo_given_twice_is_restored_once(photos):
    out = photos / "out"
    assert len(plan([photos / "x.jpg", photos / "x.jpg"], out, None).jobs) == 1
    assert len(plan([photos / "x.jpg", photos / "in/../x.jpg"], out, None).jobs) == 1
    assert names(plan([photos / "in/b.jpg", photos / "in", photos / "in/deep"], out, None), out) == [
        "b.jpg",
        "a.png",
        "deep/er/c.jpeg",
    ]
    os.link(photos / "x.jpg", photos / "x.jpeg")
    assert names(plan([photos / "x.jpg", photos / "x.jpeg"], out, "PNG"), out) == ["x.png"]


def test_two_photos_with_one_output_fail_and_the_others_stay(photos):
    out = photos / "out"
    (photos / "in/x.jpg").write_bytes(b"another")
    planned = plan([photos / "x.jpg", photos / "in"], out, None)
    assert names(planned, out) == ["a.png", "b.jpg", "deep/er/c.jpeg"]
    both = f"{photos}/x.jpg and {photos}/in/x.jpg would both become {out}/x.jpg: restore them into different folders"
    assert [job.refused for job in planned.jobs if job.refused] == [both, both]
    for name in ("in/a.bmp", "in/a.gif"):
        (photos / name).write_bytes(name.encode())
    planned = plan([photos / "in"], out, "PNG")
    assert set(refused(planned)) == {"a.bmp", "a.gif", "a.png"}
    assert "a.bmp, " in refused(planned)["a.png"]
    assert f"would all become {out}/a.png" in refused(planned)["a.png"]


def test_where_all_photos_clash_nothing_is_begun(photos):
    (photos / "in/x.jpg").write_bytes(b"another")
    with pytest.raises(InputError, match=r"would both become .*folders \(and so for 1 more\)"):
        plan([photos / "x.jpg", photos / "in/x.jpg"], photos / "out", None)


def test_a_photo_and_a_film_of_one_name_are_one_photo(photos):
    """A phone's live photos."""
    (photos / "in/b.MOV").write_bytes(b"\0\0\0\x14ftypqt  ")
    planned = plan([photos / "in"], photos / "out", "PNG")
    assert names(planned, photos / "out") == ["a.png", "b.png", "deep/er/c.png"]
    assert skipped(planned) == {"b.MOV": "no photo", "notes.txt": "no photo"}


def test_no_photo_is_overwritten(photos):
    with pytest.raises(InputError, match="photos are never overwritten"):
        plan([photos / "in"], photos / "in", None)
    with pytest.raises(InputError, match="photos are never overwritten"):
        plan([photos / "x.jpg"], photos, None)
    # Nothing of the same name is there: a folder may hold both.
    assert names(plan([photos / "x.jpg"], photos, "PNG"), photos) == ["x.png"]
    # The one that would, and no other.
    planned = plan([photos / "in/b.jpg", photos / "x.jpg"], photos, None)
    assert names(planned, photos) == ["b.jpg"]
    assert refused(planned)["x.jpg"] == (
        f"{photos}/x.jpg would replace the photo {photos}/x.jpg: photos are never overwritten, name another -o"
    )


def test_a_record_replaces_no_photo_and_no_file_beside_one(photos):
    for name in ("b.jpg.json", "b.jpg_compare.png"):
        (photos / "in" / name).write_bytes(b"\xff\xd8\xff")  # a photo, whatever it is called
        planned = plan([photos / "in"], photos / "out", None)
        assert set(refused(planned)) == {"b.jpg", name}
        assert "has the name of what is written about" in refused(planned)["b.jpg"]
        (photos / "in" / name).unlink()
    (photos / "in/summary.json").write_bytes(b"\xff\xd8\xff")
    assert set(refused(plan([photos / "in"], photos / "out", None))) == {"summary.json"}
    (photos / "in/summary.json").unlink()
    (photos / "in/b.png.json").write_bytes(b"{}")
    planned = plan([photos / "in"], photos / "in", "PNG")
    assert f"would replace the file {photos}/in/b.png.json" in refused(planned)["b.jpg"]
    assert names(planned, photos / "in") == ["deep/er/c.png"]
    (photos / "in/summary.json").write_bytes(b"{}")
    with pytest.raises(InputError, match=r"summary\.json would replace the file"):
        plan([photos / "in"], photos / "in", "PNG")


def test_a_photo_behind_a_link_is_not_overwritten(photos):
    (photos / "out").mkdir()
    os.link(photos / "x.jpg", photos / "out/x.jpg")
    with pytest.raises(InputError, match="never overwritten"):
        plan([photos / "x.jpg"], photos / "out", None)


def test_results_inside_the_folder_of_photos_are_no_photos(photos):
    out = written(photos / "in/restored", "b.jpg")
    (photos / "in/link").symlink_to(out)
    assert names(plan([photos / "in"], out, None), out) == ["a.png", "b.jpg", "deep/er/c.jpeg"]


def test_a_second_run_passes_over_the_folder_of_results(photos):
    """restore * -o done"""
    done = written(photos / "in/done", "b.jpg")
    (done / "interrupted.jpg").write_bytes(b"without its record")
    planned = plan([*sorted((photos / "in").glob("*.jpg")), done], done, None)
    assert names(planned, done) == ["b.jpg"]
    assert skipped(planned) == {"done": "folder of results"}


def test_results_of_a_run_are_another_runs_photos_and_what_is_about_them_is_not(photos):
    about = ("b.jpg_compare.png", "b.jpg_face0.png", "b.jpg_face12.jpg")
    first = written(photos / "first", "b.jpg", *about)
    (first / "a_face0.png").write_bytes(b"somebody's, with no record beside it")
    for paths in ([first], sorted(first.iterdir())):
        planned = plan(paths, photos / "second", None)
        assert names(planned, photos / "second") == ["a_face0.png", "b.jpg"]
        assert set(skipped(planned)) == {*about, "b.jpg.json", "summary.json"}
        assert set(skipped(planned).values()) == {"written by restore about photos"}


def test_in_place_results_are_passed_over(photos):
    """restore in -o in --format png, for a second time"""
    folder = written(photos / "in", "b.png", "b.jpg.png")
    (folder / "b.jpg.json").write_text(json.dumps(RECORD | {"outputs": ["b.jpg.png"]}))
    (folder / "a.png").unlink()
    for paths, more in (([folder], ["deep/er/c.png"]), (sorted(folder.glob("b.*")), [])):
        planned = plan(paths, folder, "PNG")
        assert names(planned, folder) == ["b.png", *more]
        assert {name for name, why in skipped(planned).items() if why == "written by restore"} == {"b.png", "b.jpg.png"}


def test_what_is_not_there_and_what_is_empty(photos):
    with pytest.raises(InputError, match="nowhere is not there"):
        plan([photos / "nowhere"], photos / "out", None)
    (photos / "empty").mkdir()
    with pytest.raises(InputError, match=r"no photo in .*empty$"):
        plan([photos / "empty"], photos / "out", None)
    (photos / "empty/notes.txt").write_text("no photo")
    with pytest.raises(InputError, match=r"no photo in .*empty \(1 skipped: 1 no photo \(1 \.txt\)\)$"):
        plan([photos / "empty"], photos / "out", None)
    with pytest.raises(InputError, match="is a file: name a folder"):
        plan([photos / "in"], photos / "x.jpg", None)


def test_a_file_that_is_named_is_taken_whatever_it_is(photos):
    assert len(plan([photos / "in/notes.txt"], photos / "out", None).jobs) == 1


def test_a_link_that_leads_nowhere_is_a_job_that_will_fail(photos):
    (photos / "in/gone.jpg").symlink_to(Path("nothing.jpg"))
    assert "gone.jpg" in names(plan([photos / "in"], photos / "out", None), photos / "out")
    assert len(plan([photos / "in/gone.jpg"], photos / "out", None).jobs) == 1


def test_links_to_folders_are_followed_and_no_photo_comes_twice(photos):
    out = photos / "out"
    (photos / "album").mkdir()
    (photos / "album/d.jpg").write_bytes(b"d")
    (photos / "album/back").symlink_to(photos / "in")
    (photos / "in/circle").symlink_to(photos / "in/deep")
    (photos / "in/deep/up").symlink_to("..")
    (photos / "in/more").symlink_to("../album")
    (photos / "in/twice").symlink_to("../album")
    (photos / "in/loop").symlink_to("loop")
    planned = plan([photos / "in"], out, None)
    assert names(planned, out) == ["a.png", "b.jpg", "loop", "deep/er/c.jpeg", "more/d.jpg"]
    # Where a folder is given itself, its photos are that folder's and not the link's.
    assert names(plan([photos / "in", photos / "album"], out, None), out)[-1] == "d.jpg"
    behind = [f"back/{name}" for name in ("a.png", "b.jpg", "loop", "deep/er/c.jpeg")]
    assert names(plan([photos / "in/more"], out, None), out) == ["d.jpg", *behind]


def test_a_folder_that_cannot_be_listed_is_said_and_the_others_are_done(photos, monkeypatch):
    def scandir(path):
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied")
        return listing(path)

    listing = os.scandir
    monkeypatch.setattr(walking.os, "scandir", scandir)
    planned = plan([photos / "in"], photos / "out", None)
    assert names(planned, photos / "out") == ["a.png", "b.jpg"]
    assert refused(planned) == {"deep": "the folder cannot be listed: Permission denied"}


def test_a_long_name_leaves_room_for_what_is_written_about_it(photos):
    out = photos / "out"
    long = ["写" * 80 + end for end in ("一.jpg", "二.jpg")]
    for name in long:
        (photos / "in/deep/er" / name).write_bytes(name.encode())
    planned = plan([photos / "in/deep"], out, None)
    short, first, second = planned.jobs
    assert first.output.name == long[0]
    for ending in (".json", "_compare.png", "_face1234.avif"):
        assert len(first.beside(ending).name.encode()) <= 255
        assert first.beside(ending).name.startswith("写" * 70)
        assert first.beside(ending) != second.beside(ending)
    stem = first.beside("").name
    assert first.remarks == [f"its name leaves no room for endings: what is written about it is named {stem}.json, ..."]
    assert short.remarks == []
    first.output.parent.mkdir(parents=True)
    for path in (first.output, first.beside("_compare.png")):
        path.write_bytes(b"of an earlier run")
    first.beside(".json").write_text(json.dumps(RECORD | {"outputs": [long[0]]}))
    assert names(plan([out], photos / "second", None), photos / "second") == [f"er/{long[0]}"]
    chosen = plan([photos / "in/deep"], out, "AVIF").jobs
    assert all(len(job.output.name.encode()) <= 255 and job.output.suffix == ".avif" for job in chosen)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, ""),
        (1, "1 skipped: 1 no photo (1 .a0)"),
        (8, "8 skipped: 8 no photo (1 .a0, 1 .a1, 1 .a2, 1 .a3, 1 .a4, 1 .a5, ...)"),
    ],
)
def test_what_is_skipped_is_one_sentence(count, words):
    assert walking.in_words([walking.Skipped(Path(f"x.a{n}"), "no photo") for n in range(count)]) == words
