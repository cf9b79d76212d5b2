"""Evaluation: figures equal those computed by hand, sets and metrics that are not there are named."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from small_sets import make_set

from pipeline import layout
from pipeline.evaluation import evaluate
from pipeline.images import resize
from pipeline.inference import build_network, cost, restorer, trained
from pipeline.manifest import read_manifest, rejected, write_manifest
from pipeline.metrics.psnr import psnr_y
from pipeline.metrics.ssim import ssim_y
from pipeline.params import AGRNetHRNetwork, AGRNetNetwork, EvaluateParams
from pipeline.pretrained import STATUS
from pipeline.restored import restored_folder, restored_images
from pipeline.training.weights import save_weights, weights_file

PARAMS = EvaluateParams(batch_size=4, device="cpu", lpips=["alex"], fid=True)
TINY = AGRNetNetwork(num_arus=1, width=8, head_width=4)


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = layout.PRETRAINED / "metrics"
    folder.mkdir(parents=True)
    absent = {"available": False, "file": None, "reason": "out of reach"}
    (folder / STATUS).write_text(json.dumps(dict.fromkeys(("alexnet", "vgg16", "inception"), absent)))


def read(name):
    metrics = json.loads((layout.METRICS / name / "evaluate.json").read_text())
    return metrics, json.loads((layout.EVALUATED / name / "absent.json").read_text())


def test_means_are_those_of_each_image_and_absences_are_named():
    faces = make_set("helen")
    make_set("real", images=3)
    evaluate("bicubic", ["helen", "real"], [(0, lambda batch: batch)], {}, PARAMS)
    metrics, absent = read("bicubic")
    inputs = [resize(resize(face, 4), 32) for face in faces]
    psnr = [psnr_y(sr, hr) for sr, hr in zip(inputs, faces, strict=True)]
    ssim = [ssim_y(sr, hr) for sr, hr in zip(inputs, faces, strict=True)]
    assert metrics["helen"] == pytest.approx({"images": 6, "psnr_y": np.mean(psnr), "ssim_y": np.mean(ssim)})
    assert metrics["real"] == {"images": 3}
    assert set(absent) == {"lpips_alex", "fid_inception"}
    assert "out of reach" in absent["lpips_alex"]
    rows = read_manifest(restored_folder("bicubic", 0, "helen"))
    pd.testing.assert_series_equal(rows["psnr_y"], pd.Series(psnr), check_names=False)
    kept = list(restored_images(restored_folder("bicubic", 0, "helen")))
    np.testing.assert_array_equal(np.stack(kept), np.stack(inputs))


def test_seeds_are_averaged():
    faces = make_set("helen")
    runs = [(1, lambda batch: batch), (2, lambda batch: np.zeros_like(batch))]
    evaluate("two", ["helen"], runs, {"parameters_m": 0.5}, PARAMS)
    metrics, _ = read("two")
    expected = [
        np.mean([psnr_y(sr, face) for face, sr in zip(faces, images, strict=True)])
        for images in ([resize(resize(face, 4), 32) for face in faces], [np.zeros_like(face) for face in faces])
    ]
    assert metrics["helen"]["psnr_y"] == pytest.approx(np.mean(expected))
    assert metrics["parameters_m"] == 0.5


def test_an_empty_set_is_named_and_passed_over():
    make_set("celebahq", images=2)
    for stage in ("resize", "degrade"):
        write_manifest(layout.paired_folder(stage, "real"), [rejected("a", "no face")])
    evaluate("bicubic", ["celebahq", "real"], [(0, lambda batch: batch)], {}, PARAMS)
    metrics, absent = read("bicubic")
    assert set(metrics) == {"celebahq"}
    assert "holds no image" in absent["real"]


def test_trained_weights_are_what_runs():
    torch.manual_seed(0)
    net = build_network("agrnet", TINY)
    save_weights(weights_file(layout.MODELS / "mine", 4), net.state_dict())
    batch = np.stack(make_set("helen", images=2))
    ((seed, restore),) = trained(layout.MODELS / "mine", "agrnet", TINY, [4], torch.device("cpu"))
    assert seed == 4
    np.testing.assert_array_equal(restore(batch), restorer(net.eval(), -1.0, torch.device("cpu"))(batch))
    with pytest.raises(ValueError, match="dvc repro"):
        next(trained(layout.MODELS / "mine", "agrnet", TINY, [5], torch.device("cpu")))
    other = TINY.model_copy(update={"width": 16})
    with pytest.raises(ValueError, match="does not fit"):
        next(trained(layout.MODELS / "mine", "agrnet", other, [4], torch.device("cpu")))


def test_an_identity_network_changes_nothing():
    batch = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    for lowest in (0.0, -1.0):
        np.testing.assert_array_equal(restorer(torch.nn.Identity(), lowest, torch.device("cpu"))(batch), batch)


def test_cost_of_the_papers_networks():
    paper = AGRNetNetwork(num_arus=10, width=144, head_width=18)
    assert cost("agrnet", paper, 128) == pytest.approx({"parameters_m": 12.680665, "gmac": 30.4}, rel=2e-3)
    taper = AGRNetHRNetwork(num_arus=10, widths=(48, 96, 192, 288))
    assert cost("agrnet_hr", taper, 512)["gmac"] == pytest.approx(316, rel=0.01)
