"""The other networks through the pipeline's own training and restoring, a few channels wide."""

import hashlib
import json

import numpy as np
import pytest
import torch
from published_sparnet import MIDDLE, UNITS, WIDTHS, Published
from safetensors.torch import load_file, save_file
from small_sets import make_set

from pipeline.images.pairs import open_test_set
from pipeline.infer.run import restore_network
from pipeline.networks.build import peer_class
from pipeline.networks.units.tensors import to_float
from pipeline.params.models import PEER_NETWORKS
from pipeline.params.recipe import Peer, peer_model, peer_network
from pipeline.params.stages import RestoreParams
from pipeline.params.tasks import TrainHRParams, TrainParams
from pipeline.store import manifest, paths
from pipeline.store.curves import read_curve
from pipeline.store.pretrained import STATUS
from pipeline.store.restored import restored_folder, restored_images
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.foreign import import_weights, read_checkpoint
from pipeline.train.loop import TrainingStopped
from pipeline.train.run import train_variant
from pipeline.train.trainer import PeerTrainer

CPU = torch.device("cpu")
NETWORKS = {
    ("sparnet", "agrnet"): {"widths": (4, 8), "num_units": 1, "attention_width": 4, "attention_levels": 1},
    ("sparnet", "agrnet_hr"): {"widths": (4, 8, 8), "num_units": 1, "attention_width": 4},
    ("dic", "agrnet"): {
        **{"width": 4, "num_steps": 2, "num_groups": 2, "num_fusion_blocks": 1},
        **{"alignment_width": 8, "alignment_levels": 2},
    },
    ("sfmnet", "agrnet"): {"width": 4, "heads": 2, "group_blocks": 1},
    ("swinir", "agrnet"): {"width": 8, "depths": (2,), "heads": 2, "window": 4, "up_width": 8},
    ("swinir", "agrnet_hr"): {"width": 8, "depths": (2,), "heads": 2, "window": 4, "up_width": 8},
    ("mambair", "agrnet"): {"width": 8, "depths": (1,), "state": 4, "up_width": 8},
    ("mambair", "agrnet_hr"): {"width": 8, "depths": (1,), "state": 4, "up_width": 8},
}
EVERY = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
TRAIN = {"steps": 4, "batch_size": 2, "learning_rate": 1e-3, "betas": (0.9, 0.99), "validation_images": 2, **EVERY}
COMPOSITE = {
    "discriminator": {"scales": 3, "width": 4, "layers": 1},
    "loss": {"px": 100, "adv": 1, "fm": 10, "pc": 0},
}
every_peer = pytest.mark.parametrize(("name", "sets"), NETWORKS, ids=lambda value: value)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for key in ("celeba", "helen", "ffhq", "celebahq", "real"):
        make_set(key, images=4)
    weights = paths.PRETRAINED / "agrnet_hr"
    weights.mkdir(parents=True)
    (weights / STATUS).write_text(json.dumps({}))
    return tmp_path


def peer(name, sets, **changes) -> Peer:
    composite = COMPOSITE if sets == "agrnet_hr" else {}
    return Peer(model=name, sets=sets, network=NETWORKS[name, sets], **composite | changes)


def model(entry, loss="own", **train):
    base = (
        TrainHRParams(**TRAIN | train, discriminator_learning_rate=1e-3)
        if entry.sets == "agrnet_hr"
        else TrainParams(**TRAIN | train)
    )
    return peer_model(entry, "mine", base, loss)


def test_every_peer_is_tried_here():
    assert set(NETWORKS) == set(PEER_NETWORKS)


@pytest.mark.middle
@every_peer
def test_trained_and_restored_like_any_variant(workplace, name, sets):
    entry = peer(name, sets)
    train_variant("mine", name, model(entry, learning_rate=0.02), [0], sets=sets)
    card = json.loads((paths.MODELS / "mine/card.json").read_text())
    assert (card["model"], card["sets"], card["images_seen"]) == (name, sets, 8)
    assert card["params"]["network"]["up_width" if "ir" in name else "width" if name != "sparnet" else "num_units"]
    assert list(read_curve(paths.CURVES / "mine/seed_0")["step"]) == [2, 4]
    restore = RestoreParams(batch_size=3, device="cpu", threads=1)
    restore_network("mine", name, peer_network(entry, "mine"), [0], restore, sets)
    keys = paths.sets_of(sets, "test")
    for key in keys:
        images = list(restored_images(restored_folder("mine", 0, key)))
        assert [image.shape for image in images] == [(32, 32, 3)] * 4
        assert len({image.tobytes() for image in images}) == 4
    cost = json.loads((paths.METRICS / "mine/cost.json").read_text())
    assert cost["size_px"] == 32
    assert cost["parameters_m"] > 0
    assert cost["gmac"] > 0


@pytest.mark.middle
@every_peer
def test_a_killed_training_goes_on_to_the_same_weights(workplace, name, sets, monkeypatch):
    settings = model(peer(name, sets))
    train_variant("whole", name, settings, [1], sets=sets)
    from pipeline.train import run

    build = run.build

    def breaking(*given):
        trainer, *rest = build(*given)
        step, done = trainer.step, []

        def stops(batch):
            done.append(batch)
            if len(done) == 4:
                raise KeyboardInterrupt
            return step(batch)

        trainer.step = stops
        return trainer, *rest

    monkeypatch.setattr(run, "build", breaking)
    with pytest.raises(KeyboardInterrupt):
        train_variant("cut", name, settings, [1], sets=sets)
    monkeypatch.setattr(run, "build", build)
    train_variant("cut", name, settings, [1], sets=sets)
    files = [paths.MODELS / folder / "seed_1.safetensors" for folder in ("whole", "cut")]
    assert files[0].read_bytes() == files[1].read_bytes()


