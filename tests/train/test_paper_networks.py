"""Every network of Tables 4 to 7 differs from AGRNet or AGRNet-HR in what its column says, and in nothing else."""

import copy
from functools import lru_cache
from itertools import chain

import pytest
import torch
import torch.nn.functional as F
from tests_root import ROOT
from torch import nn

from pipeline.infer.count import count_parameters
from pipeline.losses.composite import perceptual
from pipeline.losses.composite import terms as losses
from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.losses.composite.perceptual import PerceptualLoss, VGGFeatures
from pipeline.losses.composite.terms import LossWeights, adversarial_d, composite_loss, downsample_pyramid
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.networks.units.acon import MetaAconC
from pipeline.params.file import parse
from pipeline.params.recipe import Network, make_recipe
from pipeline.store.paths import TASKS
from pipeline.train.batches import Part
from pipeline.train.compute import Compute
from pipeline.train.run import build_trainer

# Those of its tables; `restore` and `quarter` train two networks for use.
PROFILES = sorted({file.stem for file in (ROOT / "profiles").glob("*.yaml")} - {"restore", "quarter", "fair"})

COLUMNS = {  # of the paper's tables, left to right
    "table_4": ["agrnet_baseline", "agrnet_acon", "agrnet_gam", "agrnet"],
    "table_5": ["agrnet_arus_7", "agrnet_arus_8", "agrnet_arus_9", "agrnet", "agrnet_arus_11", "agrnet_arus_12"],
    "table_6": ["hr_baseline", "hr_md", "hr_clf", "hr"],
    "table_7": ["hr_without_px", "hr_without_adv", "hr_without_fm", "hr_without_pc", "hr"],
}
TABLE_4 = {  # changes in the network, and the parts that go: meta-ACON-C, attention branch
    "agrnet_baseline": ({"activation": "relu", "attention": False}, ("acon", "attention")),
    "agrnet_acon": ({"attention": False}, ("attention",)),
    "agrnet_gam": ({"activation": "relu"}, ("acon",)),
}
TABLE_5 = {7: 10.74, 8: 11.39, 9: 12.03, 10: 12.68, 11: 13.33, 12: 13.97}  # ARUs of the FEM: million parameters
HR = {  # Tables 6 and 7: discriminators; lambda of L_px, L_adv, L_fm, L_pc; norm of L_px
    "hr": (3, (100, 1, 10, 1), "l1"),
    "hr_baseline": (1, (100, 1, 0, 0), "l2"),
    "hr_md": (3, (100, 1, 0, 0), "l2"),
    "hr_clf": (1, (100, 1, 10, 1), "l1"),
    "hr_without_px": (3, (0, 1, 10, 1), "l1"),
    "hr_without_adv": (3, (100, 0, 10, 1), "l1"),
    "hr_without_fm": (3, (100, 1, 0, 1), "l1"),
    "hr_without_pc": (3, (100, 1, 10, 0), "l1"),
}
TERMS = ("px", "adv", "fm", "pc")
# The paper's but in the demo, whose fifty steps are for looking at: half of the pixels' and four times the perceptual share.
SHARES = {"demo": (0.5, 1, 1, 4)}
WITHOUT_ONE = {name: name.removeprefix("hr_without_") for name in COLUMNS["table_7"] if name != "hr"}
ARUS = {f"agrnet_arus_{n}": n for n in TABLE_5 if n != 10}
OURS = sorted({name for names in COLUMNS.values() for name in names})

SIDE_PX = 136  # the coarsest scale has 34 px: the least that halves, and that four stride-2 layers can judge
BATCH = 2
VGG19_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # torchvision's numbers up to relu5_1


@lru_cache
def params(profile):
    return parse(ROOT / "profiles" / f"{profile}.yaml")


def changes(name):
    """Expected: dotted key -> value, of what the entry changes in the sections that it names."""
    if name in TABLE_4:
        return {f"model.{key}": value for key, value in TABLE_4[name][0].items()}
    if name in ARUS:
        return {"model.num_arus": ARUS[name]}
    if name in HR:
        full, own = (
            {"loss.discriminators": scales, **dict(zip([f"loss.{term}" for term in TERMS], lambdas, strict=True))}
            | {"loss.px_norm": norm}
            for scales, lambdas, norm in (HR["hr"], HR[name])
        )
        return {key: value for key, value in own.items() if value != full[key]}
    return {}


