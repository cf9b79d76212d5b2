"""What only a GPU can show; skipped where there is none. Needs neither DVC, Ray, albumentations nor lpips."""

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
from pipeline.params.degrade import BicubicDegradation
from pipeline.params.file import parse
from pipeline.params.recipe import Recipe
from pipeline.params.tasks import TrainParams
from pipeline.store import paths
from pipeline.store.curves import read_curve
from pipeline.store.weights import weights_file
from pipeline.train.batches import Batches, Part
from pipeline.train.compute import Compute
from pipeline.train.graph import WARM_UP, Recorded
from pipeline.train.image_store import ImageStore
from pipeline.train.loop import TrainingStopped
from pipeline.train.run import build_trainer, train_network
from pipeline.train.schedule import set_rates

pytestmark = [pytest.mark.middle, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]
DEMO = parse(ROOT / "profiles/demo.yaml")
SIZE = 32
EVERY = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
PLAIN = {"channels_last": False, "faster_forms": False, "precision": "fp32"}


def small(name, **train) -> Recipe:
    """As small as GAM keeps two hidden channels: the memory format of a map with one is ambiguous, on which torch 2.11's
    compiler fails."""
    own = DEMO.recipe(name)
    sizes = {"num_arus": 1} | ({"width": 16, "head_width": 8} if name == "agrnet" else {"widths": (8, 16, 16, 16)})
    options = own.train.model_dump() | {"steps": 4, "batch_size": 4, "validation_images": 2, "threads": 0} | EVERY
    narrow = {"discriminator_layers": 1, "discriminator_width": 4, "pc": 0.0} if own.loss == "composite" else {}
    return own.model_copy(
        update={
            "network": own.network.model_copy(update=sizes),
            "train": TrainParams.model_validate(options | {"device": "cuda"} | train),
            "criterion": own.criterion.model_copy(update=narrow),
        }
    )


def losses(name, device, steps=2, **train):
    """The losses of some steps on a device, on the same images from the same weights, and the network's state."""
    torch.manual_seed(0)
    recipe = small(name, device=device, **train)
    trainer = build_trainer(recipe, Compute(recipe.train, torch.device(device)))
    trainer = Recorded(trainer) if recipe.train.cuda_graph else trainer
    found = []
    for step in range(steps):
        set_rates(trainer.optimisers, 1 - step / steps)
        images = torch.rand(2, 4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(step)) * 2 - 1
        found.append(trainer.step([Part(*images.to(device))]))
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


@pytest.mark.parametrize("name", ["agrnet", "hr"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_recorded_step_is_the_step(name, precision):
    """Eight steps, of which five are replayed, at a falling rate: other images, another loss each time."""
    eager, recorded = (losses(name, "cuda", 8, precision=precision, cuda_graph=graph) for graph in (False, True))
    tolerance = 2e-3 if precision == "fp32" else 0.05
    for ours, plain in zip(recorded[0], eager[0], strict=True):
        assert ours == pytest.approx(plain, rel=tolerance, abs=tolerance)
    assert len({terms["loss"] for terms in recorded[0]}) == 8
    for key, value in recorded[1].items():
        if not value.is_floating_point():
            assert torch.equal(value, eager[1][key]), key


def test_a_recorded_step_takes_one_shape():
    recipe = small("agrnet", cuda_graph=True)
    trainer = Recorded(build_trainer(recipe, Compute(recipe.train, torch.device("cuda"))))
    images = torch.rand(2, 4, 3, SIZE, SIZE, device="cuda")
    for _ in range(WARM_UP + 2):
        trainer.step([Part(*images)])
    with pytest.raises(ValueError, match="a recorded step takes one shape"):
        trainer.step([Part(*images[:, :2])])


@pytest.mark.parametrize("name", ["agrnet", "hr"])
@pytest.mark.parametrize("graph", [False, True])
def test_a_network_trains_and_goes_on(workplace, name, graph):
    for at, lengths in (("whole", [8]), ("parts", [4, 8])):
        for steps in lengths:
            train_network(at, small(name, steps=steps, schedule="constant", cuda_graph=graph), [0])
    whole, parts = (read_curve(paths.CURVES / at / "seed_0") for at in ("whole", "parts"))
    assert list(whole["step"]) == list(parts["step"]) == [2, 4, 6, 8]
    np.testing.assert_allclose(parts["train/loss"], whole["train/loss"], rtol=0.05)
    for at in ("whole", "parts"):
        assert load_file(weights_file(paths.MODELS / at, 0))


def test_where_images_are_held_changes_no_batch(workplace):
    pairs = Pairs(paths.paired_folder("degrade", "celeba"), paths.paired_folder("resize", "celeba"))
    options = small("agrnet", steps=6).train
    found = {}
    for where, device in (("device", "cuda"), ("host", "cuda"), ("disk", "cuda"), ("host", "cpu")):
        store = ImageStore(pairs, range(8), where, torch.device(device))
        batches = Batches(store, 0, options, Compute(options, torch.device(device)).world)
        found[where, device] = [[part.input.cpu(), part.hr.cpu()] for (part,) in batches.run(0, 6)]
    for (_, device), batches in found.items():
        # From bytes to floats a GPU multiplies and adds in one step, with one rounding where a CPU has two.
        tolerance = 0 if device == "cuda" else 1e-6
        for ours, first in zip(batches, found["device", "cuda"], strict=True):
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


@pytest.mark.parametrize("form", ["hr", "agrnet"])
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