@every_peer
def test_the_switch_gives_all_the_same_loss(name, sets):
    entry = peer(name, sets)
    own, shared = model(entry), model(entry, "shared")
    assert shared.criterion == ("composite" if sets == "agrnet_hr" else "l2")
    assert own.criterion == {
        **{("dic", "agrnet"): "dic", ("sfmnet", "agrnet"): "sfmnet", ("sparnet", "agrnet_hr"): "composite"}
    }.get((name, sets), "l1")
    if shared.criterion == "composite":
        return
    torch.manual_seed(0)
    net = peer_class(name, sets)(**shared.network.model_dump())
    trainer = PeerTrainer(net, shared, sets, Compute(shared.train, CPU))
    hr = torch.rand(2, 3, 32, 32) * 2 - 1
    part = Part(torch.rand(2, 3, *((4, 4) if net.takes == "lr" else (32, 32))) * 2 - 1, hr)
    with torch.no_grad():
        out = trainer.net(part.input)
    final = out if isinstance(out, torch.Tensor) else out[-1]
    torch.testing.assert_close(trainer.step([part])["loss"], (final - hr).square().mean(), rtol=1e-4, atol=1e-5)


@pytest.mark.middle
@pytest.mark.parametrize("name", ["swinir", "mambair"])
def test_the_shared_loss_of_agrnet_hr_trains_a_peer(workplace, name):
    train_variant("mine", name, model(peer(name, "agrnet_hr"), "shared"), [0], sets="agrnet_hr")
    curve = read_curve(paths.CURVES / "mine/seed_0")
    assert {"train/px", "train/adv", "train/fm", "train/d"} <= set(curve.columns)


@pytest.mark.middle
@every_peer
def test_units_computed_again_give_the_same_training(workplace, name, sets):
    if (name, sets) == ("sparnet", "agrnet_hr"):
        with pytest.raises(ValueError, match="spectral normalisation"):
            train_variant("mine", name, model(peer(name, sets), recompute=True), [0], sets=sets)
        return
    states = []
    for recompute in (False, True):
        train_variant(f"mine_{recompute}", name, model(peer(name, sets), recompute=recompute), [0], sets=sets)
        states.append(load_file(paths.MODELS / f"mine_{recompute}/seed_0.safetensors"))
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value, rtol=1e-4, atol=1e-6)


@pytest.mark.middle
def test_dic_learns_where_landmarks_are(workplace):
    train_variant("mine", "dic", model(peer("dic", "agrnet"), steps=40, learning_rate=5e-3), [0], sets="agrnet")
    alignment = read_curve(paths.CURVES / "mine/seed_0")["train/alignment"]
    assert alignment.iloc[-1] < 0.5 * alignment.iloc[0]


def test_a_number_that_is_not_finite_stops_the_training(workplace):
    with pytest.raises(TrainingStopped, match="a loss is no finite number"):
        train_variant("mine", "swinir", model(peer("swinir", "agrnet"), learning_rate=1e30), [0], sets="agrnet")


def checkpoint_of(path, name="swinir", sets="agrnet"):
    torch.manual_seed(3)
    net = peer_class(name, sets)(**NETWORKS[name, sets])
    torch.save({"params": net.state_dict()}, path)
    return net, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_of_others_take_the_place_of_a_training(workplace, suffix):
    path = workplace / f"theirs.{suffix}"
    net, digest = checkpoint_of(path)
    if suffix == "safetensors":
        save_file(net.state_dict(), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = peer("swinir", "agrnet", weights={"path": str(path), "sha256": digest})
    import_weights("mine", entry, model(entry), 0)
    saved = load_file(paths.MODELS / "mine/seed_0.safetensors")
    assert all(torch.equal(saved[key], value) for key, value in net.state_dict().items())
    card = json.loads((paths.MODELS / "mine/card.json").read_text())
    assert card["trained_by"] == "others"
    assert card["checkpoint"] == {"file": path.name, "sha256": digest}
    restore = RestoreParams(batch_size=3, device="cpu", threads=1)
    restore_network("mine", "swinir", peer_network(entry, "mine"), [0], restore, "agrnet")
    rows = manifest.read_kept(restored_folder("mine", 0, "helen"))
    assert len(rows) == 4


def theirs(path, state) -> dict:
    """A checkpoint as its authors would have saved it; returns the `weights` of a peer."""
    torch.save(state, path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def imported_and_restored(name, network, weights) -> list[np.ndarray]:
    """The images of Helen's set as the stages train_peer and restore_peer leave them."""
    entry = Peer(model=name, sets="agrnet", network=network, weights=weights)
    import_weights("mine", entry, model(entry), 0)
    restore = RestoreParams(batch_size=3, device="cpu", threads=1)
    restore_network("mine", name, peer_network(entry, "mine"), [0], restore, "agrnet")
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
    x = to_float(np.stack([pairs.lr_up(index) for index in range(len(pairs))]), -1.0, CPU)
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
    x = to_float(np.stack([pairs.lr(index) for index in range(len(pairs))]), 0.0, CPU)
    with torch.no_grad():
        assert_same_images(images, 2 * other(x) - 1)


def test_a_checkpoint_of_another_size_is_refused(workplace):
    weights = theirs(workplace / "theirs.pth", Published(instance=False, maps_per_channel=False, levels=1).state)
    with pytest.raises(ValueError, match=r"does not fit peers\.mine"):
        imported_and_restored("sparnet", NETWORKS["sparnet", "agrnet"], weights)


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