def flat(recipe):
    return {f"{outer}.{key}": value for outer, inner in recipe.params.items() for key, value in inner.items()}


@lru_cache
def network(kind, arguments):
    with torch.device("meta"):  # structure without memory
        return kind(**dict(arguments))


def generator(profile, name):
    kind = AGRNetHR if name in HR else AGRNet
    return network(kind, tuple(params(profile).recipe(name).network.model_dump().items()))


@lru_cache
def discriminator(*arguments):
    return MultiScaleDiscriminator(*arguments)  # spectral norm is slower on the meta device than on the CPU


def judges(profile, name):
    loss = params(profile).recipe(name).criterion
    return discriminator(loss.discriminators, loss.discriminator_width, loss.discriminator_layers)


def shapes(net):
    return {key: tuple(value.shape) for key, value in net.state_dict().items()}


@pytest.mark.parametrize("profile", PROFILES)
def test_tables_4_to_7_hold_all_of_our_networks_and_no_other(profile):
    given = params(profile)
    columns = {key: [column.network for column in given.report.tables[key].columns] for key in COLUMNS}
    assert columns == COLUMNS
    assert sorted(name for name, entry in given.networks.items() if entry.model in TASKS.values()) == OURS


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("profile", PROFILES)
def test_an_entry_changes_what_its_column_says(profile, name):
    given = params(profile)
    words = model, task, loss = ("agrnet_hr", "blind", "composite") if name in HR else ("agrnet", "x8", "pixel")
    entry = given.networks[name]
    assert (entry.model, entry.task, entry.loss) == words
    plain = Network(model=model, task=task, loss=loss)
    sections = given.models[model], getattr(given.tasks, task), given.losses[loss]
    base, own = flat(make_recipe("plain", plain, *sections)), flat(given.recipe(name))
    assert {key: value for key, value in own.items() if value != base[key]} == changes(name)
    assert own.keys() == base.keys()


@pytest.mark.parametrize("name", TABLE_4)
@pytest.mark.parametrize("profile", PROFILES)
def test_table_4_takes_whole_parts_out(profile, name):
    whole = generator(profile, "agrnet")
    parts = {
        "acon": [path for path, module in whole.named_modules() if isinstance(module, MetaAconC)],
        "attention": [path for path, _ in whole.named_modules() if path.endswith(".attention")],
    }
    units = 3 + 10 + 3
    assert (len(parts["acon"]), len(parts["attention"])) == (2 * units, units)
    gone = tuple(f"{path}." for part in TABLE_4[name][1] for path in parts[part])
    own = generator(profile, name)
    assert shapes(own) == {key: shape for key, shape in shapes(whole).items() if not key.startswith(gone)}
    removed = sum(value.numel() for key, value in whole.named_parameters() if key.startswith(gone))
    assert count_parameters(own) == count_parameters(whole) - removed < count_parameters(whole)


@pytest.mark.parametrize("name", ARUS)
@pytest.mark.parametrize("profile", PROFILES)
def test_table_5_changes_the_length_of_the_fem(profile, name):
    whole, own = generator(profile, "agrnet"), generator(profile, name)
    assert (len(whole.fem), len(own.fem)) == (10, ARUS[name])
    outside, own_outside = (
        {key: shape for key, shape in shapes(net).items() if not key.startswith("fem.")} for net in (whole, own)
    )
    assert own_outside == outside
    assert all(shapes(unit) == shapes(whole.fem[0]) for unit in (*own.fem, *whole.fem))
    per_unit = count_parameters(whole.fem[0])
    assert count_parameters(own) - count_parameters(whole) == (ARUS[name] - 10) * per_unit


def test_the_paper_profile_has_the_parameters_of_table_5():
    by_arus = {10: "agrnet", **{arus: name for name, arus in ARUS.items()}}
    counts = {arus: count_parameters(generator("paper", by_arus[arus])) / 1e6 for arus in TABLE_5}
    assert {arus: round(count, 2) for arus, count in counts.items()} == TABLE_5
    assert [round(counts[n + 1] - counts[n], 4) for n in range(7, 12)] == [0.6457] * 5


