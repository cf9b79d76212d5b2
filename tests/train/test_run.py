"""Training of both of our networks on a few generated pairs: curve, card, resume, and what stops it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from safetensors.torch import load_file
from small_sets import make_set
from stage_project import write_project
from tests_root import ROOT
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.params.file import parse
from pipeline.params.recipe import Recipe
from pipeline.store import paths
from pipeline.store.curves import METRICS, read_curve
from pipeline.store.images import decode
from pipeline.store.pretrained import STATUS, PretrainedMissing
from pipeline.train import checkpoint, ema, run
from pipeline.train.batches import Part
from pipeline.train.card import RUNS
from pipeline.train.compute import Compute
from pipeline.train.ema import Ema
from pipeline.train.loop import Progress, TrainingStopped
from pipeline.train.run import build_trainer, train_network
from pipeline.train.schedule import Steps
from stages import train as stage

DEMO = parse(ROOT / "profiles/demo.yaml")
SIZE = 32
CPU = torch.device("cpu")
pytestmark = pytest.mark.middle


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with the training sets, written once."""
    root = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        make_set("celeba")
        make_set("ffhq")
        weights = paths.PRETRAINED / "blind"
        weights.mkdir(parents=True)
        record = {"name": "vgg16", "available": False, "file": None, "reason": "out of reach"}
        (weights / STATUS).write_text(json.dumps({"vgg16": record}))
    return root


@pytest.fixture
def workplace(filled, tmp_path, monkeypatch):
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(filled, tmp_path_factory):
    """The workplace after both networks' trainings under their names, with seeds 0 and 7; to be read only."""
    root = shutil.copytree(filled, tmp_path_factory.mktemp("trained") / "place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("agrnet", "hr"):
            train_network(name, small(name), [0, 7])
    return root


def small(name, **train) -> Recipe:
    """The demo's network `name`, a few channels wide. train: keys of its training."""
    recipe = DEMO.recipe(name)
    sizes = {"num_arus": 1} | ({"width": 8, "head_width": 4} if name == "agrnet" else {"widths": (4, 8, 8, 8)})
    every = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
    options = {"steps": 6, "batch_size": 2, "validation_images": 2, "precise_batch_norm": 2} | every | train
    narrow = {"discriminator_layers": 1, "discriminator_width": 4} if recipe.loss == "composite" else {}
    return recipe.model_copy(
        update={
            "network": recipe.network.model_copy(update=sizes),
            "train": recipe.train.model_copy(update=options),
            "criterion": recipe.criterion.model_copy(update=narrow),
        }
    )


def with_loss(recipe, **changes) -> Recipe:
    """The recipe with other weights of its loss."""
    return recipe.model_copy(update={"criterion": recipe.criterion.model_copy(update=changes)})


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_a_network_leaves_weights_card_and_curve(trained, name):
    assert sorted(file.name for file in (trained / paths.MODELS / name).iterdir()) == [
        "card.json",
        "runs.json",
        "seed_0.safetensors",
        "seed_7.safetensors",
    ]
    for seed in (0, 7):
        curves = trained / paths.CURVES / name / f"seed_{seed}"
        curve = read_curve(curves)
        assert list(curve["step"]) == [2, 4, 6]
        terms = {"loss"} if name == "agrnet" else {"loss", "px", "adv", "fm", "d"}
        assert set(curve) == {
            *("step", "learning_rate", "validation/psnr_y", "validation/ssim_y"),
            *(f"train/{term}" for term in terms),
        }
        assert np.isfinite(curve.to_numpy(float)).all()
        assert (curves / METRICS / "images_per_s.tsv").is_file()
        strips = sorted((curves / "plots/images/samples").iterdir())
        assert [strip.name for strip in strips] == ["0000002.png", "0000004.png", "0000006.png"]
        assert decode(strips[0].read_bytes()).shape == (2 * SIZE, 3 * SIZE, 3)
    metrics = json.loads((trained / paths.METRICS / name / "train.json").read_text())
    assert {"step", "loss", "learning_rate", "validation_psnr_y", "validation_ssim_y"} <= set(metrics)


def test_the_card_says_what_was_trained_on_what_with_what(trained):
    folder = trained / paths.MODELS / "agrnet"
    card = json.loads((folder / "card.json").read_text())
    assert (card["network"], card["title"], card["steps"], card["seeds"]) == ("agrnet", "AGRNet", 6, [0, 7])
    assert (card["model"], card["task"], card["loss"]) == ("agrnet", "x8", "pixel")
    assert card["images_seen"] == 12
    assert card["params"] == json.loads(json.dumps(small("agrnet").params))
    assert card["params"]["train"]["learning_rate"] == DEMO.tasks.x8.learning_rate
    data = card["data"]
    assert (data["set"], data["images"], data["held_out_for_validation"], data["size_px"]) == ("celeba", 4, 2, SIZE)
    assert data["sources"] == {"synthetic": 6}
    assert card["weights_of_step"] == {"0": 6, "7": 6}
    assert card["device"] == "cpu"
    assert card["versions"]["torch"] == torch.__version__
    assert len(card["code_sha256"]) == len(data["manifests_sha256"]) == 64
    runs = json.loads((folder / RUNS).read_text())
    assert set(runs["seeds"]) == {"0", "7"}
    assert runs["seeds"]["0"]["training_s"] > 0
    weights = folder / "seed_0.safetensors"
    assert runs["seeds"]["0"]["weights_sha256"] == checkpoint.digest(files=[weights])


def test_without_images_held_out_nothing_is_measured_and_nothing_shown(workplace):
    train_network("mine", small("agrnet", steps=2, validation_images=0), [0])
    folder = paths.CURVES / "mine/seed_0"
    assert set(read_curve(folder)) == {"step", "train/loss", "learning_rate"}
    assert not list(folder.rglob("*.png"))
    assert "validation_psnr_y" not in json.loads((paths.METRICS / "mine/train.json").read_text())


def test_a_missing_trunk_is_written_on_the_card_or_stops(workplace):
    train_network("mine", small("hr", steps=1), [0])
    card = json.loads((paths.MODELS / "mine/card.json").read_text())
    assert "out of reach" in card["left_out_of_the_loss"]["pc"]
    with pytest.raises(PretrainedMissing, match=r"Eq\. \(25\)"):
        train_network("mine", with_loss(small("hr"), without_trunk="stop"), [0])


class Interrupted(BaseException):
    """Stands for a kill."""


def stop_after(monkeypatch, step):
    """Training saves the state of that step and stops."""
    taken = checkpoint.save

    def save_then_stop(path, state, run):
        taken(path, state, run)
        if state["step"] == step:
            raise Interrupted

    monkeypatch.setattr(checkpoint, "save", save_then_stop)


@pytest.fixture
def started_at(monkeypatch):
    """The steps at which runs begin."""
    steps, original = [], Progress.__init__

    def begin(self, place, curve, first, *rest):
        steps.append(first)
        original(self, place, curve, first, *rest)

    monkeypatch.setattr(Progress, "__init__", begin)
    return steps


def results(name, root=Path()):
    """Weights, curve and strips of a network, as bytes; without the times. root: where its training was."""
    folders = (root / paths.MODELS / name, root / paths.CURVES / name)
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return {
        file.name if file.parent == folders[0] else str(file.relative_to(folders[1])): file.read_bytes()
        for file in files
        if file.name not in (RUNS, "images_per_s.tsv", "card.json")
    }


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_an_interrupted_run_ends_where_the_uninterrupted_one_does(workplace, monkeypatch, started_at, name):
    recipe = small(name, steps=4)
    train_network("whole", recipe, [3])
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Interrupted):
            train_network("cut", recipe, [3])
    train_network("cut", recipe, [3])
    assert started_at == [0, 0, 2]
    assert results("whole") == results("cut")


