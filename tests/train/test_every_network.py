"""Every network there is through the pipeline's own training and restoring, a few channels wide."""

import copy
import hashlib
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from published_sparnet import MIDDLE, UNITS, WIDTHS, Published
from safetensors.torch import load_file, save_file
from small_networks import SMALL
from small_sets import make_set

from pipeline.images.pairs import open_test_set
from pipeline.infer.run import infer
from pipeline.losses.build import LOSSES
from pipeline.networks.build import NETWORKS, build_network, network_class
from pipeline.networks.units.tensors import final_image, to_float
from pipeline.params.models import MODELS
from pipeline.params.recipe import ForeignWeights, Network, Recipe, make_recipe
from pipeline.params.stages import InferParams
from pipeline.params.tasks import TrainParams
from pipeline.store import manifest, paths
from pipeline.store.curves import read_curve
from pipeline.store.pretrained import STATUS
from pipeline.store.restored import Made, read_made, restored_folder, restored_images
from pipeline.train import run
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.given.foreign import import_weights, read_checkpoint
from pipeline.train.loop import TrainingStopped
from pipeline.train.run import build_trainer, train_network

CPU = torch.device("cpu")
EVERY = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
TRAIN = {"steps": 4, "batch_size": 2, "learning_rate": 0.02, "betas": (0.9, 0.99), "validation_images": 2, **EVERY}
# For trainings of which the weights alone are looked at: neither pictures nor figures of the images held out on the way.
UNSEEN = {"samples": 0, "validate_every_steps": TRAIN["steps"]}
WEIGHTS = {  # of each loss
    "pixel": {"norm": "l1"},
    "composite": {
        **{"px": 100, "adv": 1, "fm": 10, "pc": 0, "discriminators": 3},
        **{"discriminator_width": 4, "discriminator_layers": 1, "discriminator_learning_rate": 1e-3},
    },
    "dic": {},
    "sfmnet": {},
}
OWN = {("agrnet_hr", "blind"): "composite", ("sparnet", "blind"): "composite"}  # or one of the model's name, or pixels
INFER = InferParams(batch_size=3, device="cpu", threads=1)
every_network = pytest.mark.parametrize(("model", "task"), NETWORKS, ids=lambda value: value)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with every set, written once."""
    root = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for key in paths.SETS:
            make_set(key, images=4)
        weights = paths.PRETRAINED / "blind"
        weights.mkdir(parents=True)
        (weights / STATUS).write_text(json.dumps({}))
    return root


@pytest.fixture
def workplace(filled, tmp_path, monkeypatch):
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def whole(filled, tmp_path_factory):
    """(model, task) -> the place of a training "mine" with seed 1 that nothing interrupted; to be read only."""

    @cache
    def place_of(model, task):
        root = shutil.copytree(filled, tmp_path_factory.mktemp("whole") / "place")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(root)
            trained("mine", model, task, seed=1)
        return root

    return place_of


def whole_weights(place):
    return place / paths.MODELS / "mine/seed_1.safetensors"


def recipe(model, task, loss=None, network=None, changes=None, **train) -> Recipe:
    """An entry as the stage makes it whole. loss: where not the network's own; changes: of its weights."""
    loss = loss or OWN.get((model, task)) or (model if model in LOSSES else "pixel")
    entry = Network(model=model, task=task, loss=loss, changes={"loss": changes or {}})
    return make_recipe("mine", entry, network or SMALL[model, task], TrainParams(**TRAIN | train), WEIGHTS[loss])


def trained(name, *given, seed=0, **train) -> dict[str, torch.Tensor]:
    """The weights of a network after its training."""
    train_network(name, recipe(*given, **train), [seed])
    return load_file(paths.MODELS / name / f"seed_{seed}.safetensors")


def test_every_network_and_every_loss_is_tried_here():
    assert set(MODELS) <= set(NETWORKS)
    assert set(WEIGHTS) == set(LOSSES) == {recipe(model, task).loss for model, task in NETWORKS}


@pytest.mark.middle
@every_network
def test_trained_and_restored_by_the_same_stages(workplace, whole, model, task):
    shutil.copytree(whole(model, task), workplace, dirs_exist_ok=True)
    card = json.loads((paths.MODELS / "mine/card.json").read_text())
    assert (card["model"], card["task"], card["images_seen"]) == (model, task, 8)
    assert (card["loss"], card["title"]) == (recipe(model, task).loss, network_class(model, task).title)
    assert json.loads(json.dumps(SMALL[model, task])).items() <= card["params"]["model"].items()
    assert list(read_curve(paths.CURVES / "mine/seed_1")["step"]) == [2, 4]
    infer("mine", INFER)
    assert read_made("mine") == Made(task, [1])
    for key in paths.sets_of(task, "test"):
        images = list(restored_images(restored_folder("mine", 1, key)))
        assert [image.shape for image in images] == [(32, 32, 3)] * 4
        assert len({image.tobytes() for image in images}) == 4
    cost = json.loads((paths.METRICS / "mine/cost.json").read_text())
    assert cost["size_px"] == 32
    assert cost["parameters_m"] > 0
    assert cost["gmac"] > 0


