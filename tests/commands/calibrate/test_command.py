"""The whole of it: folders of photos in, a gate out, which knows a network that helps from one that does not."""

import numpy as np
import pytest
from commands.restore.made import model_folder, portrait
from PIL import Image

from pipeline.commands.calibrate import command
from pipeline.commands.restore.gate.gate import FILE, read_gate
from pipeline.commands.restore.gate.signs import signs
from pipeline.commands.restore.networks.by_torch import torch_network
from pipeline.infer.trained import check

SIDE = 64


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(command, "FACES", 60)
    monkeypatch.setattr(command, "LPIPSMetric", lambda *_: distance)


def distance(a, b):
    """In place of LPIPS: the root of the mean squared difference, of 255."""
    return list(np.sqrt(np.square(a.astype(float) - b).mean(axis=(1, 2, 3))) / 255)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(("one", "two")):
        (folder / name).mkdir()
        for number in range(24):
            Image.fromarray(portrait(10 + seed, number, SIDE)).save(folder / name / f"{number:02d}.png")
        (folder / name / "notes.png").write_text("no photo")
    return folder


def calibrate(folder, photos, network, monkeypatch, *more):
    monkeypatch.setattr(command, "load", lambda *_: network)
    sets = [str(photos / name) for name in ("one", "two")]
    return command.main([str(folder), "--aligned", *sets, "--trained-on", sets[0], "--lpips", "unused", *more])


def grainy(batch):
    grain = np.random.default_rng(7).normal(0, 60, batch.shape[1:])
    return np.clip(batch + grain, 0, 255).astype(np.uint8)


def knowing(batch):
    """A network that always makes the face that was spoilt: the most similar one of all."""
    faces = np.stack([portrait(10 + seed, number, SIDE) for seed in range(2) for number in range(24)])
    nearest = [np.square(faces.astype(float) - one).mean(axis=(1, 2, 3)).argmin() for one in batch]
    return faces[nearest]


@pytest.mark.middle
@pytest.mark.parametrize(
    ("network", "helps"),
    [(lambda batch: batch, False), (grainy, False), (knowing, True)],
    ids=["same", "bad", "good"],
)
def test_networks_are_judged_rightly(tmp_path, photos, monkeypatch, capsys, network, helps):
    folder = model_folder(tmp_path / "hr")
    assert calibrate(folder, photos, network, monkeypatch) == 0
    weights = check(folder)
    gate = read_gate(folder, torch_network(weights, "cpu", "fp32").weights_sha256, SIDE)
    assert gate.about["sets"]["two"] == {"faces": 24, "spoilt": 72, "trained_on": False, "left_out": {"unreadable": 1}}
    truth = portrait(20, 0, SIDE)
    noisy = np.clip(truth + np.random.default_rng(0).normal(0, 40, truth.shape), 0, 255).astype(np.uint8)
    made = truth if helps else network(noisy[None])[0]
    verdict = gate.verdict(signs(noisy, made))
    assert verdict.helps == helps
    if not helps:
        assert gate.about["held_out"]["two"]["passed"] == 0
    assert f"written: {folder / FILE}" in capsys.readouterr().out


@pytest.mark.middle
def test_the_same_photos_give_the_same_gate(tmp_path, photos, monkeypatch):
    folder = model_folder(tmp_path / "hr")
    made = []
    for _ in range(2):
        assert calibrate(folder, photos, grainy, monkeypatch) == 0
        made.append((folder / FILE).read_bytes())
    assert made[0] == made[1]


def test_too_little_to_measure_with_is_said(tmp_path, photos, capsys):
    folder = str(model_folder(tmp_path / "hr"))
    one, two = (str(photos / name) for name in ("one", "two"))
    (tmp_path / "few").mkdir()
    for arguments, said in (
        (["--aligned", one], "two data sets are needed"),
        (["--aligned", one, two, "--trained-on", one, two], "one of them unknown"),
        (["--aligned", one, "--trained-on", two], "name it under --photos or --aligned too"),
        (["--aligned", one, str(tmp_path / "none")], "is no folder"),
        (["--aligned", one, str(tmp_path / "few")], "0 faces and 20 are needed (it is empty)"),
    ):
        assert command.main([folder, *arguments, "--lpips", "unused"]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "hr" / FILE).exists()