@pytest.mark.parametrize("name", HR)
@pytest.mark.parametrize("profile", PROFILES)
def test_tables_6_and_7_have_one_generator_and_their_discriminators(profile, name):
    assert shapes(generator(profile, name)) == shapes(generator(profile, "hr"))
    own, whole = (judges(profile, each) for each in (name, "hr"))
    assert (len(own.D), len(whole.D)) == (HR[name][0], 3)
    assert all(shapes(D_k) == shapes(whole.D[-1]) for D_k in (*own.D, *whole.D))


def test_a_single_discriminator_judges_the_final_scale():
    torch.manual_seed(0)
    D = MultiScaleDiscriminator(scales=1, width=4, layers=2).eval()
    images = [torch.rand(BATCH, 3, side, side) for side in (16, 32, 64)]
    scores, features = D(images)
    assert (len(scores), len(features)) == (1, 1)
    assert torch.equal(scores[0], D.D[0](images[-1])[0])


@pytest.mark.parametrize("name", HR)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_lambdas_are_those_of_the_table(profile, name):
    loss, (_, lambdas, px_norm) = params(profile).recipe(name).criterion, HR[name]
    shares = SHARES.get(profile, (1, 1, 1, 1))
    assert [getattr(loss, term) for term in TERMS] == [a * b for a, b in zip(lambdas, shares, strict=True)]
    assert loss.px_norm == px_norm


def weights(name):
    loss = params("paper").recipe(name).criterion
    return LossWeights(loss.px, loss.adv, loss.fm, loss.pc, loss.px_norm)


@lru_cache
def narrow_discriminators(scales):
    """The paper profile's, of 4 channels; D_1, D_2, D_3 are the same whatever `scales`, which keeps the last ones."""
    torch.manual_seed(1)
    layers = params("paper").recipe("hr").criterion.discriminator_layers
    whole = MultiScaleDiscriminator(3, width=4, layers=layers).double().eval()  # eval: spectral norm stands still
    whole.D = whole.D[-scales:]
    return whole


@pytest.fixture(scope="module")
def narrow_vgg():
    """VGG19 up to relu5_1 with a few channels and random weights."""
    with pytest.MonkeyPatch.context() as patch:
        layers = {number: (4 if number else 3, 4, 3) for number in perceptual.CONV_LAYERS["vgg19"]}
        patch.setitem(perceptual.CONV_LAYERS, "vgg19", layers)
        torch.manual_seed(2)
        state = {}
        for index in VGG19_CONVOLUTIONS:
            convolution = nn.Conv2d(4 if index else 3, 4, 3)
            state |= {f"features.{index}.{key}": value for key, value in convolution.state_dict().items()}
        return VGGFeatures("vgg19", state).double()