def test_a_kill_between_seeds_costs_no_seed(trained, workplace, monkeypatch, started_at):
    recipe = small("agrnet")
    with monkeypatch.context() as patch:
        patch.setattr(torch, "manual_seed", lambda seed: stop() if seed == 7 else seeded(seed))
        with pytest.raises(Interrupted):
            train_network("cut", recipe, [0, 7])
    assert started_at == [0]
    train_network("cut", recipe, [0, 7])
    assert started_at == [0, 6, 0]
    assert results("cut") == results("agrnet", trained)


def stop():
    raise Interrupted


seeded = torch.manual_seed


def test_a_finished_run_can_be_lengthened(workplace, started_at):
    train_network("whole", small("agrnet", steps=4, schedule="constant"), [0])
    train_network("longer", small("agrnet", steps=2, schedule="constant"), [0])
    train_network("longer", small("agrnet", steps=4, schedule="constant"), [0])
    assert started_at == [0, 0, 2]
    assert results("whole") == results("longer")


def test_a_rate_that_depends_on_the_length_starts_anew(workplace, started_at, capsys):
    train_network("longer", small("agrnet", steps=1, schedule="cosine"), [0])
    train_network("longer", small("agrnet", steps=2, schedule="cosine"), [0])
    assert started_at == [0, 0]
    assert "params changed since this state was saved" in capsys.readouterr().out


def test_states_of_finished_runs_can_be_dropped(workplace):
    train_network("mine", small("agrnet", steps=2), [0, 7], keep_states=False)
    assert not list((workplace / ".scratch").rglob("*.pt"))