@pytest.mark.middle
@every_network
def test_a_killed_training_goes_on_to_the_same_weights(workplace, whole, model, task, monkeypatch):
    def breaking(*given):
        trainer = build_trainer(*given)
        step, done = trainer.step, []

        def stops(batch):
            done.append(batch)
            if len(done) == 4:
                raise KeyboardInterrupt
            return step(batch)

        trainer.step = stops
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(run, "build_trainer", breaking)
        with pytest.raises(KeyboardInterrupt):
            trained("mine", model, task, seed=1, **UNSEEN)
    trained("mine", model, task, seed=1, **UNSEEN)
    assert whole_weights(Path()).read_bytes() == whole_weights(whole(model, task)).read_bytes()


@every_network
def test_an_entry_that_names_the_pixel_loss_is_trained_by_eq_15(model, task):
    by_pixels = recipe(model, task, "pixel", changes={"norm": "l2"})
    torch.manual_seed(0)
    trainer = build_trainer(by_pixels, Compute(by_pixels.train, CPU))
    hr = torch.rand(2, 3, 32, 32) * 2 - 1
    part = Part(torch.rand(2, 3, *((4, 4) if trainer.net.takes == "lr" else (32, 32))) * 2 - 1, hr)
    with torch.no_grad():
        final = final_image(copy.deepcopy(trainer.net)(part.input))  # a copy: a pass may move what the next one sees
    terms = trainer.step([part])
    assert list(terms) == ["loss"]
    torch.testing.assert_close(terms["loss"], (final - hr).square().mean(), rtol=1e-4, atol=1e-5)


@pytest.mark.middle
@every_network
def test_an_entry_that_names_the_composite_loss_is_trained_by_eq_26(workplace, model, task):
    trained("mine", model, task, "composite", samples=0, save_every_steps=TRAIN["steps"])
    curve = read_curve(paths.CURVES / "mine/seed_0")
    assert {"train/px", "train/adv", "train/fm", "train/d"} <= set(curve.columns)
    assert np.isfinite(curve.to_numpy(float)).all()


@pytest.mark.middle
@every_network
def test_units_computed_again_give_the_same_training(workplace, whole, model, task):
    if (model, task) == ("sparnet", "blind"):
        with pytest.raises(ValueError, match="spectral normalisation"):
            trained("mine", model, task, recompute=True)
        return
    again = trained("mine", model, task, seed=1, recompute=True, **UNSEEN, save_every_steps=TRAIN["steps"])
    for key, value in load_file(whole_weights(whole(model, task))).items():
        torch.testing.assert_close(again[key], value, rtol=1e-4, atol=1e-6)


@pytest.mark.middle
def test_dic_learns_where_landmarks_are(workplace):
    seldom = dict.fromkeys(("save_every_steps", "validate_every_steps"), 40)
    trained("mine", "dic", "x8", steps=40, learning_rate=5e-3, samples=0, **seldom)
    alignment = read_curve(paths.CURVES / "mine/seed_0")["train/alignment"]
    assert alignment.iloc[-1] < 0.5 * alignment.iloc[0]


def test_a_number_that_is_not_finite_stops_the_training(workplace):
    with pytest.raises(TrainingStopped, match="a loss is no finite number"):
        trained("mine", "swinir", "x8", learning_rate=1e30)


