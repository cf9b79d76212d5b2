import json
from functools import cache

import numpy as np
import pytest
import torch

from pipeline.commands.benchmarks import train, train_cases, train_data
from pipeline.commands.benchmarks.train_cases import Case, Sizes, cases_on, gan_params, with_any_trunk
from pipeline.commands.benchmarks.train_forms import (
    CPU_FORMS,
    PLAIN,
    Form,
    Objective,
    bf16_mac_rate,
    interleaved_seconds,
    ratio_to_first,
)
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.params.losses import PixelParams
from pipeline.store.features import load_features

CPU = torch.device("cpu")
SIZES = Sizes(rounds=2, repeats=1, data_steps=2, matmul_side=32)
L2 = Objective("pixel", PixelParams(norm="l2"))
WANTED = {"training": {"fast_bf16": 1.4}, "inference": {"fast_bf16": 2}}
CASES = {
    "agrnet": lambda: Case(AGRNet(num_arus=1, width=16), 32, 2, L2, lr_px=(4,), wanted=WANTED),
    "agrnet_hr": lambda: Case(AGRNetHR(num_arus=1, widths=(8, 12, 16, 24)), 16, 1, L2, wanted=WANTED),
}


@cache
def of_case(name, what):
    """A case, the state of its network before, whether images were drawn, and the figures of train.training or
    train.inference."""
    case, before = CASES[name](), torch.get_rng_state()
    state = {key: value.clone() for key, value in case.net.state_dict().items()}
    found = json.loads(json.dumps(what(case, CPU_FORMS, SIZES, 1e9, CPU)))
    return case, state, not torch.equal(torch.get_rng_state(), before), found


@pytest.mark.middle
@pytest.mark.parametrize("name", CASES)
def test_training_and_inference_give_every_form_beside_what_is_wanted(name):
    for what in (train.training, train.inference):
        case, state, drawn, figures = of_case(name, what)
        assert list(figures["forms"]) == ["plain", "fast_fp32", "fast_bf16"]
        assert figures["forms"]["plain"]["ratio"] == 1
        assert "wanted" in figures["forms"]["fast_bf16"]
        assert "wanted" not in figures["forms"]["plain"]
        assert all(form["ms"] > 0 and form["of_bf16_rate"] > 0 for form in figures["forms"].values())
        torch.testing.assert_close(dict(case.net.state_dict()), state, atol=0, rtol=0)  # copies were trained
        assert drawn


def test_training_says_what_is_kept_for_the_backward_and_how_many_operators_there_are():
    forms = of_case("agrnet", train.training)[-1]["forms"]
    kept = [forms[name]["saved_for_backward_gb"] for name in ("plain", "fast_fp32", "fast_bf16")]
    assert kept == sorted(kept, reverse=True)
    assert 500 < forms["fast_bf16"]["operators"] < 1500


@pytest.mark.middle
def test_a_whole_gan_step_is_measured_through_a_trunk_drawn_at_random(tmp_path):
    narrow = {"discriminator_width": 4, "discriminator_layers": 1}
    gan = Objective("composite", gan_params().model_copy(update=narrow), 0.9, with_any_trunk(tmp_path / "brought"))
    case = Case(AGRNetHR(num_arus=1, widths=(8, 8, 8, 8)), 32, 1, gan)
    forms = {name: CPU_FORMS[name] for name in ("plain", "fast_bf16")}
    whole = train.training(case, forms, SIZES, 1e9, CPU)["forms"]
    alone = of_case("agrnet_hr", train.training)[-1]["forms"]
    assert whole["fast_bf16"]["operators"] > 1.3 * alone["fast_bf16"]["operators"]
    for value in load_features(tmp_path / "brought", "vgg19").values():
        assert value.dim() == 1 or value.std() == pytest.approx((2 / value[0].numel()) ** 0.5, rel=0.1)


def test_with_data_trains_behind_both_paths(tmp_path):
    figures = train.with_data(CASES["agrnet"](), SIZES, tmp_path, CPU)
    assert figures["plain_dataloader_ms"] > 0
    assert figures["of_without"] == pytest.approx(figures["without_data_ms"] / figures["ours_ms"], rel=0.02)


def test_cases_of_a_gpu_are_the_ones_that_are_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "to", lambda net, device: net)
    monkeypatch.setattr(train_cases, "AGRNet", lambda: AGRNet(num_arus=1, width=16))
    monkeypatch.setattr(train_cases, "AGRNetHR", lambda: AGRNetHR(num_arus=1, widths=(8, 8, 8, 8)))
    cases = cases_on(torch.device("cuda"), tmp_path / "brought")
    assert {name: (case.px, case.batch) for name, case in cases.items()} == {
        "agrnet": (128, 64),
        "agrnet_hr_256": (256, 16),
        "agrnet_hr_512": (512, 2),
    }
    wanted = {name: case.wanted["training"]["fast_bf16_recorded"] for name, case in cases.items()}
    assert wanted == {"agrnet": 8, "agrnet_hr_256": 6, "agrnet_hr_512": 20}


def test_low_resolution_images_take_their_sizes_in_turn(tmp_path):
    train_data.write_shards(tmp_path, [np.zeros((32, 32, 3), np.uint8)] * 2, 5, (4, 6, 8))
    pairs = train_data.Pairs(tmp_path / "degrade", tmp_path / "resize")
    assert [len(pairs.lr(number)) for number in range(5)] == [4, 6, 8, 4, 6]


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
    monkeypatch.setattr(train, "cases_on", lambda device, brought: {name: make() for name, make in CASES.items()})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    train.main()
    figures = json.loads((tmp_path / "train.json").read_text())
    assert {f"{net}_{what}" for net in CASES for what in ("training", "inference")} <= set(figures)
    assert "agrnet_with_data" in figures
    assert "agrnet_hr_with_data" not in figures
