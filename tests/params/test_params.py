"""params.yaml's schema, and every shipped profile against it."""

import inspect

import pytest
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.networks.build import peer_class
from pipeline.params.file import ParamsError, load, parse
from pipeline.params.models import PEER_NETWORKS

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))


def edited(tmp_path, edit):
    values = YAML(typ="safe").load(ROOT / "profiles/demo.yaml")
    edit(values)
    path = tmp_path / "params.yaml"
    YAML().dump(values, path)
    return path


def test_the_four_profiles_ship():
    assert {file.stem for file in PROFILES} == {"demo", "cpu", "gpu", "paper"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_profile_is_valid_and_names_itself(profile):
    params = parse(profile)
    assert params.profile == profile.stem
    shown = {column.variant for table in params.report.tables.values() for column in table.columns if column.variant}
    assert shown - {"bicubic"} <= set(params.networks)
    assert set(params.report.tables) == {f"table_{n}" for n in range(2, 8)}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_profile_holds_every_variant_of_tables_4_to_7(profile):
    params = parse(profile)
    arus = {params.variant(name).network.num_arus for name in params.variants if name.startswith("agrnet")}
    assert arus == {7, 8, 9, 10, 11, 12}
    baseline = params.variant("agrnet_baseline").network
    assert (baseline.activation, baseline.attention) == ("relu", False)
    assert (params.variant("agrnet_acon").network.activation, params.variant("agrnet_acon").network.attention) == (
        "meta_acon",
        False,
    )
    assert params.variant("agrnet_gam").network.attention
    assert params.variant("agrnet_gam").network.activation == "relu"
    losses = {name: params.variant(name).loss for name in params.variants if name.startswith("hr")}
    assert (losses["hr_baseline"].px_norm, losses["hr_baseline"].fm, losses["hr_baseline"].pc) == ("l2", 0, 0)
    assert losses["hr_baseline"] == losses["hr_md"]
    assert losses["hr_clf"] == losses["hr"]
    scales = {name: params.variant(name).discriminator.scales for name in losses}
    assert (scales["hr_baseline"], scales["hr_md"], scales["hr_clf"], scales["hr"]) == (1, 3, 1, 3)
    for term in ("px", "adv", "fm", "pc"):
        without = losses[f"hr_without_{term}"]
        assert without == losses["hr"].model_copy(update={term: 0.0})


def test_paper_profile_is_section_4_1():
    params = parse(ROOT / "profiles/paper.yaml")
    agrnet, hr = params.models.agrnet.train, params.models.agrnet_hr.train
    assert (agrnet.batch_size, agrnet.learning_rate, agrnet.betas) == (64, 2e-4, (0.9, 0.99))
    assert (hr.batch_size, hr.learning_rate, hr.discriminator_learning_rate, hr.betas) == (2, 1e-4, 4e-4, (0.5, 0.99))
    loss = params.models.agrnet_hr.loss
    assert (loss.px, loss.adv, loss.fm, loss.pc, loss.perceptual_trunk) == (100, 1, 10, 1, "vgg19")
    assert (params.data.celeba.resize.size_px, params.data.celeba.degrade.lr_px) == (128, 16)
    assert {params.data.ffhq.resize.size_px, params.data.celebahq.resize.size_px, params.data.real.resize.size_px} == {
        512
    }
    eq28 = params.data.ffhq.degrade
    assert (eq28.blur_px.low, eq28.blur_px.high, eq28.motion_px.low, eq28.motion_px.high) == (3, 15, 5, 25)
    assert (eq28.lr_side_px.low, eq28.lr_side_px.high, eq28.noise_levels.high) == (32, 128, 25)
    assert (eq28.compression.low, eq28.compression.high) == (60, 85)
    assert (eq28.blur_probability, eq28.noise_probability, eq28.jpeg_probability) == (1, 1, 1)


def test_params_yaml_is_the_demo_profile():
    # The committed dvc.lock is the demo's; another profile is put in place by `make profile`.
    assert (ROOT / "params.yaml").read_bytes() == (ROOT / "profiles/demo.yaml").read_bytes()


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda p: p["data"]["celeba"]["crop"].update(margn=1.2), "data.celeba.crop.margn"),
        (lambda p: p["models"]["agrnet"]["train"].update(batch_size=0), "models.agrnet.train.batch_size"),
        (lambda p: p["models"]["agrnet"]["train"].update(epochs=3), "steps or as epochs"),
        (lambda p: p["models"]["agrnet"]["train"].update(log_every_steps=30), "no multiple of log_every_steps"),
        (lambda p: p["variants"]["agrnet_gam"]["changes"]["network"].update(atention=True), "variants.agrnet_gam"),
        (lambda p: p["variants"]["hr"].update(changes={"optimiser": {}}), "variants.hr.changes.optimiser"),
        (lambda p: p["variants"].update({"Bad-Name": {"model": "agrnet"}}), "Bad-Name"),
        (lambda p: p["variants"].update(bicubic={"model": "agrnet"}), "bicubic"),
        (lambda p: p.update(seeds=[1, 1]), "seeds"),
        (lambda p: p["data"]["ffhq"].update(split="test"), "data.ffhq"),
        (lambda p: p["data"]["ffhq"]["degrade"].update(noise_levels={"low": 9, "high": 1}), "noise_levels"),
    ],
)
def test_an_error_names_the_key(tmp_path, edit, named):
    with pytest.raises(ParamsError, match=named):
        parse(edited(tmp_path, edit))


