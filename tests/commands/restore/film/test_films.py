"""The whole of it: a film in, a film and its record out."""

import json

import cv2
import numpy as np
import pytest
from commands.restore.film.clips import moving, read, record, restore, saved, without_looking
from commands.restore.made import crowd, gate_file, model_folder
from PIL import Image

from pipeline.commands.restore.face import NOT_CHOSEN
from pipeline.commands.restore.film import ffmpeg
from pipeline.commands.restore.words import IDENTITY


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    """No search, and no ffmpeg, whatever the machine has."""
    without_looking(monkeypatch)
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: None)


@pytest.fixture
def hr(tmp_path):
    return gate_file(model_folder(tmp_path / "models/hr"))


def bright(monkeypatch, level=250):
    """A network whose faces are known anywhere."""
    network = lambda batch: np.full_like(batch, level)  # noqa: E731
    monkeypatch.setattr("pipeline.commands.restore.networks.by_torch.applied", lambda *_: network)
    monkeypatch.setattr("pipeline.commands.restore.face.fused", lambda photo, restored, cut: restored)


def test_a_face_is_followed_and_restored_in_each_frame(tmp_path, hr, monkeypatch, capsys):
    bright(monkeypatch)
    source = saved(tmp_path / "clip.mp4", moving(20))
    before = source.read_bytes()
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said, frames, was = record(tmp_path / "out/clip.mp4"), read(tmp_path / "out/clip.mp4"), read(source)
    assert source.read_bytes() == before
    assert len(frames) == len(was) == said["frames"] == said["frames_written"] == 20
    for number, (frame, old) in enumerate(zip(frames, was, strict=True)):
        left = 8 + 2 * number
        assert frame[40:56, left + 24 : left + 40].mean() > 235  # the face's middle
        assert np.abs(frame[:8].astype(int) - old[:8]).mean() < 3  # far from it
    assert said["status"] == "restored"
    (track,) = said["tracks"]
    assert (track["frames"], track["found_in"], track["done"]) == ([0, 19], 20, "restored")
    assert track["predicted"]["lpips_gain"] == 0.5
    assert said["sound"] == "not kept"
    assert "ffmpeg is not on the PATH" in said["warnings"][0]
    assert said["identity"] == IDENTITY
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.mp4", "clip.mp4.json", "summary.json"]
    out = capsys.readouterr().out
    assert "1 film: 1 restored" in out
    assert "ffmpeg is not on the PATH" in out
    assert "photos:" not in out


def test_the_decision_holds_for_the_whole_track(tmp_path, hr, monkeypatch):
    """A gate that would say yes to some frames and no to others says one thing of all."""
    from pipeline.commands.restore.gate.gate import Gate

    predict, calls = Gate.predict, []

    def wavering(self, values):
        gain, psnr, error = predict(self, values)
        calls.append(len(values))
        return gain * np.array([1, -1, 1, -1, 1])[: len(values), None], psnr, error

    monkeypatch.setattr(Gate, "predict", wavering)
    source = saved(tmp_path / "clip.mp4", moving(20))
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert calls == [5]
    (track,) = record(tmp_path / "out/clip.mp4")["tracks"]
    assert (track["done"], track["predicted"]["lpips_gain"]) == ("restored", 0.5)


def test_without_help_or_a_face_the_film_is_copied(tmp_path, monkeypatch):
    hr = gate_file(model_folder(tmp_path / "models/hr"), gain=-0.2)
    source = saved(tmp_path / "clip.mp4", moving(12))
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said = record(tmp_path / "out/clip.mp4")
    assert (said["status"], said["tracks"][0]["done"][:10]) == ("unchanged", "left alone")
    assert (tmp_path / "out/clip.mp4").read_bytes() == source.read_bytes()
    empty = saved(tmp_path / "empty.avi", moving(5, noise=9)[:, :16], codec="MJPG")
    assert restore(empty, tmp_path / "out", "--weights", hr) == 0
    assert "no face" in record(tmp_path / "out/empty.avi")["reason"]
    assert (tmp_path / "out/empty.avi").read_bytes() == empty.read_bytes()


def test_a_face_that_is_none_afterwards_is_left_alone(tmp_path, hr, monkeypatch):
    class Blind:
        def find(self, image):
            return None

    without_looking(monkeypatch, finder=Blind)
    assert restore(saved(tmp_path / "clip.mp4", moving(12)), tmp_path / "out", "--weights", hr) == 0
    (track,) = record(tmp_path / "out/clip.mp4")["tracks"]
    assert track["done"] == "left alone: no face is found in what the network made"


def test_upscale_strength_and_odd_sides(tmp_path, hr):
    source = saved(tmp_path / "clip.avi", moving(8), codec="MJPG")
    assert restore(source, tmp_path / "out", "--weights", hr, "--upscale", "1.51", "--strength", "0") == 0
    said = record(tmp_path / "out/clip.avi")
    assert (said["status"], said["outputs"]) == ("unchanged", ["clip.avi.mp4"])
    assert "242x145 px became 242x146" in said["warnings"][0]
    assert read(tmp_path / "out/clip.avi.mp4").shape == (8, 146, 242, 3)


