import json

import numpy as np
import pytest
import torch

from pipeline.commands.benchmarks import train, train_data
from pipeline.commands.benchmarks.train_forms import (
    CPU_FORMS,
    PLAIN,
    Form,
    bf16_mac_rate,
    interleaved_seconds,
    ratio_to_first,
)
from pipeline.losses.pixel.loss import pixel_l1, pixel_l2
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR

CPU = torch.device("cpu")
SIZES = train.Sizes(32, 2, 16, 1, rounds=2, repeats=1, data_steps=2, matmul_side=32)
CASES = {
    "agrnet": lambda: train.TrainCase(AGRNet(num_arus=1, width=16), 32, 2, pixel_l2),
    "agrnet_hr": lambda: train.TrainCase(AGRNetHR(num_arus=1, widths=(8, 12, 16, 24)), 16, 1, pixel_l1),
}


@pytest.mark.middle
@pytest.mark.parametrize("name", CASES)
def test_training_and_inference_give_every_form_beside_what_is_wanted(name):
    case, before = CASES[name](), torch.get_rng_state()
    state = {key: value.clone() for key, value in case.net.state_dict().items()}
    for what in (train.training, train.inference):
        figures = json.loads(json.dumps(what(case, CPU_FORMS, SIZES, 1e9, CPU)))
        assert list(figures["forms"]) == ["plain", "fast_fp32", "fast_bf16"]
        assert figures["forms"]["plain"]["ratio"] == 1
        assert "wanted" in figures["forms"]["fast_bf16"]
        assert "wanted" not in figures["forms"]["plain"]
        assert all(form["ms"] > 0 and form["of_bf16_rate"] > 0 for form in figures["forms"].values())
    torch.testing.assert_close(dict(case.net.state_dict()), state, atol=0, rtol=0)  # copies were trained
    assert not torch.equal(torch.get_rng_state(), before)  # images were drawn


def test_training_says_what_is_kept_for_the_backward():
    forms = train.training(CASES["agrnet"](), CPU_FORMS, SIZES, 1e9, CPU)["forms"]
    kept = [forms[name]["saved_for_backward_gb"] for name in ("plain", "fast_fp32", "fast_bf16")]
    assert kept == sorted(kept, reverse=True)


def test_with_data_trains_behind_both_paths(tmp_path):
    figures = train.with_data(CASES["agrnet"](), SIZES, tmp_path, CPU)
    assert figures["plain_dataloader_ms"] > 0
    assert figures["fast_bf16_ours_ms"] > 0


def test_both_paths_hold_the_same_images(tmp_path):
    pictures = [np.random.default_rng(n).integers(0, 256, (16, 16, 3), np.uint8) for n in range(2)]
    train_data.write_png_pairs(tmp_path / "png", pictures, 3)
    train_data.write_shards(tmp_path / "shards", pictures, 3)
    files, pairs = (
        train_data.PngPairs(tmp_path / "png"),
        train_data.Pairs(tmp_path / "shards/degrade", tmp_path / "shards/resize"),
    )
    assert len(files) == len(pairs) == 3
    for number in range(3):
        lr_up, hr = (((t + 1) * 127.5).round().byte().permute(1, 2, 0).numpy() for t in files[number])
        np.testing.assert_array_equal(lr_up, pairs.lr_up(number))
        np.testing.assert_array_equal(hr, pairs.hr(number))


def test_steps_take_turns_and_the_first_is_the_measure():
    calls = []
    steps = {name: (lambda name=name: calls.append(name)) for name in "ab"}
    seconds = interleaved_seconds(steps, 2, 3, CPU)
    assert "".join(calls) == "aabb" + "aaabbb" * 2
    assert [len(values) for values in seconds.values()] == [2, 2]
    assert ratio_to_first({"a": [4.0, 6.0, 8.0], "b": [2.0, 2.0, 2.0]}) == {"a": 1.0, "b": 3.0}


def test_the_matrix_rate_is_a_rate():
    assert bf16_mac_rate(CPU, 32, rounds=2) > 0


def test_forms_are_copies_and_the_plain_one_is_plain():
    net = AGRNet(num_arus=1, width=16)
    assert type(PLAIN.network(net, training=True).fem[0]) is type(net.fem[0])
    fast = Form(fast=True).network(net, training=True)
    assert type(fast.fem[0]) is not type(net.fem[0])
    assert fast.training
    assert not Form(fast=True).network(net, training=False).training


@pytest.mark.middle
def test_main_writes_every_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "REPORT", tmp_path / "train.json")
    monkeypatch.setattr(train, "SIZES", {"cpu": SIZES})
    monkeypatch.setattr(train, "AGRNet", lambda: AGRNet(num_arus=1, width=16))
    monkeypatch.setattr(train, "AGRNetHR", lambda: AGRNetHR(num_arus=1, widths=(8, 12, 16, 24)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    train.main()
    figures = json.loads((tmp_path / "train.json").read_text())
    assert {f"{net}_{what}" for net in CASES for what in ("training", "inference")} <= set(figures)
    assert "agrnet_with_data" in figures
