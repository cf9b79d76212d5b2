"""What bench-harm says of a command that makes faces worse, better, or leaves them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from commands.restore.made import gate_file, model_folder, portrait
from PIL import Image

from pipeline.commands.benchmarks import harm
from pipeline.commands.restore import photo
from pipeline.commands.restore.networks.by_torch import torch_network
from pipeline.infer.trained import check

SIDE, COUNT = 64, 4
LANDMARKS = np.array([[24, 27], [40, 27], [32, 37], [26, 46], [38, 46]], float)


@pytest.fixture(autouse=True)
def _same_landmarks(monkeypatch):
    class Finder:
        def find(self, image):
            return LANDMARKS

    monkeypatch.setattr(photo.Detectors, "of_faces", lambda self: Finder())


def distance(a, b):
    """In place of LPIPS: the root of the mean squared difference, of 255."""
    return list(np.sqrt(np.square(np.asarray(a, float) - b).mean(axis=(1, 2, 3))) / 255)


@pytest.fixture
def truth():
    return np.stack([portrait(5, number, SIDE) for number in range(COUNT)])


def measured(level, truth, folder, network, monkeypatch, gain=0.5):
    monkeypatch.setattr("pipeline.commands.restore.networks.by_torch.applied", lambda *_: network)
    runnable = torch_network(check(gate_file(model_folder(folder / "hr"), gain, size_px=SIDE)), "cpu", "fp32")
    (folder / "scratch").mkdir()
    return harm.measure_level(level, truth, runnable, distance, folder / "scratch")


def test_a_network_that_ruins_good_faces_is_seen(tmp_path, truth, monkeypatch):
    figures, before = measured("clean", truth, tmp_path, lambda batch: 255 - batch, monkeypatch)
    assert (figures["changed_%"], figures["worse_lpips_%"], figures["worse_psnr_%"]) == (100, 100, 100)
    assert (figures["lpips_before"], figures["psnr_before"]) == (0, 60)
    assert figures["lpips_after"] > 0.01
    np.testing.assert_array_equal(before, truth)


def test_one_that_mends_them_is_too(tmp_path, truth, monkeypatch):
    figures, before = measured("noise 12", truth, tmp_path, lambda batch: truth[: len(batch)], monkeypatch)
    assert (figures["changed_%"], figures["worse_lpips_%"]) == (100, 0)
    assert figures["psnr_after"] > figures["psnr_before"] + 3
    assert 0 < np.abs(before.astype(int) - truth).mean() < 12


def test_faces_left_alone_count_as_they_are(tmp_path, truth, monkeypatch):
    figures, _ = measured("to 32", truth, tmp_path, lambda batch: 255 - batch, monkeypatch, gain=0.0)
    assert (figures["changed_%"], figures["worse_lpips_%"]) == (0, 0)
    assert figures["lpips_before"] == figures["lpips_after"] > 0


def test_the_share_of_the_networks_gain(tmp_path, truth, monkeypatch):
    network = SimpleNamespace(load=lambda: lambda batch: truth[: len(batch)])
    before = np.clip(truth.astype(int) + 40, 0, 255).astype(np.uint8)
    poor = float(np.mean(distance(before, truth)))
    assert harm.kept_gain(before, truth, network, distance, poor / 4) == pytest.approx(0.75)


def test_the_command_prints_a_line_a_level_and_writes_them(tmp_path, truth, monkeypatch, capsys):
    monkeypatch.setattr(harm, "LEVELS", {name: harm.LEVELS[name] for name in ("clean", "Eq. (28)")})
    monkeypatch.setattr(harm, "LPIPSMetric", lambda *_: distance)
    monkeypatch.setattr(harm, "REPORT", tmp_path / "harm.json")
    folder = gate_file(model_folder(tmp_path / "hr"), size_px=SIDE)
    (tmp_path / "photos").mkdir()
    assert harm.main([str(tmp_path / "photos"), "--weights", str(folder), "--lpips", "unused"]) == 2
    for number, face in enumerate(truth):
        Image.fromarray(face).save(tmp_path / f"photos/{number}.png")
    assert harm.main([str(tmp_path / "photos"), "--weights", str(folder), "--lpips", "unused"]) == 0
    said = json.loads((tmp_path / "harm.json").read_text())
    assert list(said["levels"]) == ["clean", "Eq. (28)"]
    assert said["faces"] == COUNT
    assert "Eq. (28)\t100.0" in capsys.readouterr().out