def test_photos_and_films_together_are_counted_apart(tmp_path, hr, capsys):
    source = saved(tmp_path / "in/clip.mp4", moving(8))
    Image.fromarray(crowd(1, 1, 64)).save(tmp_path / "in/photo.png")
    both = [str(source), str(tmp_path / "in/photo.png"), "-o", str(tmp_path / "out"), "--weights", str(hr)]
    from pipeline.commands.restore import cli

    assert cli.main(both) == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["photos"]["in"], summary["films"]["in"], summary["films"]["tracks"]) == (1, 1, 1)
    assert "1 photo:" in capsys.readouterr().out
    # In a folder a film is no photo, and what was written about one is restore's own.
    (tmp_path / "out/clip.mp4").rename(tmp_path / "in/another.mp4")
    (tmp_path / "out/clip.mp4.json").rename(tmp_path / "in/clip.mp4.json")
    assert restore(tmp_path / "in", tmp_path / "out2", "--weights", hr) == 0
    summary = json.loads((tmp_path / "out2/summary.json").read_text())
    reasons = {item["file"].rpartition("/")[2]: item["reason"] for item in summary["skipped"]}
    assert reasons == {
        "another.mp4": "no photo",
        "clip.mp4": "no photo",
        "clip.mp4.json": "written by restore about photos",
    }


@pytest.mark.parametrize("option", ["--aligned", "--faces-only", "--compare", "--format=png"])
def test_options_for_photos_are_refused(tmp_path, hr, option, capsys):
    source = saved(tmp_path / "clip.mp4", moving(3))
    assert restore(source, tmp_path / "out", "--weights", hr, option) == 2
    assert f"{option.partition('=')[0]} is for photos" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.middle
def test_what_is_wrong_with_a_film_is_one_sentence(tmp_path, hr):
    whole = saved(tmp_path / "whole.avi", moving(30), codec="MJPG").read_bytes()
    for name, data, why in (
        ("empty.mp4", b"", "the file is empty"),
        ("noise.mp4", bytes(range(256)) * 40, "no film can be read in it"),
        ("head.mp4", b"\0\0\0\x18ftypmp42" + b"\0" * 100, "no film can be read in it"),
    ):
        (tmp_path / name).write_bytes(data)
        assert restore(tmp_path / name, tmp_path / "out", "--weights", hr) == 1
        assert why in record(tmp_path / "out" / name)["reason"]
        assert not (tmp_path / "out" / name).exists()
        assert not list((tmp_path / "out").glob("*.restoring"))
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    assert restore(tmp_path / "cut.avi", tmp_path / "out", "--weights", hr) == 1
    assert record(tmp_path / "out/cut.avi")["status"] == "restored"
    assert "damaged or cut off" in record(tmp_path / "out/cut.avi")["warnings"][0]


def test_what_came_in_is_never_replaced(tmp_path, hr, capsys):
    source = saved(tmp_path / "clip.mp4", moving(3))
    before = source.read_bytes()
    assert restore(source, tmp_path, "--weights", hr) == 2
    assert "would replace the film" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_grey_film_stays_grey(tmp_path, hr, monkeypatch):
    monkeypatch.setattr(
        "pipeline.commands.restore.networks.by_torch.applied",
        lambda *_: lambda batch: batch // 2 + np.uint8([90, 20, 0]),
    )
    grey = np.stack([cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) for f in moving(8)])
    source = saved(tmp_path / "clip.avi", grey, codec="MJPG")
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    frames = read(tmp_path / "out/clip.avi.mp4").astype(int)
    assert record(tmp_path / "out/clip.avi")["tracks"][0]["done"] == "restored"
    assert np.abs(frames - frames.mean(axis=3, keepdims=True)).max() <= 4


def test_a_film_of_one_frame_again_and_again_may_be_interlaced_and_is_refused(tmp_path, hr):
    """Which OpenCV gives in place of frames that it does not read."""
    source = saved(tmp_path / "clip.avi", np.repeat(moving(1), 6, axis=0), codec="MJPG")
    assert restore(source, tmp_path / "out", "--weights", hr) == 1
    assert "all its frames are the same to the bit" in record(tmp_path / "out/clip.avi")["reason"]
    some = saved(tmp_path / "some.avi", np.repeat(moving(6), 2, axis=0), codec="MJPG")
    assert restore(some, tmp_path / "out", "--weights", hr) == 0
    assert "6 of its frames are the one before" in record(tmp_path / "out/some.avi")["warnings"][0]


def test_faces_are_chosen_by_their_numbers(tmp_path, hr, monkeypatch):
    source = saved(tmp_path / "clip.mp4", moving(12))
    assert restore(source, tmp_path / "out", "--weights", hr, "--faces", "0") == 0
    assert record(tmp_path / "out/clip.mp4")["tracks"][0]["done"] == "restored"
    bright(monkeypatch)
    assert restore(source, tmp_path / "out", "--weights", hr, "--faces", "3") == 0
    said = record(tmp_path / "out/clip.mp4")
    assert said["tracks"][0]["done"] == NOT_CHOSEN
    assert said["warnings"] == ["no face number 3: the film has 1, counted from 0"]
    assert (tmp_path / "out/clip.mp4").read_bytes() == source.read_bytes()
