"""What only a GPU can show; skipped where there is none. Needs neither DVC, Ray, albumentations nor lpips."""

import json

import numpy as np
import pytest
import torch
from commands.restore.made import crowd, model_folder
from PIL import Image
from safetensors.torch import load_file
from small_networks import FORMS_OF_OURS
from small_sets import make_set
from tests_root import ROOT

from pipeline.commands.restore import cli
from pipeline.commands.restore.networks.runnable import FittingBatches
from pipeline.images.pairs import Pairs
from pipeline.infer.apply import applied
from pipeline.networks.build import network_class
from pipeline.params.degrade import BicubicDegradation, RealDegradation
from pipeline.params.file import parse
from pipeline.params.recipe import Recipe, StartWeights
from pipeline.params.tasks import TrainParams
from pipeline.store import paths
from pipeline.store.curves import read_curve
from pipeline.store.weights import read_card, weights_file
from pipeline.train.batches import Batches, Part
from pipeline.train.card import RUNS
from pipeline.train.compute import Compute
from pipeline.train.given.begin import open_start
from pipeline.train.graph import WARM_UP, Recorded, recorded
from pipeline.train.image_store import ImageStore
from pipeline.train.loop import TrainingStopped
from pipeline.train.run import build_trainer, train_network
from pipeline.train.schedule import set_rates
from pipeline.train.trainer import Trainer

pytestmark = [pytest.mark.middle, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]
DEMO = parse(ROOT / "profiles/demo.yaml")
SIZE = 32
EVERY = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
PLAIN = {"channels_last": False, "faster_forms": False, "precision": "fp32"}
# As small as GAM keeps two hidden channels: the memory format of a map with one is ambiguous, on which torch 2.11's compiler
# fails. Other people's networks are as the demo has them.
SIZES = {
    "agrnet": {"num_arus": 1, "width": 16, "head_width": 8},
    "agrnet_hr": {"num_arus": 1, "widths": (8, 16, 16, 16)},
}
NARROW = {"discriminator_layers": 1, "discriminator_width": 4, "discriminator_learning_rate": 1e-4}
LISTED = [name for name in DEMO.networks if not name.startswith("agrnet_arus")]  # those differ by their number alone


def small(name, **train) -> Recipe:
    """The demo's network `name`, ours a few channels wide, without what its loss looks through."""
    own = DEMO.recipe(name)
    options = own.train.model_dump() | {"steps": 4, "batch_size": 4, "validation_images": 2, "threads": 0} | EVERY
    narrow = NARROW | {"pc": 0.0} if own.loss == "composite" else {}
    return own.model_copy(
        update={
            "network": own.network.model_copy(update=SIZES.get(own.model, {})),
            "train": TrainParams.model_validate(options | {"device": "cuda", "cuda_graph": False} | train),
            "criterion": own.criterion.model_copy(update=narrow),
        }
    )