def test_a_stage_gets_only_what_it_asked_for():
    path = ROOT / "profiles/demo.yaml"
    crop, model = load(("data.{key}.crop", "models.{model}"), path, key="celeba", model="agrnet")
    assert crop.mode == "box"
    assert model.network.num_arus == 10
    (model,) = load(("models.{model}",), path, key="hr_md")
    assert model.loss.px == 100
    with pytest.raises(ParamsError, match=r"data\.nowhere"):
        load(("data.nowhere",), path)


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ParamsError, match="make profile"):
        parse(tmp_path / "params.yaml")


def nested(path, value):
    """An edit that sets the value at a dotted path; a list index is a number."""

    def edit(values):
        *way, last = path.split(".")
        for step in way:
            values = values[int(step)] if step.isdigit() else values.setdefault(step, {})
        values[last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.celebahq.degrade.variants", 2, "a test set has one low-resolution image per face"),
        ("data.helen.filter.leak", {"action": "flag", "bits": 40}, "the rule is about training sets"),
        ("data.helen.crop.detector", "yunet", "name its .onnx file under pretrained.yunet"),
        ("data.helen.crop.detector", "given", "name a file under `boxes`"),
        ("data.celeba.filter.side_px", {"action": "remove"}, "give over or under"),
        ("data.celeba.filter.side_px", {"action": "remove", "over": 1, "kinds": ["celebb"]}, "seen: 'celebb'"),
        ("data.celeba.filter.near_duplicate", {"action": "flag", "bits": 257}, "less than or equal to 256"),
        ("data.ffhq.degrade.lr_side_px", {"low": 0, "high": 128}, "1 to 512, the HR side, is possible"),
        ("data.ffhq.degrade.compression", {"low": 60, "high": 85.5}, "whole numbers up to 100"),
        ("data.ffhq.degrade.noise_levels", {"low": -1, "high": 5}, "greater than or equal to 0"),
        ("data.ffhq.degrade.seed", -1, "greater than or equal to 0"),
        ("data.ffhq.degrade.preset", "gfpgan", "'paper' or 'sparnethd'"),
        ("peers.dic.sets", "agrnet_hr", "dic has no form for agrnet_hr's sets"),
        ("peers.dic.network.widht", 8, r"peers\.dic\.network does not fit: widht"),
        (
            "peers.dic.loss",
            {"frequency_weight": 1},
            r"peers\.dic\.loss does not fit its criterion dic: frequency_weight",
        ),
        ("peers.swinir.train.learning_rate", 0, r"peers\.swinir\.train does not fit: learning_rate"),
        ("peers.swinir.model", "wfen", "'mambair'"),
        ("peers.agrnet", {"model": "dic", "sets": "agrnet"}, r"peers\.agrnet: variants has that name too"),
        ("peers.bicubic", {"model": "dic", "sets": "agrnet"}, r"peers\.bicubic: the names"),
        ("peers.sparnethd.discriminator", None, r"peers\.sparnethd is trained with Eq\. \(26\)"),
        ("peers.swinir.weights", {"path": "a.pth", "sha256": "abc"}, "should match pattern"),
        ("peer_loss", "theirs", "'own' or 'shared'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(tmp_path, path, value, message):
    with pytest.raises(ParamsError, match=message):
        parse(edited(tmp_path, nested(path, value)))


def test_the_paper_profile_removes_what_the_paper_removes_and_flags_the_rest():
    data = parse(ROOT / "profiles/paper.yaml").data
    removing = {
        (key, name)
        for key, rules in ((key, getattr(data, key).filter) for key in ("celeba", "helen", "ffhq", "celebahq", "real"))
        for name in type(rules).model_fields
        if getattr(rules, name).action == "remove"
    }
    assert removing - {(key, "no_face") for key in ("celeba", "helen", "ffhq", "celebahq", "real")} == {
        ("celeba", "side_px"),
        ("real", "side_px"),
    }
    assert (data.celeba.filter.side_px.over, data.real.filter.side_px.under) == (128, 128)
    assert data.real.filter.side_px.kinds == ["celeba"]
    assert {data.celeba.filter.leak.action, data.ffhq.filter.leak.action} == {"flag"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("loss", ["own", "shared"])
def test_peers_see_as_many_images_as_the_model_whose_sets_they_share(profile, loss):
    params = parse(profile).model_copy(update={"peer_loss": loss})
    assert {(entry.model, entry.sets) for entry in params.peers.values()} == set(PEER_NETWORKS)
    for name, entry in params.peers.items():
        train, of_model = params.variant(name).train, getattr(params.models, entry.sets).train
        for key in ("steps", "epochs", "batch_size", "schedule", "flip", "scale", "validation_images"):
            assert getattr(train, key) == getattr(of_model, key), (name, key)


@pytest.mark.parametrize("name", ["gpu", "paper"])
def test_peers_have_their_published_sizes(name):
    params = parse(ROOT / f"profiles/{name}.yaml")
    for peer, entry in params.peers.items():
        assert params.variant(peer).network == PEER_NETWORKS[entry.model, entry.sets]()


def test_the_schemas_defaults_are_the_networks_own():
    for (model, sets), section in PEER_NETWORKS.items():
        defaults = {
            key: parameter.default
            for key, parameter in inspect.signature(peer_class(model, sets).__init__).parameters.items()
            if key != "self"
        }
        for key, value in section().model_dump().items():
            assert defaults[key] == value, (model, sets, key)
        assert set(defaults) - set(section.model_fields) <= {"scale", "num_landmarks"}
