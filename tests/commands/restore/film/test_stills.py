"""`--every n`: frames as photos."""

import json

import numpy as np
import pytest
from commands.restore.film.clips import moving, read, record, restore, saved, without_looking
from commands.restore.made import gate_file, model_folder
from PIL import Image

from pipeline.commands.restore import cli


@pytest.fixture
def hr(tmp_path, monkeypatch):
    without_looking(monkeypatch)
    return gate_file(model_folder(tmp_path / "models/hr"))


def test_each_nth_frame_is_a_photo_with_its_record(tmp_path, hr):
    source = saved(tmp_path / "clip.mp4", moving(9))
    assert restore(source, tmp_path / "out", "--weights", hr, "--every", "4") == 0
    names = [f"clip_{number:06d}.png" for number in (0, 4, 8)]
    there = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert there == sorted([*names, *(f"{name}.json" for name in names), "summary.json"])
    frames = read(source)
    for name, number in zip(names, (0, 4, 8), strict=True):
        assert record(tmp_path / "out" / name)["status"] == "restored"
        with Image.open(tmp_path / "out" / name) as image:
            assert image.text["Source"] == f"clip.mp4, frame {number}, {number * 0.04:.3f} s"
            pixels = np.asarray(image)
        np.testing.assert_array_equal(pixels[:, 130:], frames[number][:, 130:])  # outside the face
        assert (pixels != frames[number]).any()
        assert record(tmp_path / "out" / name)["photo"] == f"{source}, frame {number}"
    assert json.loads((tmp_path / "out/summary.json").read_text())["photos"]["restored"] == 3


def test_options_of_photos_hold_for_stills(tmp_path, hr):
    source = saved(tmp_path / "clip.mp4", moving(3))
    arguments = ("--weights", hr, "--every", "2", "--compare", "--format", "jpeg")
    assert restore(source, tmp_path / "out", *arguments) == 0
    assert (tmp_path / "out/clip_000002.jpg").is_file()
    assert (tmp_path / "out/clip_000002.jpg_compare.png").is_file()


def test_no_film_or_a_broken_one(tmp_path, hr, capsys):
    Image.fromarray(moving(1)[0]).save(tmp_path / "photo.png")
    assert restore(tmp_path / "photo.png", tmp_path / "out", "--weights", hr, "--every", "2") == 2
    assert "no film is named" in capsys.readouterr().err
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 100)
    assert restore(tmp_path / "clip.mp4", tmp_path / "out", "--weights", hr, "--every", "2") == 2
    assert "no film can be read in it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_stills_of_two_films_of_one_name_are_refused(tmp_path, hr, capsys):
    for folder in "ab":
        saved(tmp_path / folder / "clip.mp4", moving(2))
    both = [tmp_path / "a/clip.mp4", tmp_path / "b/clip.mp4", "-o", tmp_path / "out", "--weights", hr, "--every", "2"]
    assert cli.main(list(map(str, both))) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/a/clip.mp4, frame 0 and {tmp_path}/b/clip.mp4, frame 0 would both become" in said