def batch(recipe, step, device) -> list[Part]:
    """The images of a step, in the form that the network takes: other ones each step."""
    random = torch.Generator().manual_seed(step)
    side = SIZE if recipe.model in SIZES else 64
    lr = network_class(recipe.model, recipe.task).takes == "lr"
    given, hr = (torch.rand(4, 3, px, px, generator=random) * 2 - 1 for px in (side // 8 if lr else side, side))
    return [Part(*(t.to(device) for t in (given, hr, torch.rand(4, 5, 2, generator=random) * side)))]


def losses(name, device, steps=2, **train):
    """The losses of some steps on a device, on the same images from the same weights, and the network's state."""
    torch.manual_seed(0)
    recipe = small(name, device=device, **train)
    compute = Compute(recipe.train, torch.device(device))
    trainer = recorded(build_trainer(recipe, compute), compute)
    found = []
    for step in range(steps):
        set_rates(trainer.optimisers, 1 - step / steps)
        found.append(trainer.step(batch(recipe, step, device)))
    return [{term: float(value) for term, value in terms.items()} for terms in found], trainer.evaluated.state_dict()


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for key in ("celeba", "ffhq"):
        make_set(key, images=8, degradation=BicubicDegradation(kind="bicubic", lr_px=4))
    return tmp_path


@pytest.mark.parametrize("name", ["agrnet", "hr"])
@pytest.mark.parametrize(
    ("train", "tolerance"),
    [
        (PLAIN, 1e-3),
        ({"precision": "fp32"}, 1e-3),
        ({"precision": "tf32"}, 0.05),
        ({"precision": "bf16"}, 0.15),
        ({"precision": "bf16", "recompute": True}, 0.15),
        ({"precision": "bf16", "compile": True}, 0.15),
        ({"precision": "fp32", "compile": True}, 1e-2),
    ],
    ids=["plain", "fp32", "tf32", "bf16", "recompute", "compiled_bf16", "compiled_fp32"],
)
def test_a_training_step_as_on_a_cpu(name, train, tolerance):
    for ours, cpus in zip(losses(name, "cuda", **train)[0], losses(name, "cpu", **PLAIN)[0], strict=True):
        assert ours == pytest.approx(cpus, rel=tolerance, abs=tolerance)


def assert_recorded_is_eager(name, tolerance, **train):
    """Eight steps, of which five are replayed, at a falling rate: other images, another loss each time.

    At a low rate: at the demo's eight steps multiply a last bit until it is seen.
    """
    train |= {"learning_rate": 1e-4}
    eager, replayed = (losses(name, "cuda", 8, cuda_graph=graph, **train) for graph in (False, True))
    for ours, plain in zip(replayed[0], eager[0], strict=True):
        assert ours == pytest.approx(plain, rel=tolerance, abs=tolerance)
    assert len({terms["loss"] for terms in replayed[0]}) == 8
    for key, value in replayed[1].items():
        if not value.is_floating_point():
            assert torch.equal(value, eager[1][key]), key
        else:
            torch.testing.assert_close(value, eager[1][key], rtol=0.1, atol=0.05, msg=lambda m, k=key: f"{k}: {m}")


@pytest.mark.parametrize("name", LISTED)
def test_a_recorded_step_is_the_step(name):
    """Every network and loss of the list, with an average."""
    assert_recorded_is_eager(name, 1e-2, precision="fp32", ema=0.9)


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_a_recorded_step_in_bfloat16_is_the_step(name):
    assert_recorded_is_eager(name, 0.05, precision="bf16", ema=0.9)


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_what_the_compiler_made_is_recorded_too(name):
    assert_recorded_is_eager(name, 0.05, precision="bf16", ema=0.9, compile=True)


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_channels_filled_up_to_8_change_no_number(name, monkeypatch):
    uneven = {"agrnet": {"head_width": 6, "fem_reduction": 5}, "agrnet_hr": {"fem_reduction": 5}}
    for model, sizes in uneven.items():
        monkeypatch.setitem(SIZES, model, SIZES[model] | sizes)
    plain_losses, _ = losses(name, "cuda", precision="fp32")
    monkeypatch.setattr(Compute, "block", 8)
    for ours, plain in zip(losses(name, "cuda", precision="fp32")[0], plain_losses, strict=True):
        assert ours == pytest.approx(plain, rel=1e-3, abs=1e-3)


def test_a_recorded_step_takes_one_shape(capsys):
    recipe = small("agrnet", cuda_graph=True)
    compute = Compute(recipe.train, torch.device("cuda"))
    steps = recorded(build_trainer(recipe, compute), compute)
    images = torch.rand(2, 4, 3, SIZE, SIZE, device="cuda")
    for _ in range(WARM_UP + 2):
        steps.step([Part(*images)])
    with pytest.raises(ValueError, match="a recorded step takes one shape"):
        steps.step([Part(*images[:, :2])])
    steps = Recorded(build_trainer(recipe, compute), needed=False)
    for count in [4] * (WARM_UP + 2) + [2, 4, 2]:
        assert torch.isfinite(steps.step([Part(*images[:, :count])])["loss"])
    assert capsys.readouterr().out.count("a recorded step takes one shape") == 1


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_a_step_that_waits_for_a_number_is_launched_and_the_log_says_why(name, monkeypatch, capsys):
    expected = losses(name, "cuda", 6, precision="fp32")[0]
    called = Trainer.step

    def waits(trainer, given):
        terms = called(trainer, given)
        float(terms["loss"])  # which no recording allows
        return terms

    monkeypatch.setattr(Trainer, "step", waits)
    for ours, plain in zip(losses(name, "cuda", 6, precision="fp32", cuda_graph="auto")[0], expected, strict=True):
        assert ours == pytest.approx(plain, rel=1e-2, abs=1e-2)
    assert capsys.readouterr().out.count("steps are not recorded, but launched one by one") == 1


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_a_recorded_training_goes_on_and_is_measured_as_another(workplace, name):
    """Interrupted and not, recorded and not; images are measured by a network with its batch norm estimated again."""
    for at, lengths, graph in (("whole", [8], "auto"), ("parts", [4, 8], "auto"), ("launched", [8], False)):
        for steps in lengths:
            train_network(at, small(name, steps=steps, schedule="constant", ema=0.9, cuda_graph=graph), [0])
    whole, parts, launched = (read_curve(paths.CURVES / at / "seed_0") for at in ("whole", "parts", "launched"))
    assert list(whole["step"]) == list(parts["step"]) == [2, 4, 6, 8]
    for curve in (parts, launched):
        np.testing.assert_allclose(curve["train/loss"], whole["train/loss"], rtol=0.05)
        np.testing.assert_allclose(curve["validation/psnr_y"], whole["validation/psnr_y"], atol=0.3)
    for at in ("whole", "parts"):
        assert load_file(weights_file(paths.MODELS / at, 0))


@pytest.mark.parametrize("name", ["agrnet", "hr"])
@pytest.mark.parametrize("graph", [False, True])
def test_a_training_begins_from_weights_and_ends_by_the_clock(workplace, name, graph):
    """The GPU is waited for: of a queue of steps that it has yet to work on none is taken for done."""
    train_network("earlier", small(name), [0])
    with pytest.raises(ValueError, match="without its SHA-256") as told:
        open_start("later", StartWeights(path="models/earlier"))
    start = StartWeights(path="models/earlier", sha256=str(told.value).rpartition("sha256: ")[2].removesuffix("}"))
    recipe = small(name, steps=None, minutes=0.1, cuda_graph=graph).model_copy(update={"start": start})
    train_network("later", recipe, [0])
    card, folder = read_card(paths.MODELS / "later"), paths.MODELS / "later"
    assert card["images_seen"] == 4 * (4 + card["steps"])
    assert load_file(weights_file(folder, 0))
    spent_s = json.loads((folder / RUNS).read_text())["seeds"]["0"]["training_s"]
    assert 0.1 * 60 - 1 < spent_s < 0.1 * 60 + 5  # the last look and the last state on top


@pytest.mark.parametrize("key", ["celeba", "ffhq"])
def test_where_images_are_held_changes_no_batch(workplace, key):
    """Images of one size, and of Eq. (28)'s many."""
    make_set("ffhq", images=8, size_px=64, degradation=RealDegradation(kind="eq28", seed=0))
    pairs = Pairs(paths.paired_folder("degrade", key), paths.paired_folder("resize", key))
    options = small("agrnet", steps=6).train
    found = {}
    for where, device in (("device", "cuda"), ("host", "cuda"), ("disk", "cuda"), ("host", "cpu")):
        store = ImageStore(pairs, range(8), where, torch.device(device))
        batches = Batches(store, 0, options, Compute(options, torch.device(device)).world)
        found[where, device] = [[part.input.cpu(), part.hr.cpu()] for (part,) in batches.run(0, 6)]
    for (_, device), made in found.items():
        # From bytes to floats a GPU multiplies and adds in one step, with one rounding where a CPU has two.
        tolerance = 0 if device == "cuda" else 1e-6
        for ours, first in zip(made, found["device", "cuda"], strict=True):
            for a, b in zip(ours, first, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def test_too_little_memory_is_said(workplace):
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        with pytest.raises(TrainingStopped, match="memory is not enough for this training"):
            train_network("large", small("agrnet", batch_size=4096), [0])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("form", FORMS_OF_OURS)
@pytest.mark.parametrize(("precision", "levels"), [("fp32", 1), ("bf16", 12)])
def test_restored_images_are_the_cpus(form, precision, levels):
    torch.manual_seed(0)
    batch = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    net = FORMS_OF_OURS[form]()
    on_cpu = applied(net, torch.device("cpu"))(batch)
    on_gpu = applied(net, torch.device("cuda"), precision)(batch)
    assert np.abs(on_gpu.astype(int) - on_cpu).max() <= levels


def test_batches_are_halved_where_the_gpu_is_full():
    torch.manual_seed(0)
    restore = applied(FORMS_OF_OURS["agrnet"](), torch.device("cuda"))
    images = list(np.random.default_rng(0).integers(0, 256, (64, 128, 128, 3), np.uint8))
    expected = np.concatenate([restore(np.stack(images[at : at + 4])) for at in range(0, 64, 4)])
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    share = (torch.cuda.memory_reserved() + 300e6) / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(share)
    try:
        found, batches = {}, FittingBatches(restore, 64)
        batches(images, found.__setitem__)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert batches.size < 64
    restored = np.stack([found[number] for number in range(64)])
    assert np.abs(restored.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("form", ["hr_whole", "agrnet_whole"])
def test_a_photo_is_restored_as_on_a_cpu(tmp_path, form):
    pytest.importorskip("imagehash", reason="the detectors' module measures likeness with it")
    weights = model_folder(tmp_path / "models" / form, form)
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.fromarray(crowd(3, 2, 160, seed=number)).save(tmp_path / f"in/{number}.png")
    made = {}
    for device in ("cuda", "cpu"):
        given = [str(tmp_path / "in"), "-o", str(tmp_path / device), "--weights", str(weights), "--force"]
        assert cli.main([*given, "--device", device, "--timing"]) == 0
        files = sorted((tmp_path / device).glob("*.png"))
        made[device] = np.stack([np.asarray(Image.open(file)) for file in files]).astype(int)
    assert np.abs(made["cuda"] - made["cpu"]).max() <= 2
    assert (made["cuda"] != np.stack([crowd(3, 2, 160, seed=n) for n in range(3)])).any()