def test_what_only_tells_how_far_or_where_changes_no_run(workplace, started_at):
    asked = {"steps": 2, "schedule": "constant"}
    train_network("mine", small("agrnet", **asked), [0])
    freer = small("agrnet", **asked, log_every_steps=3, save_every_steps=3, validate_every_steps=3)
    train_network("mine", freer, [0])
    train_network("mine", small("agrnet", **asked, learning_rate=0.1), [0])
    assert started_at == [0, 2, 0]


def test_a_network_may_have_seeds_of_its_own(tmp_path, monkeypatch):
    write_project(tmp_path, monkeypatch)
    file = tmp_path / "params.yaml"
    params = YAML(typ="safe").load(file)
    params["networks"]["dic"]["seeds"] = [0, 5]
    YAML().dump(params, file)
    trained = {}
    monkeypatch.setattr(stage, "train_network", lambda name, recipe, seeds, *_: trained.update({name: seeds}))
    for name in ("agrnet", "dic"):
        stage.main(name)
    assert trained == {"agrnet": [0], "dic": [0, 5]}


def test_another_training_set_starts_anew(workplace, started_at, capsys):
    train_network("mine", small("agrnet", steps=1), [0])
    make_set("celeba", images=7)
    train_network("mine", small("agrnet", steps=1), [0])
    assert started_at == [0, 0]
    assert "the training set changed" in capsys.readouterr().out


@pytest.mark.parametrize(("weights", "anew"), [("last", False), ("best", True)])
def test_other_looks_are_another_run_where_the_best_of_them_is_kept(workplace, weights, anew):
    of = {
        run.fingerprints(small("agrnet", weights=weights, validate_every_steps=every), 0, Steps(6), "celeba", None)[
            "params"
        ]
        for every in (2, 4)
    }
    assert (len(of) > 1) == anew