def checkpoint_of(path, model="swinir", task="x8"):
    torch.manual_seed(3)
    net = build_network(model, task, SMALL[model, task])
    torch.save({"params": net.state_dict()}, path)
    return net, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_of_others_take_the_place_of_a_training(workplace, suffix):
    path = workplace / f"theirs.{suffix}"
    net, digest = checkpoint_of(path)
    if suffix == "safetensors":
        save_file(net.state_dict(), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    import_weights("mine", ForeignWeights(path=str(path), sha256=digest), recipe("swinir", "x8"), 0)
    saved = load_file(paths.MODELS / "mine/seed_0.safetensors")
    assert all(torch.equal(saved[key], value) for key, value in net.state_dict().items())
    card = json.loads((paths.MODELS / "mine/card.json").read_text())
    assert (card["network"], card["title"], card["model"], card["task"]) == ("mine", "SwinIR", "swinir", "x8")
    assert card["trained_by"] == "others"
    assert card["checkpoint"] == {"file": path.name, "sha256": digest}
    infer("mine", INFER)
    rows = manifest.read_kept(restored_folder("mine", 0, "helen"))
    assert len(rows) == 4


@every_network
def test_weights_under_our_own_names_are_taken_as_they_are(workplace, model, task):
    net, digest = checkpoint_of(workplace / "theirs.pth", model, task)
    given = ForeignWeights(path=str(workplace / "theirs.pth"), sha256=digest)
    import_weights("mine", given, recipe(model, task), 0)
    saved = load_file(paths.MODELS / "mine/seed_0.safetensors")
    assert saved.keys() == net.state_dict().keys()
    assert all(torch.equal(saved[key], value) for key, value in net.state_dict().items())


def theirs(path, state) -> ForeignWeights:
    """A checkpoint as its authors would have saved it; returns the `weights` of an entry."""
    torch.save(state, path)
    return ForeignWeights(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def imported_and_restored(model, network, weights) -> list[np.ndarray]:
    """The images of Helen's set as the stages train and infer leave them."""
    import_weights("mine", weights, recipe(model, "x8", network=network), 0)
    infer("mine", INFER)
    return list(restored_images(restored_folder("mine", 0, "helen")))


def assert_same_images(images, expected):
    """expected: (N, 3, H, W) in [-1, 1]. Rounding may fall to either side."""
    grey = ((expected.clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    assert np.abs(np.stack(images) - grey).max() < 0.51


def test_a_checkpoint_of_sparnets_authors_restores_as_their_code_does(workplace):
    torch.manual_seed(3)
    published = Published(instance=False, maps_per_channel=False, levels=1)
    network = {"widths": WIDTHS, "num_units": UNITS, "attention_width": MIDDLE, "attention_levels": 1}
    images = imported_and_restored("sparnet", network, theirs(workplace / "theirs.pth", published.state))
    pairs = open_test_set("helen")
    x = to_float(np.stack([pairs.lr_up(index) for index in range(len(pairs))]), CPU)
    with torch.no_grad():
        assert_same_images(images, published(x))


def test_a_checkpoint_of_swinirs_authors_restores_as_their_class_does(workplace):
    swinir = pytest.importorskip("spandrel.architectures.SwinIR", reason="spandrel is not installed")
    torch.manual_seed(3)
    sizes = {"embed_dim": 8, "depths": [2], "num_heads": [2], "window_size": 4, "mlp_ratio": 2}
    other = swinir.SwinIR(img_size=4, upscale=8, upsampler="pixelshuffle", **sizes).eval()
    network = {"width": 8, "depths": (2,), "heads": 2, "window": 4}
    weights = theirs(workplace / "theirs.pth", {"params": other.state_dict()})
    images = imported_and_restored("swinir", network, weights)
    pairs = open_test_set("helen")
    x = to_float(np.stack([pairs.lr(index) for index in range(len(pairs))]), CPU)
    with torch.no_grad():
        assert_same_images(images, 2 * other((x + 1) / 2) - 1)


def test_a_checkpoint_of_another_size_is_refused(workplace):
    weights = theirs(workplace / "theirs.pth", Published(instance=False, maps_per_channel=False, levels=1).state)
    with pytest.raises(ValueError, match=r"does not fit networks\.mine"):
        imported_and_restored("sparnet", SMALL["sparnet", "x8"], weights)


class Harmful:
    def __reduce__(self):
        return (np.save, ("ran.npy", np.zeros(1)))


def test_a_pickle_that_would_run_code_is_refused_and_not_run(workplace):
    path = workplace / "theirs.pth"
    torch.save({"params": Harmful()}, path)
    with pytest.raises(ValueError, match="no checkpoint of tensors alone"):
        read_checkpoint(path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert not (workplace / "ran.npy").exists()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (None, "is missing"),
        (b"", "no checkpoint of tensors alone"),
        (b"PK\x03\x04 nothing", "no checkpoint of tensors alone"),
    ],
)
def test_what_is_no_checkpoint_is_refused(workplace, write, message):
    path = workplace / "theirs.pth"
    if write is not None:
        path.write_bytes(write)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path, hashlib.sha256(write or b"").hexdigest())


def test_a_damaged_safetensors_file_is_refused(workplace):
    path = workplace / "theirs.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is damaged, or no safetensors file"):
        read_checkpoint(path, hashlib.sha256(b"nothing").hexdigest())


def test_another_file_than_the_one_named_is_refused(workplace):
    path = workplace / "theirs.pth"
    checkpoint_of(path)
    with pytest.raises(ValueError, match="is it the file that was meant"):
        read_checkpoint(path, "0" * 64)


def test_numbers_in_place_of_tensors_are_refused(workplace):
    path = workplace / "theirs.pth"
    torch.save({"params": {"a": 1}}, path)
    with pytest.raises(ValueError, match="no mapping of names to tensors"):
        read_checkpoint(path, hashlib.sha256(path.read_bytes()).hexdigest())
