"""The stage examples on shelves of small networks: what is shown of which weights, and what was measured."""

import json

import numpy as np
import pytest
import torch
from small_networks import TINY, TINY_HR

from pipeline.examples import photographs, run
from pipeline.images.pixels import resize
from pipeline.infer.apply import applied
from pipeline.infer.trained import WeightsError, check
from pipeline.metrics import psnr_y
from pipeline.networks.build import build_network
from pipeline.store import paths
from pipeline.store.examples import read_examples
from pipeline.store.files import write_json
from pipeline.store.weights import save_weights, write_card

SWINIR = {"width": 8, "depths": [1], "heads": 2, "window": 4, "up_width": 8}
FIGURES = paths.METRICS / "examples" / "examples.json"


def put(name: str, model: str, task: str, arguments: dict, size_px: int) -> None:
    """Untrained weights on the shelf."""
    torch.manual_seed(0)
    folder = paths.KEPT_WEIGHTS / name
    save_weights(folder / "weights.safetensors", build_network(model, task, arguments).state_dict())
    card = {"network": name, "title": model.upper(), "model": model, "task": task, "params": {"model": arguments}}
    write_card(folder, card | {"data": {"size_px": size_px}})


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json(
        paths.PRETRAINED / "metrics/status.json", {"alexnet": {"available": False, "reason": "no line to anywhere"}}
    )


def test_each_network_is_run_at_its_own_size_and_measured():
    put("small", "agrnet", "x8", TINY, 64)
    put("blind", "agrnet_hr", "blind", TINY_HR, 32)
    run.run_examples()
    blind, small = read_examples()
    assert [(network.name, network.size_px) for network in (blind, small)] == [("blind", 32), ("small", 64)]
    assert [len(network.examples) for network in (blind, small)] == [
        photographs.DRAWS + photographs.SHOWN,
        1 + photographs.SHOWN,
    ]
    portrait = small.examples[0]
    assert portrait.restored.shape == portrait.original.shape == (64, 64, 3)
    np.testing.assert_array_equal(portrait.bicubic, resize(portrait.lr, 64, "bicubic"))
    weights = check(paths.KEPT_WEIGHTS / "small")
    net = weights.load()
    np.testing.assert_array_equal(portrait.restored, applied(net, torch.device("cpu"))(portrait.bicubic[None])[0])
    assert portrait.figures["bicubic"]["psnr_y"] == psnr_y(portrait.bicubic, portrait.original)
    assert portrait.figures["network"]["psnr_y"] == psnr_y(portrait.restored, portrait.original)
    assert small.parameters_m == pytest.approx(sum(p.numel() for p in net.parameters()) / 1e6)
    assert all(example.figures == {} for example in small.examples[1:])
    assert "no line to anywhere" in small.absent["lpips_alex"]
    figures = json.loads(FIGURES.read_text())
    assert list(figures) == ["blind", "small"]
    assert figures["blind"]["images"] == photographs.DRAWS
    means = np.mean([example.figures["network"]["ssim_y"] for example in blind.examples[: photographs.DRAWS]])
    assert figures["blind"]["network"]["ssim_y"] == pytest.approx(means)


def test_the_same_weights_give_the_same_bytes():
    put("small", "agrnet", "x8", TINY, 64)
    run.run_examples()
    before = {file: file.read_bytes() for file in paths.EXAMPLES.rglob("*.*")}
    run.run_examples()
    assert {file: file.read_bytes() for file in paths.EXAMPLES.rglob("*.*")} == before


@pytest.mark.parametrize("shelf", ["missing", "empty", "others"])
def test_without_weights_of_ours_nothing_is_shown(shelf):
    if shelf != "missing":
        paths.KEPT_WEIGHTS.mkdir(parents=True)
    if shelf == "others":
        put("swinir", "swinir", "x8", SWINIR, 64)
    run.run_examples()
    assert read_examples() == []
    assert json.loads(FIGURES.read_text()) == {}


def test_broken_weights_are_an_error_that_names_them():
    put("small", "agrnet", "x8", TINY, 64)
    (paths.KEPT_WEIGHTS / "small" / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="models/pretrained/small"):
        run.run_examples()


def test_lpips_is_measured_where_its_weights_are(monkeypatch):
    class Halves:
        def __init__(self, trunk, file):
            assert (trunk, file.name) == ("alex", "alexnet.safetensors")

        def __call__(self, sr, hr):
            assert sr.shape == hr.shape == (1, 64, 64, 3)
            return [0.5]

    monkeypatch.setattr("pipeline.metrics.lpips.LPIPSMetric", Halves)
    status = {"alexnet": {"available": True, "file": "alexnet.safetensors"}}
    write_json(paths.PRETRAINED / "metrics/status.json", status)
    put("small", "agrnet", "x8", TINY, 64)
    run.run_examples()
    (small,) = read_examples()
    assert small.absent == {}
    assert json.loads(FIGURES.read_text())["small"]["network"]["lpips_alex"] == 0.5