def test_changed_code_of_the_own_rooms_alone_is_noticed(workplace, tmp_path, monkeypatch):
    package = tmp_path / "package"
    shutil.copytree(ROOT / "pipeline", package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(run, "PACKAGE", package)

    def code(name):
        recipe = small(name)
        (set_name,) = paths.sets_of(recipe.task, "train")
        return run.fingerprints(recipe, 0, Steps(6), set_name, None)["the code"]

    def notice(file):
        before = {name: code(name) for name in ("agrnet", "hr", "swinir_hr")}
        with open(package / file, "a") as opened:
            opened.write("# another line\n")
        return {name for name in before if code(name) != before[name]}

    assert notice("losses/composite/terms.py") == notice("networks/agrnet_hr/network.py") == {"hr"}
    assert notice("networks/agrnet/network.py") == {"agrnet"}
    assert notice("losses/pixel/loss.py") == {"agrnet", "swinir_hr"}
    for shared in ("networks/units/acon.py", "train/ema.py", "metrics/fidelity/psnr.py", "images/pairs.py"):
        assert notice(shared) == {"agrnet", "hr", "swinir_hr"}
    for other in ("networks/dic/network.py", "losses/dic/loss.py", "networks/build.py", "store/licences.py"):
        assert not notice(other)


def test_a_loss_that_is_no_number_names_step_and_images_and_leaves_the_last_state(workplace, monkeypatch):
    recipe = small("agrnet", learning_rate=1e30, log_every_steps=3, save_every_steps=3, validate_every_steps=3)
    with pytest.raises(
        TrainingStopped, match=r"step 2: a loss is no finite number \(loss nan\); images: \d, \d\. A lower"
    ):
        train_network("mine", recipe, [0])
    assert not list((workplace / ".scratch").rglob("*.pt"))  # nothing good was there to keep
    assert not (paths.MODELS / "mine/card.json").exists()


def test_too_little_memory_says_what_to_change(workplace, monkeypatch):
    def step(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nMore lines")

    monkeypatch.setattr("pipeline.train.trainer.Trainer.step", step)
    with pytest.raises(TrainingStopped, match=r"Tried to allocate 9 GiB\.\).*precision: bf16, recompute: true"):
        train_network("mine", small("agrnet"), [0])


def test_the_best_network_is_kept_where_params_say_so(trained, workplace, monkeypatch):
    values = iter(np.repeat([20.0, 22.0, 21.0], 2))
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.train.validation.psnr_y", lambda sr, hr: next(values))
        train_network("best", small("agrnet", weights="best"), [0])
    card = json.loads((paths.MODELS / "best/card.json").read_text())
    assert card["weights_of_step"] == {"0": 4}
    assert small("agrnet") == small("agrnet", weights="last")
    folders = (paths.MODELS / "best", trained / paths.MODELS / "agrnet")
    kept, last = (load_file(folder / "seed_0.safetensors") for folder in folders)
    assert any(not torch.equal(kept[name], last[name]) for name in last)


def test_looking_at_a_run_changes_nothing(trained, workplace):
    never = dict.fromkeys(("log_every_steps", "validate_every_steps", "save_every_steps", "sample_every_steps"), 6)
    train_network("unseen", small("agrnet", samples=0, **never), [0])
    seen, unseen = trained / paths.MODELS / "agrnet", paths.MODELS / "unseen"
    assert (seen / "seed_0.safetensors").read_bytes() == (unseen / "seed_0.safetensors").read_bytes()


def test_cuda_without_a_gpu_is_an_error(workplace, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="torch sees no GPU"):
        train_network("mine", small("agrnet", device="cuda"), [0])


def test_same_seed_same_weights_other_seed_others(trained, workplace):
    """Also where no other seed was trained before it."""
    train_network("mine", small("agrnet"), [7])
    before = {seed: (trained / paths.MODELS / f"agrnet/seed_{seed}.safetensors").read_bytes() for seed in (0, 7)}
    assert (paths.MODELS / "mine/seed_7.safetensors").read_bytes() == before[7]
    assert before[0] != before[7]


@pytest.mark.parametrize("move", [ema.one_by_one, ema.together])
def test_ema_averages_parameters_and_buffers_of_all_steps_and_not_the_start(move, monkeypatch):
    monkeypatch.setattr(ema, "one_by_one", move)  # what a CPU takes
    net, decay = torch.nn.BatchNorm1d(2), 0.75
    average = Ema(net, decay)
    plain = {"weight": 1.0, "running_mean": 0.0}  # the average that starts from the network before its first step
    for step in range(1, 5):
        with torch.no_grad():
            net.weight.fill_(2.0**step)
            net.running_mean.fill_(3.0 * step)
            net.num_batches_tracked.fill_(9 + step)
        average.update(net)
        for name, start in (("weight", 1.0), ("running_mean", 0.0)):
            plain[name] = decay * plain[name] + (1 - decay) * getattr(net, name)[0].item()
            without_start = (plain[name] - decay**step * start) / (1 - decay**step)
            assert getattr(average.net, name).tolist() == pytest.approx([without_start] * 2)
        assert average.net.num_batches_tracked == 9 + step
        if step == 2:  # as after an interruption
            state, average = average.state(), Ema(torch.nn.BatchNorm1d(2), decay)
            average.load_state(state)


def test_without_decay_the_average_is_the_network():
    net = torch.nn.Linear(3, 2)
    average = Ema(net, 0.0)
    for _ in range(3):
        with torch.no_grad():
            net.weight.normal_()
        average.update(net)
        assert torch.equal(average.net.weight, net.weight)


def test_ema_of_a_spectral_norm_divides_by_the_weights_own_norm():
    torch.manual_seed(0)
    net = spectral_norm(torch.nn.Linear(6, 4), n_power_iterations=5)
    average = Ema(net, 0.9)
    for _ in range(30):  # the weight turns, and its directions with it
        with torch.no_grad():
            net.parametrizations.weight.original.add_(torch.randn(4, 6) * 0.3)
        net(torch.rand(1, 6))
        average.update(net)
    assert torch.equal(average.net.parametrizations.weight[0]._u, net.parametrizations.weight[0]._u)
    assert average.net.parametrizations.weight[0]._v.norm() == pytest.approx(1)


@pytest.mark.parametrize("term", ["adv", "fm"])
def test_discriminators_learn_also_where_lambda_adv_is_0(workplace, term):
    recipe = with_loss(small("hr"), **{term: 0.0})
    trainer = build_trainer(recipe, Compute(recipe.train, CPU))
    before = [p.detach().clone() for p in trainer.loss.D.parameters()]
    terms = trainer.step([Part(torch.rand(2, 3, SIZE, SIZE), torch.rand(2, 3, SIZE, SIZE))])
    assert term not in terms
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.loss.D.parameters(), strict=True))


def test_where_the_training_asks_for_an_average_it_is_what_is_evaluated(workplace):
    for name, decay in (("plain", 0.0), ("averaged", 0.9)):
        train_network(name, small("agrnet", steps=2, ema=decay, precise_batch_norm=0), [0])
    plain, averaged = (load_file(paths.MODELS / name / "seed_0.safetensors") for name in ("plain", "averaged"))
    assert any(not torch.equal(plain[key], averaged[key]) for key in plain)
    state = torch.load(checkpoint.SCRATCH / "averaged_seed_0.pt", weights_only=True)["trainer"]
    assert all(torch.equal(state["net"][key], value) for key, value in plain.items())
    assert all(torch.equal(state["ema"]["net"][key], value) for key, value in averaged.items())
