"""Folders as people have them, through the whole command; what is found in photos is not looked at."""

import io
import json
import sys

import numpy as np
import pytest
from commands.restore.made import model_folder
from PIL import Image

from pipeline.commands.restore import cli, run
from pipeline.commands.restore import photo as photos


@pytest.fixture(autouse=True)
def _finds_nothing(monkeypatch):
    class Nothing:
        def detect(self, photo):
            return []

    monkeypatch.setattr(photos.Detectors, "of_photos", lambda self: Nothing())


@pytest.fixture(scope="module")
def hr(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("weights") / "hr")


@pytest.fixture
def album(tmp_path):
    """A folder with two photos and what phones and services leave beside them."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("IMG_1.jpg", "IMG_2.jpg"):
        Image.fromarray(np.full((30, 40, 3), 99, np.uint8)).save(folder / name)
    (folder / "IMG_1.jpg.json").write_text("{}")
    (folder / "IMG_1.MOV").write_bytes(b"\0\0\0\x14ftypqt  ")
    return folder


def restore(hr, out, *arguments):
    """(exit code, summary) of the command."""
    code = cli.main([*map(str, arguments), "-o", str(out), "--weights", str(hr), "--device", "cpu"])
    return code, json.loads((out / "summary.json").read_text())


def statuses(summary):
    return {result["photo"].rpartition("/")[2]: result["status"] for result in summary["results"]}


def test_the_summary_names_outputs_from_its_own_folder(tmp_path, album, hr):
    (album / "trip").mkdir()
    (album / "IMG_2.jpg").rename(album / "trip/IMG_1.jpg")
    _, summary = restore(hr, tmp_path / "out", album)
    outputs = [output for result in summary["results"] for output in result["outputs"]]
    assert outputs == ["IMG_1.jpg", "trip/IMG_1.jpg"]
    assert all((tmp_path / "out" / output).is_file() for output in outputs)


def test_what_restore_did_not_write_is_not_overwritten(tmp_path, album, hr):
    """A photo, or what another program wrote beside one, where nothing of that name came in."""
    out = tmp_path / "out"
    out.mkdir()
    Image.fromarray(np.full((30, 40, 3), 7, np.uint8)).save(out / "IMG_1.jpg")
    (out / "IMG_2.jpg.json").write_text('{"title": "IMG_2.jpg"}')
    (album / "IMG_3.jpg").write_bytes((album / "IMG_1.jpg").read_bytes())
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    code, summary = restore(hr, out, album)
    assert code == 1
    assert statuses(summary) == {"IMG_1.jpg": "failed", "IMG_2.jpg": "failed", "IMG_3.jpg": "unchanged"}
    assert "IMG_1.jpg is there, and no record says that restore wrote it" in summary["results"][0]["reason"]
    assert {name: (out / name).read_bytes() for name in before} == before


def test_what_restore_wrote_is_made_anew_also_after_a_run_that_failed(tmp_path, album, hr):
    photo, whole = album / "IMG_1.jpg", (album / "IMG_1.jpg").read_bytes()
    for content, wanted in ((whole, "unchanged"), (b"damaged", "failed"), (whole, "unchanged")):
        photo.write_bytes(content)
        _, summary = restore(hr, tmp_path / "out", album)
        assert statuses(summary)["IMG_1.jpg"] == wanted


def test_a_name_with_another_ending_is_not_taken_from_a_photo_either(tmp_path, hr):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg", "PNG")  # written as a.jpg.png
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg.png").write_bytes(b"somebody's")
    for _ in range(2):  # the first leaves a record of its own
        code, summary = restore(hr, out, tmp_path / "a.jpg", "--upscale", "2")
        assert code == 1
        assert "a.jpg.png, which is there, and no record" in summary["results"][0]["reason"]
    assert (out / "a.jpg.png").read_bytes() == b"somebody's"


def test_a_folder_of_photos_that_is_the_one_for_results_fails_and_is_not_passed_over(tmp_path, album, hr):
    (tmp_path / "more").mkdir()
    Image.fromarray(np.full((30, 40, 3), 5, np.uint8)).save(tmp_path / "more/b.jpg")
    code, summary = restore(hr, album, album, tmp_path / "more")
    assert (code, statuses(summary)) == (1, {"IMG_1.jpg": "failed", "IMG_2.jpg": "failed", "b.jpg": "unchanged"})


def test_what_is_no_photo_is_counted_and_said_and_no_failure(tmp_path, album, hr, capsys):
    code, summary = restore(hr, tmp_path / "out", album, "--format", "png")
    assert code == 0
    assert summary["photos"] == {"in": 2, "restored": 0, "unchanged": 2, "failed": 0, "skipped": 2}
    names = [(item["file"].rpartition("/")[2], item["reason"]) for item in summary["skipped"]]
    assert names == [("IMG_1.MOV", "no photo"), ("IMG_1.jpg.json", "no photo")]
    assert (
        "2 skipped: 2 no photo (1 .json, 1 .mov); films are restored where they are named\n" in capsys.readouterr().out
    )
    assert not (tmp_path / "out/IMG_1.MOV").exists()


def test_one_that_is_named_fails_and_says_why(tmp_path, album, hr, capsys):
    code, summary = restore(hr, tmp_path / "out", album / "IMG_2.jpg", album / "IMG_1.jpg.json")
    assert code == 1
    assert statuses(summary) == {"IMG_2.jpg": "unchanged", "IMG_1.jpg.json": "failed"}
    assert "failed: " in capsys.readouterr().out


def test_a_run_again_and_a_run_on_what_a_run_made(tmp_path, album, hr):
    done = album / "done"
    for _ in range(2):
        code, summary = restore(hr, done, *sorted(album.glob("*.jpg")), *album.glob("done"))
        assert (code, statuses(summary)) == (0, {"IMG_1.jpg": "unchanged", "IMG_2.jpg": "unchanged"})
    assert [item["reason"] for item in summary["skipped"]] == ["folder of results"]
    code, summary = restore(hr, tmp_path / "second", done)
    assert (code, summary["photos"]["in"], summary["photos"]["skipped"]) == (0, 2, 3)
    assert {item["reason"] for item in summary["skipped"]} == {"written by restore about photos"}


def test_of_photos_that_clash_each_fails_and_nothing_is_written_about_it(tmp_path, album, hr, capsys):
    Image.fromarray(np.full((30, 40, 3), 9, np.uint8)).save(album / "IMG_1.png")
    code, summary = restore(hr, tmp_path / "out", album, "--format", "png")
    assert code == 1
    assert statuses(summary) == {"IMG_1.jpg": "failed", "IMG_1.png": "failed", "IMG_2.jpg": "unchanged"}
    photos_in = summary["photos"]
    assert photos_in["in"] == photos_in["restored"] + photos_in["unchanged"] + photos_in["failed"] == 3
    assert all("would both become" in result["reason"] for result in summary["results"][:2])
    said = capsys.readouterr().out
    assert said.count("failed: ") == 2
    assert said.count("would both become") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["IMG_2.png", "IMG_2.png.json", "summary.json"]


def test_a_file_beside_photos_is_not_replaced_by_a_record(album, hr):
    before = (album / "IMG_1.jpg.json").read_bytes()
    for name in ("IMG_1", "IMG_2"):
        (album / f"{name}.jpg").rename(album / f"{name}.jpeg")
    code, summary = restore(hr, album, album, "--format", "jpg")
    assert (code, statuses(summary)) == (1, {"IMG_1.jpeg": "failed", "IMG_2.jpeg": "unchanged"})
    assert (album / "IMG_1.jpg.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "format"),
    [("写" * 80 + ".jpg", None), ("a" * 251 + ".jpg", None), ("a" * 251 + ".jpg", "webp")],
    ids=["characters", "longest", "longer ending"],
)
def test_a_name_as_long_as_names_may_be(tmp_path, album, hr, capsys, name, format):
    (album / "IMG_1.jpg").rename(album / name)
    code, _ = restore(hr, tmp_path / "out", album, *(["--format", format] if format else []))
    assert code == 0
    records = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")]
    (record,) = [record for record in records if record.get("photo", "").endswith(name)]
    (output,) = record["outputs"]
    assert (tmp_path / "out" / output).stat().st_size > 0
    (said,) = record["warnings"]
    assert "its name leaves no room for endings: what is written about it is named" in said
    assert said in capsys.readouterr().out
    named = said.partition("is named ")[2].removesuffix(", ...")
    assert (tmp_path / "out" / named).is_file()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_characters(tmp_path, album, hr, monkeypatch, encoding):
    (album / "IMG_1.jpg").rename(album / "日本.jpg")
    shown = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", shown)
    code, _ = restore(hr, tmp_path / "日\udce9", album)
    assert code == 0
    shown.flush()
    assert r"\u65e5\u672c.jpg" in shown.buffer.getvalue().decode(encoding)
    assert r"\udce9" in shown.buffer.getvalue().decode(encoding)


def test_threads_are_as_many_as_the_cores_that_may_be_used(tmp_path, album, hr, monkeypatch):
    asked = []
    monkeypatch.setattr(run, "usable_cores", lambda: 3)
    monkeypatch.setattr(run, "count_threads", lambda *given: asked.append(given) or (1, 1))
    monkeypatch.setattr("pipeline.runtime.device.use_threads", asked.append)
    assert restore(hr, tmp_path / "out", album)[0] == 0
    assert asked == [0, (["cpu"], 3)]