@pytest.fixture(scope="module")
def faces():
    """Three SR images from a narrow generator as leaves of the graph, and HR; float64, for differences of gradients."""
    torch.manual_seed(0)
    G = AGRNetHR(num_arus=1, widths=(4, 4, 4, 8)).double()
    hr = torch.rand(BATCH, 3, SIDE_PX, SIDE_PX, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        sr = G(hr.flip(3))
    assert [image.shape[-1] for image in sr] == [SIDE_PX // 4, SIDE_PX // 2, SIDE_PX]
    return [image.requires_grad_() for image in sr], hr


def views(D, sr, hr):
    """What the discriminators give to the generator's loss."""
    fake_scores, fake_features = D(sr)
    _, real_features = D(downsample_pyramid(hr, len(D.D)))
    return {"fake_scores": fake_scores, "fake_features": fake_features, "real_features": real_features}


def by_hand(name, term, sr, hr, vgg):
    """One term of Eq. (26) with its lambda, from its equation."""
    scales, lambdas, norm = HR[name]
    if term == "px":  # Eq. (20), or Table 6's L2
        value = (sr[-1] - hr).abs().mean() if norm == "l1" else (sr[-1] - hr).square().mean()
    elif term == "adv":  # Eq. (22)
        value = -sum(score.mean() for score in narrow_discriminators(scales)(sr)[0])
    elif term == "fm":  # Eq. (24)
        given = views(narrow_discriminators(scales), sr, hr)
        fake, real = (chain.from_iterable(given[key]) for key in ("fake_features", "real_features"))
        value = sum((a - b.detach()).abs().mean() for a, b in zip(fake, real, strict=True))
    else:  # Eq. (25)
        value = sum((a - b).abs().mean() for a, b in zip(vgg(sr[-1]), vgg(hr), strict=True))
    return lambdas[TERMS.index(term)] * value


def total(name, sr, hr, vgg):
    return composite_loss(
        weights(name), sr, hr, perceptual=PerceptualLoss(vgg), **views(narrow_discriminators(HR[name][0]), sr, hr)
    )


def gradients(loss, sr):
    """With respect to each SR image; zeros where the loss does not see it."""
    found = torch.autograd.grad(loss, sr, allow_unused=True)
    return [torch.zeros_like(image) if grad is None else grad for image, grad in zip(sr, found, strict=True)]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", HR)
def test_the_loss_is_the_sum_of_its_terms_in_value_and_gradient(name, faces, narrow_vgg):
    sr, hr = faces
    loss, terms = total(name, sr, hr, narrow_vgg)
    kept = [term for term, weight in zip(TERMS, HR[name][1], strict=True) if weight]
    assert list(terms) == kept
    each = [by_hand(name, term, sr, hr, narrow_vgg) for term in kept]
    torch.testing.assert_close(loss, sum(each))
    alone = [gradients(value, sr) for value in each]
    assert all(max(grad.abs().max() for grad in grads) > 0 for grads in alone)
    assert_same(gradients(loss, sr), [sum(grads) for grads in zip(*alone, strict=True)])


@pytest.mark.parametrize("name", WITHOUT_ONE)
def test_removing_a_loss_removes_its_gradient_alone(name, faces, narrow_vgg):
    sr, hr = faces
    whole, own = (gradients(total(each, sr, hr, narrow_vgg)[0], sr) for each in ("hr", name))
    removed = gradients(by_hand("hr", WITHOUT_ONE[name], sr, hr, narrow_vgg), sr)
    assert max(grad.abs().max() for grad in removed) > 0
    assert_same([a - b for a, b in zip(whole, own, strict=True)], removed)


@pytest.mark.parametrize(("one", "three"), [("hr_baseline", "hr_md"), ("hr_clf", "hr")])
def test_more_discriminators_change_the_gradient_at_the_smaller_scales_alone(one, three, faces, narrow_vgg):
    sr, hr = faces
    before, after = (gradients(total(name, sr, hr, narrow_vgg)[0], sr) for name in (one, three))
    assert [bool(grad.abs().max() > 0) for grad in before] == [False, False, True]
    assert [bool(grad.abs().max() > 0) for grad in after] == [True, True, True]
    assert_same(after[-1:], before[-1:])


@pytest.mark.parametrize("name", HR)
def test_the_summands_of_each_term_are_counted(name, faces, narrow_vgg):
    """Inputs that make every summand 1 make a term the number of its summands."""
    scales, lambdas, _ = HR[name]
    _, hr = faces
    sr = [image + 1 for image in downsample_pyramid(hr, 3)]
    real = narrow_discriminators(scales)(downsample_pyramid(hr, scales))[1]
    given = {
        "fake_scores": [torch.ones(BATCH, 1, 2, 2)] * scales,
        "fake_features": [[feature + 1 for feature in features] for features in real],
        "real_features": real,
        "perceptual": PerceptualLoss(_Means(narrow_vgg)),
    }
    layers = params("paper").recipe(name).criterion.discriminator_layers + 1
    counts = {"px": 1, "adv": -scales, "fm": scales * layers, "pc": 5}  # Eq. (20), (22), (24), (25)
    loss, terms = composite_loss(weights(name), sr, hr, **given)
    kept = {term: float(counts[term]) for term, weight in zip(TERMS, lambdas, strict=True) if weight}
    assert {term: value.item() for term, value in terms.items()} == pytest.approx(kept)
    expected = sum(weight * counts[term] for term, weight in zip(TERMS, lambdas, strict=True))
    assert loss.item() == pytest.approx(expected)


class _Means(nn.Module):
    """Features as many and as large as the network's, each filled with the image's mean."""

    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, image):
        return [torch.full_like(feature, image.mean().item()) for feature in self.features(image)]


@pytest.mark.parametrize("scales", [1, 3])
def test_the_summands_of_the_discriminators_loss_are_counted(scales):
    scores = [torch.zeros(BATCH, 1, 2, 2)] * scales
    assert adversarial_d(scores, scores).item() == 2 * scales  # Eq. (23): a real and a fake one of 1 per scale


def test_terms_of_weight_zero_are_not_computed(faces, monkeypatch):
    def refuse(*_):
        raise AssertionError("computed in spite of its weight of 0")

    functions = {"adv": "adversarial_g", "fm": "feature_matching"}
    sr, hr = faces
    for name, (scales, lambdas, norm) in HR.items():
        off = [term for term, weight in zip(TERMS, lambdas, strict=True) if not weight]
        given = {**views(narrow_discriminators(scales), sr, hr), "perceptual": lambda a, b: (a - b).abs().mean()}
        with monkeypatch.context() as patch:
            for term in off:
                if term in functions:
                    patch.setattr(losses, functions[term], refuse)
                elif term == "pc":
                    given["perceptual"] = refuse
                else:
                    patch.setitem(losses.NORMS, norm, refuse)
            _, terms = composite_loss(weights(name), sr, hr, **given)
        assert set(terms) == set(TERMS) - set(off)


def narrow_trainer(name):
    """The paper profile's network, few channels wide; without the perceptual network."""
    own = params("paper").recipe(name)
    narrow = {"train": {"precision": "fp32"}, "network": {"width": 8, "head_width": 4}}
    if name in HR:
        narrow["network"] = {"num_arus": 1, "widths": (4, 4, 4, 8)}
        narrow["criterion"] = {"discriminator_width": 4, "discriminator_layers": 2, "pc": 0.0}
    own = own.model_copy(
        update={section: getattr(own, section).model_copy(update=values) for section, values in narrow.items()}
    )
    return build_trainer(own, Compute(own.train, torch.device("cpu")))


def after_one_step(name):
    torch.manual_seed(0)
    trainer = narrow_trainer(name)
    before = copy.deepcopy(trainer.loss.D)
    torch.manual_seed(3)
    terms = trainer.step([Part(*(torch.rand(BATCH, 3, 48, 48) * 2 - 1 for _ in range(2)))])
    return before, trainer.loss.D, terms


@pytest.mark.parametrize("name", HR)
def test_discriminators_learn_in_every_network(name):
    before, after, terms = after_one_step(name)
    assert len(after.D) == HR[name][0]
    for (key, old), new in zip(before.named_parameters(), after.parameters(), strict=True):
        # Within the hinge's margin a real and a fake patch pull the score's bias by as much to either side.
        assert key.endswith("score.bias") or not torch.equal(old, new), key
    assert set(terms) == {"loss", "d", *(t for t, w in zip(TERMS, HR[name][1], strict=True) if w and t != "pc")}


def test_discriminators_learn_the_same_without_lambda_adv():
    """L_fm looks through them, and L_D, Eq. (27), has no lambda."""
    (_, with_adv, terms), (_, without, others) = (after_one_step(name) for name in ("hr", "hr_without_adv"))
    torch.testing.assert_close(others["d"], terms["d"])
    for ours, theirs in zip(without.parameters(), with_adv.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["agrnet", *TABLE_4, "agrnet_arus_7"])
def test_tables_4_and_5_train_by_eq_15_alone(name):
    torch.manual_seed(0)
    trainer = narrow_trainer(name)
    lr_up, hr = (torch.rand(BATCH, 3, 16, 16) * 2 - 1 for _ in range(2))
    expected = F.mse_loss(copy.deepcopy(trainer.net)(lr_up), hr)
    terms = trainer.step([Part(lr_up, hr)])
    assert list(terms) == ["loss"]
    torch.testing.assert_close(terms["loss"], expected.detach())
