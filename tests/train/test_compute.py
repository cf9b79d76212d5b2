"""How a network is computed changes its numbers by rounding alone: a step in every way against the plain one."""

import shutil
from importlib.util import find_spec

import pytest
import torch
from tests_root import ROOT

from pipeline.params.file import parse
from pipeline.params.recipe import Recipe
from pipeline.params.tasks import TrainParams
from pipeline.runtime import device
from pipeline.runtime.device import check_compiler, use_precision
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.run import build_trainer

CPU = torch.device("cpu")
DEMO = parse(ROOT / "profiles/demo.yaml")
PLAIN = {"channels_last": False, "faster_forms": False}
SIZE = 32
pytestmark = pytest.mark.middle


def small(name, norm="batch", **changes) -> Recipe:
    """The demo's network `name`, a few channels wide. changes: keys of its training."""
    own = DEMO.recipe(name)
    sizes = {"num_arus": 1} | (
        {"width": 8, "head_width": 4} if name == "agrnet" else {"widths": (4, 8, 8, 8), "norm": norm}
    )
    options = own.train.model_dump() | {"batch_size": 4, "steps": 2} | PLAIN | changes
    narrow = {"discriminator_layers": 1, "discriminator_width": 4, "pc": 0.0} if own.loss == "composite" else {}
    return own.model_copy(
        update={
            "network": own.network.model_copy(update=sizes),
            "train": TrainParams.model_validate(options),
            "criterion": own.criterion.model_copy(update=narrow),
        }
    )


def in_parts(images, parts):
    """A batch (2, N, 3, H, W), inputs and HR, as the trainer takes it."""
    return [Part(*pair) for pair in zip(images[0].chunk(parts), images[1].chunk(parts), strict=True)]


def after_two_steps(name, parts=1, **changes):
    """(losses of both steps, the network's state): the second step shows what the first did to weights and statistics."""
    torch.manual_seed(0)
    recipe = small(name, **changes)
    trainer = build_trainer(recipe, Compute(recipe.train, CPU))
    found = []
    for seed in (1, 2):
        images = (
            torch.rand(2, 4, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(seed)).permute(0, 1, 4, 2, 3) * 2
            - 1
        )
        found.append(trainer.step(in_parts(images, parts)))
    return found, trainer.net.state_dict()


def assert_near(found, expected, **tolerance):
    for ours, theirs in zip(found[0], expected[0], strict=True):
        assert ours.keys() == theirs.keys()
        for term in ours:
            torch.testing.assert_close(
                ours[term].float(), theirs[term].float(), **tolerance, msg=lambda m, t=term: f"{t}: {m}"
            )
    assert list(found[1]) == list(expected[1])


@pytest.mark.parametrize("name", ["agrnet", "hr"])
@pytest.mark.parametrize(
    "change", [{"channels_last": True}, {"faster_forms": True}, {"channels_last": True, "faster_forms": True}]
)
def test_layout_and_faster_forms_change_the_last_digits_alone(name, change):
    assert_near(after_two_steps(name, **change), after_two_steps(name), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["agrnet", "hr"])
@pytest.mark.parametrize("forms", [False, True])
def test_activations_computed_again_change_nothing(name, forms):
    kept, again = (after_two_steps(name, faster_forms=forms, recompute=recompute) for recompute in (False, True))
    for ours, theirs in zip(again[0], kept[0], strict=True):
        assert all(torch.equal(ours[term], theirs[term]) for term in theirs)
    assert all(torch.equal(again[1][key], kept[1][key]) for key in kept[1])


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_bfloat16_keeps_parameters_and_losses_in_float32(name):
    found, state = after_two_steps(name, precision="bf16")
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}
    assert {value.dtype for terms in found for value in terms.values()} == {torch.float32}
    expected, _ = after_two_steps(name)
    for term, value in found[0].items():
        torch.testing.assert_close(value, expected[0][term], rtol=0.1, atol=0.05, msg=lambda m, t=term: f"{t}: {m}")


def test_parts_of_a_batch_add_up_where_no_norm_looks_at_the_batch():
    whole = after_two_steps("hr", norm="instance")
    parts = after_two_steps("hr", norm="instance", accumulate=2, parts=2)
    # D's spectral normalisation takes a step of its power iteration for each part, so its second scores differ a little.
    for term in ("px", "loss"):
        torch.testing.assert_close(parts[0][0][term], whole[0][0][term], rtol=0.05, atol=1e-3)
    torch.testing.assert_close(parts[0][0]["px"], whole[0][0]["px"], rtol=1e-5, atol=1e-6)


def test_parts_of_a_batch_give_the_gradient_of_the_whole():
    gradients = {}
    for parts in (1, 2):
        torch.manual_seed(0)
        recipe = small("agrnet", accumulate=parts)
        trainer = build_trainer(recipe, Compute(recipe.train, CPU))
        trainer.net.eval()  # batch norm by its running statistics: nothing but the sum differs
        images = torch.rand(2, 4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1
        trainer._adam.step = lambda: None
        trainer.step(in_parts(images, parts))
        gradients[parts] = [p.grad for p in trainer.net.parameters()]
    for two, one in zip(gradients[2], gradients[1], strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6)


def test_batch_norm_needs_two_images_in_a_part():
    recipe = small("agrnet", accumulate=4)
    with pytest.raises(ValueError, match="batch_size divided by accumulate is 1"):
        build_trainer(recipe, Compute(recipe.train, CPU))


def test_tf32_without_a_gpu_is_an_error():
    with pytest.raises(RuntimeError, match="precision: tf32 is a GPU's"):
        use_precision("tf32", CPU)


def test_a_recorded_step_without_a_gpu_is_an_error():
    with pytest.raises(RuntimeError, match="cuda_graph: true is a GPU's"):
        Compute(small("agrnet", cuda_graph=True).train, CPU)


@pytest.mark.parametrize(("precision", "block"), [("fp32", 1), ("tf32", 8), ("bf16", 8)])
def test_channels_are_filled_up_where_matrix_units_compute(precision, block):
    options = small("agrnet", precision=precision).train
    assert Compute(options, torch.device("cuda")).block == block
    if precision != "tf32":
        assert Compute(options, CPU).block == 1


def test_fp32_switches_tf32_off_and_others_on():
    for precision, allowed in (("bf16", True), ("fp32", False)):
        use_precision(precision, CPU)
        assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is allowed


def test_compile_without_a_compiler_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"compile: true needs the compiler g\+\+, which is not here"):
        Compute(small("agrnet", compile=True).train, CPU)
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="gcc and the package triton"):
        check_compiler(torch.device("cuda"))


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++") or not find_spec("torch._inductor"), reason="no compiler")
def test_a_compiled_network_trains_as_the_plain_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    assert_near(after_two_steps("agrnet", compile=True), after_two_steps("agrnet"), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 6, "processes": 4}, "batch_size 6 cannot be split over processes 4"),
        ({"processes": 2, "cuda_graph": True}, "a step over several processes is not recorded"),
        ({"save_every_steps": 75}, "save_every_steps 75 is no multiple of log_every_steps 50"),
        ({"weights": "best"}, "give validation_images"),
    ],
)
def test_options_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainParams(**{"steps": 1, "batch_size": 4, "learning_rate": 1.0, "betas": (0.9, 0.99)} | changes)
