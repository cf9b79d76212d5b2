"""Training of both networks on a few generated pairs: loop, curve, card, resume, and what stops it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from small_sets import make_set
from tests_root import ROOT

from pipeline import layout
from pipeline.params import parse
from pipeline.pretrained import STATUS, PretrainedMissing
from pipeline.training import checkpoint, loop
from pipeline.training.agrnet_hr.ema import Ema
from pipeline.training.run import build, train_variant

MODELS = parse(ROOT / "profiles/demo.yaml").models
SIZE = 32


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_set("celeba")
    make_set("ffhq")
    weights = layout.PRETRAINED / "agrnet_hr"
    weights.mkdir(parents=True)
    record = {"name": "vgg16", "available": False, "file": None, "reason": "out of reach"}
    (weights / STATUS).write_text(json.dumps({"vgg16": record}))
    return tmp_path


def small(model_name, **train):
    model = getattr(MODELS, model_name)
    sizes = {"num_arus": 1} | ({"width": 8, "head_width": 4} if model_name == "agrnet" else {"widths": (4, 8, 8, 8)})
    options = {"steps": 6, "batch_size": 2, "log_every_steps": 2, "save_every_steps": 2} | train
    update = {
        "network": model.network.model_copy(update=sizes),
        "train": model.train.model_copy(update=options),
    }
    if model_name == "agrnet_hr":
        update["discriminator"] = model.discriminator.model_copy(update={"layers": 1, "width": 4})
    return model.model_copy(update=update)


@pytest.mark.parametrize("model_name", ["agrnet", "agrnet_hr"])
def test_a_variant_leaves_weights_card_and_curve(workplace, model_name):
    train_variant("mine", model_name, small(model_name), [0, 7])
    assert sorted(file.name for file in (layout.MODELS / "mine").iterdir()) == [
        "card.json",
        "seed_0.safetensors",
        "seed_7.safetensors",
    ]
    card = json.loads((layout.MODELS / "mine/card.json").read_text())
    assert (card["steps"], card["seeds"], card["data"]["images"]) == (6, [0, 7], 6)
    assert list(card["left_out_of_the_loss"]) == ([] if model_name == "agrnet" else ["pc"])
    curve = pd.read_csv(layout.CURVES / "mine.csv")
    assert list(curve["step"]) == [2, 4, 6, 2, 4, 6]
    assert np.isfinite(curve["loss"]).all()
    assert not list((workplace / ".scratch").rglob("*.pt"))


def test_a_missing_trunk_is_written_on_the_card_or_stops(workplace):
    model = small("agrnet_hr")
    train_variant("mine", "agrnet_hr", model, [0])
    card = json.loads((layout.MODELS / "mine/card.json").read_text())
    assert "out of reach" in card["left_out_of_the_loss"]["pc"]
    strict = model.model_copy(update={"loss": model.loss.model_copy(update={"without_trunk": "stop"})})
    with pytest.raises(PretrainedMissing, match=r"Eq\. \(25\)"):
        train_variant("mine", "agrnet_hr", strict, [0])


@pytest.mark.parametrize("model_name", ["agrnet", "agrnet_hr"])
def test_an_interrupted_run_ends_where_the_uninterrupted_one_does(workplace, monkeypatch, model_name):
    model = small(model_name, steps=8)
    train_variant("whole", model_name, model, [3])

    class Interrupted(Exception):
        pass

    taken = checkpoint.save

    def save_then_stop(path, state, run):
        taken(path, state, run)
        if state["step"] == 4:
            raise Interrupted

    monkeypatch.setattr(checkpoint, "save", save_then_stop)
    with pytest.raises(Interrupted):
        train_variant("cut", model_name, model, [3])
    monkeypatch.setattr(checkpoint, "save", taken)
    first_steps = []
    original = loop.Batches.run
    monkeypatch.setattr(
        loop.Batches, "run", lambda self, first, n: (first_steps.append(first), original(self, first, n))[1]
    )
    train_variant("cut", model_name, model, [3])
    assert first_steps == [4]
    whole, cut = (load_file(layout.MODELS / name / "seed_3.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_changed_param_sets_the_state_aside(workplace, capsys):
    path = checkpoint.SCRATCH / "x.pt"
    checkpoint.save(path, {"step": 4}, "one run")
    assert checkpoint.restore(path, "one run", torch.device("cpu")) == {"step": 4}
    assert checkpoint.restore(path, "another run", torch.device("cpu")) is None
    assert "set aside" in capsys.readouterr().out
    assert path.with_suffix(".aside").is_file()
    assert not path.exists()


def test_a_loss_that_is_no_number_names_step_and_images(workplace):
    model = small("agrnet", learning_rate=1e30)
    with pytest.raises(FloatingPointError, match=r"step \d.*images: \d"):
        train_variant("mine", "agrnet", model, [0])


def test_cuda_without_a_gpu_is_an_error(workplace, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="torch sees no GPU"):
        train_variant("mine", "agrnet", small("agrnet", device="cuda"), [0])


def test_same_seed_same_weights_other_seed_others(workplace):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_variant(name, "agrnet", small("agrnet"), [seed])
    weights = {name: next((layout.MODELS / name).glob("*.safetensors")).read_bytes() for name in "abc"}
    assert weights["a"] == weights["b"]
    assert weights["a"] != weights["c"]


def test_ema_averages_parameters_and_buffers():
    net = torch.nn.BatchNorm1d(2)
    ema = Ema(net, 0.75)
    with torch.no_grad():
        net.weight.fill_(5.0)
        net.running_mean.fill_(4.0)
        net.num_batches_tracked.fill_(9)
    ema.update(net)
    assert ema.net.weight.tolist() == [2.0, 2.0]
    assert ema.net.running_mean.tolist() == [1.0, 1.0]
    assert ema.net.num_batches_tracked == 9


@pytest.mark.parametrize("term", ["adv", "fm"])
def test_discriminators_learn_also_where_lambda_adv_is_0(workplace, term):
    model = small("agrnet_hr")
    model = model.model_copy(update={"loss": model.loss.model_copy(update={term: 0.0})})
    trainer, _ = build("agrnet_hr", model, torch.device("cpu"))
    before = [p.detach().clone() for p in trainer.D.parameters()]
    terms = trainer.step(torch.rand(2, 3, SIZE, SIZE), torch.rand(2, 3, SIZE, SIZE))
    assert term not in terms
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.D.parameters(), strict=True))
