"""params.yaml's schema, and every shipped profile against it."""

import inspect
from functools import partial

import pytest
from params.edited import edited_demo
from tests_root import ROOT

from pipeline.infer.count import count_cost
from pipeline.losses.build import LOSSES as LOSSES_BUILT
from pipeline.networks.build import NETWORKS, network_class, network_of
from pipeline.params import losses
from pipeline.params.file import ParamsError, load, parse
from pipeline.params.models import MODELS
from pipeline.params.rates import published_rate
from pipeline.params.recipe import StartWeights
from pipeline.store.paths import TAKEN, TASKS

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
OF_THE_PAPER = [file for file in PROFILES if file.stem not in ("restore", "quarter", "fair")]  # with all of its tables


def edited(tmp_path, edit):
    return edited_demo(edit, tmp_path / "params.yaml")


def test_the_profiles_ship():
    assert {file.stem for file in PROFILES} == {"demo", "cpu", "fair", "gpu", "paper", "quarter", "restore"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_profile_is_valid_and_names_itself(profile):
    params = parse(profile)
    assert params.profile == profile.stem
    shown = {column.network for table in params.report.tables.values() for column in table.columns if column.network}
    assert shown - {"bicubic"} <= set(params.networks)


@pytest.mark.parametrize("profile", OF_THE_PAPER, ids=lambda file: file.stem)
def test_profile_holds_every_network_of_tables_4_to_7(profile):
    params = parse(profile)
    assert set(params.report.tables) == {f"table_{n}" for n in range(2, 8)}
    recipes = {name: params.recipe(name) for name in params.networks}
    agrnet = {name: recipe.network for name, recipe in recipes.items() if recipe.model == "agrnet"}
    assert {network.num_arus for network in agrnet.values()} == {7, 8, 9, 10, 11, 12}
    forms = {name: (agrnet[name].activation, agrnet[name].attention) for name in agrnet}
    assert forms["agrnet_baseline"] == ("relu", False)
    assert forms["agrnet_acon"] == ("meta_acon", False)
    assert forms["agrnet_gam"] == ("relu", True)
    assert forms["agrnet"] == ("meta_acon", True)
    assert {recipes[name].criterion.norm for name in agrnet} == {"l2"}  # Eq. (15)
    of = {name: recipe.criterion for name, recipe in recipes.items() if recipe.model == "agrnet_hr"}
    assert (of["hr_baseline"].px_norm, of["hr_baseline"].fm, of["hr_baseline"].pc) == ("l2", 0, 0)
    assert {name: loss.discriminators for name, loss in of.items() if loss.discriminators == 1} == dict.fromkeys(
        ("hr_baseline", "hr_clf"), 1
    )
    assert of["hr_md"] == of["hr_baseline"].model_copy(update={"discriminators": 3})
    assert of["hr_clf"] == of["hr"].model_copy(update={"discriminators": 1})
    for term in ("px", "adv", "fm", "pc"):
        assert of[f"hr_without_{term}"] == of["hr"].model_copy(update={term: 0.0})


def test_paper_profile_is_section_4_1():
    params = parse(ROOT / "profiles/paper.yaml")
    agrnet, hr = params.recipe("agrnet").train, params.recipe("hr").train
    assert (agrnet.batch_size, agrnet.learning_rate, agrnet.betas) == (64, 2e-4, (0.9, 0.99))
    loss = params.recipe("hr").criterion
    assert (hr.batch_size, hr.learning_rate, loss.discriminator_learning_rate, hr.betas) == (2, 1e-4, 4e-4, (0.5, 0.99))
    assert (agrnet.ema, hr.ema) == (0, 0.999)
    assert (agrnet.precise_batch_norm, hr.precise_batch_norm) == (10, 10)  # at a constant rate running statistics lag
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
        (lambda p: p["tasks"]["x8"].update(batch_size=0), "tasks.x8.batch_size"),
        (lambda p: p["tasks"]["x8"].update(epochs=3), "as steps, as epochs or as minutes"),
        (lambda p: p["tasks"]["x8"].update(log_every_steps=7), "no multiple of log_every_steps"),
        (
            lambda p: p["networks"]["agrnet_gam"]["changes"]["model"].update(atention=True),
            "networks.agrnet_gam.*atention",
        ),
        (lambda p: p["networks"]["hr"].update(changes={"optimiser": {}}), "networks.hr.changes.optimiser"),
        (lambda p: p["networks"].update({"Bad-Name": p["networks"]["agrnet"]}), "Bad-Name"),
        (lambda p: p.update(seeds=[1, 1]), "seeds holds a number twice"),
        (lambda p: p["networks"]["agrnet"].update(seeds=[0, 0]), "networks.agrnet.seeds holds a number twice"),
        (
            lambda p: p["networks"]["agrnet"].update(seeds=[1, 0]),
            "networks.agrnet.seeds begins with 1 and seeds with 0",
        ),
        (lambda p: p.update(seeds=[-1]), r"seeds\.0: Input should be greater than or equal to 0"),
        (
            lambda p: p.update(variants={}),
            "is of an older scheme, with `variants` and `peers`: take a file of profiles/",
        ),
        (lambda p: p["data"]["ffhq"].update(split="test"), "data.ffhq"),
        (lambda p: p["data"]["ffhq"]["resize"].update(size_px=60), "data.ffhq.resize.size_px: 60 px.* multiple"),
        (lambda p: p["data"]["real"]["resize"].update(size_px=24), "data.real.resize.size_px: 24 px; metrics"),
        (
            lambda p: (p["data"]["real"]["resize"].update(size_px=72), p["evaluate"].update(metrics=["frechet_vgg16"])),
            "frechet_vgg16.*data.celebahq.resize.size_px is 64, data.real.resize.size_px is 72",
        ),
        (lambda p: p["tasks"]["x8"].update(betas=[0.9, 1]), "tasks.x8.betas.1"),
        (lambda p: p["data"]["celeba"]["sources"][0].update(seed=-1), "data.celeba.sources.*seed"),
        (lambda p: p["losses"]["composite"].update(px=0, adv=0, fm=0, pc=0), "nothing is left to minimise"),
        (
            lambda p: p["pretrained"].update(yunet="data/pretrained/crop/yunet.onnx"),
            "pretrained.yunet: data/pretrained/crop/yunet.onnx lies where",
        ),
        (lambda p: p["data"]["ffhq"]["degrade"].update(noise_levels={"low": 9, "high": 1}), "noise_levels"),
    ],
)
def test_an_error_names_the_key(tmp_path, edit, named):
    with pytest.raises(ParamsError, match=named):
        parse(edited(tmp_path, edit))


def test_a_stage_gets_only_what_it_asked_for():
    path = ROOT / "profiles/demo.yaml"
    (crop,) = load(("data.{key}.crop",), path, key="celeba")
    assert crop.mode == "box"
    model, task, loss, entry = load(
        ("models.{model}", "tasks.{task}", "losses.{loss}", "networks.{key}"), path, key="hr_md"
    )
    assert model["num_arus"] == 4
    assert task.steps == 50
    assert loss["px"] == 50
    assert entry.changes.loss == {"px_norm": "l2", "fm": 0, "pc": 0}
    with pytest.raises(ParamsError, match=r"data\.nowhere"):
        load(("data.nowhere",), path)
    with pytest.raises(ParamsError, match="there is no network 'agrnt'; networks are agrnet, agrnet_baseline"):
        load(("infer",), path, key="agrnt")


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ParamsError, match="make profile"):
        parse(tmp_path / "params.yaml")


def nested(path, value):
    """An edit that sets the value at a dotted path; a list index is a number."""

    def edit(values):
        *way, last = path.split(".")
        for step in way:
            values = values[int(step)] if step.isdigit() else values.setdefault(step, {})
        values[int(last) if last.isdigit() else last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.helen.degrade.lr_px", 16, "has 4 times the side .* networks of the task x8 enlarge 8 times"),
        (
            "data.celebahq.degrade",
            {"kind": "bicubic", "lr_px": 8},
            "8 times the side .* networks of the task blind enlarge 1 times",
        ),
        (
            "data.helen.degrade",
            {"kind": "eq28", "seed": 0},
            "1 times the side .* networks of the task x8 enlarge 8 times",
        ),
        ("data.helen.degrade.lr_px", True, r"data\.helen\.degrade.*: .*lr_px cannot be true or false"),
        ("seeds", [True], "seeds cannot be true or false"),
        ("tasks.x8.betas", [True, 0.9], r"tasks\.x8: .*betas cannot be true or false"),
        ("models.agrnet.num_arus", True, r"models\.agrnet does not fit the model agrnet: .*num_arus cannot be"),
        ("data.celeba.degrade", {"kind": "none"}, r"data\.celeba\.degrade\.kind is none, which leaves no HR images"),
        ("data.helen.degrade", {"kind": "none"}, r"data\.helen\.degrade\.kind is none, which leaves no HR images"),
        ("data.celebahq.degrade.variants", 2, "a test set has one low-resolution image per face"),
        ("data.helen.filter.leak", {"action": "flag", "bits": 40}, "the rule is about training sets"),
        ("data.helen.crop.detector", "yunet", "name its .onnx file under pretrained.yunet"),
        ("data.helen.crop.detector", "given", "name a file under `boxes`"),
        ("data.celeba.filter.side_px", {"action": "remove"}, "give over or under"),
        ("data.celeba.filter.side_px", {"action": "remove", "over": 1, "kinds": ["celebb"]}, "seen: 'celebb'"),
        ("data.celeba.filter.side_px", {"action": "remove", "over": 1, "kinds": []}, "at least 1 item"),
        ("data.ffhq.degrade.noise_levels", {"low": 0, "high": float("nan")}, "finite number"),
        ("losses.sfmnet.frequency_weight", float("inf"), "finite number"),
        ("data.celeba.filter.near_duplicate", {"action": "flag", "bits": 257}, "less than or equal to 256"),
        ("data.ffhq.degrade.lr_side_px", {"low": 0, "high": 128}, "1 to 512, the HR side, is possible"),
        ("data.ffhq.degrade.compression", {"low": 60, "high": 85.5}, "whole numbers up to 100"),
        ("data.ffhq.degrade.noise_levels", {"low": -1, "high": 5}, "greater than or equal to 0"),
        ("data.ffhq.degrade.seed", -1, "greater than or equal to 0"),
        ("data.ffhq.degrade.preset", "gfpgan", "'paper' or 'sparnethd'"),
        ("networks.dic.task", "blind", "networks.dic.changes.model: dic has no form for the task blind, only for x8"),
        ("networks.dic.task", "hr", "'x8' or 'blind'"),
        ("networks.dic.changes.model.widht", 8, r"networks\.dic\.changes\.model does not fit the model dic: widht"),
        (
            "networks.dic.changes.loss",
            {"frequency_weight": 1},
            r"networks\.dic\.changes\.loss does not fit the loss dic: frequency_weight",
        ),
        (
            "networks.swinir.changes.train",
            {"learning_rate": 0},
            r"networks\.swinir\.changes\.train does not fit: learning",
        ),
        ("networks.swinir.model", "wfen", "networks.swinir: models has no 'wfen'.*add it there"),
        ("networks.swinir.loss", "hinge", "networks.swinir: losses has no 'hinge'"),
        ("models.wfen", {}, "models.wfen: pipeline/networks has no folder of that name"),
        ("models.units", {}, "models.units: pipeline/networks has no folder of that name"),
        ("models.dic.widht", 8, r"models\.dic does not fit the model dic: widht"),
        ("losses.hinge", {}, "losses.hinge: there is no loss 'hinge': pipeline/losses has no folder of that name"),
        ("losses.pixel.norm", "l3", r"losses\.pixel does not fit the loss pixel: norm"),
        ("tasks.blind.scale", 1.3, "of the task blind are made beforehand"),
        ("tasks.x16", {}, "tasks.x16: Extra inputs are not permitted"),
        ("networks.swinir.weights", {"path": "a.pth", "sha256": "abc"}, "should match pattern"),
        ("data.helen.task", "blind", "data.helen serves x8 for test; blind, test given"),
        ("peers", {}, "peers: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(tmp_path, path, value, message):
    with pytest.raises(ParamsError, match=message):
        parse(edited(tmp_path, nested(path, value)))


@pytest.mark.parametrize("name", TAKEN)
def test_names_that_stand_for_other_things_are_refused(tmp_path, name):
    entry = {"model": "agrnet", "task": "x8", "loss": "pixel"}
    with pytest.raises(ParamsError, match=rf"networks\.{name}: the names {', '.join(TAKEN)} stand"):
        parse(edited(tmp_path, nested(f"networks.{name}", entry)))


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


@pytest.mark.parametrize("profile", [*OF_THE_PAPER, ROOT / "profiles/fair.yaml"], ids=lambda file: file.stem)
def test_networks_of_a_task_see_as_many_images_and_all_forms_are_there(profile):
    params = parse(profile)
    assert {(entry.model, entry.task) for entry in params.networks.values()} >= set(MODELS)
    for name, entry in params.networks.items():
        train, of_task = params.recipe(name).train, getattr(params.tasks, entry.task)
        for key in ("steps", "epochs", "batch_size", "schedule", "flip", "scale", "validation_images", "ema"):
            assert getattr(train, key) == getattr(of_task, key), (name, key)


@pytest.mark.middle
def test_the_profile_fair_compares_at_equal_cost_from_published_rates_and_over_seeds():
    params = parse(ROOT / "profiles/fair.yaml")
    gmac: dict[str, list[float]] = {"x8": [], "blind": []}
    for name in params.networks:
        recipe = params.recipe(name)
        published = published_rate(recipe.model, recipe.task, recipe.loss)
        assert recipe.train.learning_rate == published.rate, name
        if name not in ("agrnet_baseline", "agrnet_acon"):  # without attention, which is what they show
            size_px = 16 if network_class(recipe.model, recipe.task).takes == "lr" and recipe.task == "x8" else 128
            gmac[recipe.task].append(count_cost(partial(network_of, recipe), size_px)["gmac"])
    for task, counted in gmac.items():
        assert max(counted) < 1.06 * min(counted), (task, counted)
    seeds = {name: len(entry.seeds or params.seeds) for name, entry in params.networks.items()}
    several = {column.network for column in params.report.tables["table_4"].columns} | {"sparnet"}
    assert {name for name, count in seeds.items() if count == 3} == several
    assert params.sweep.multiples[0] == 1
    both_ways = {(params.networks[name].model, params.networks[name].loss) for name in params.networks}
    assert {(model, "composite") for model in ("swinir", "mambair", "sparnet", "agrnet_hr")} < both_ways
    assert {("swinir", "pixel"), ("mambair", "pixel")} < both_ways


def test_the_second_step_of_swinir_fits_where_it_is_taken_in(tmp_path):
    text, end = (ROOT / "profiles/fair.yaml").read_text(), "discriminator_learning_rate: 0.0001}}}"
    before, entry = text.split("  # swinir_hr_gan:")
    entry, after = entry.split(end)
    entry = f"  swinir_hr_gan:{entry}{end}".replace("\n  #   ", "\n    ")
    path = tmp_path / "params.yaml"
    path.write_text(f"{before}{entry}{after}".replace("# - {label: SwinIR,", "- {label: SwinIR,"))
    params = parse(path)
    first, second = params.recipe("swinir_hr"), params.recipe("swinir_hr_gan")
    assert second.network == first.network
    assert (second.start.path, second.train.learning_rate, second.criterion.fm) == ("models/swinir_hr", 1e-4, 0)
    assert "swinir_hr_gan" in [column.network for column in params.report.tables["table_3"].columns]


@pytest.mark.parametrize("name", ["gpu", "paper"])
def test_others_networks_have_their_published_sizes(name):
    params = parse(ROOT / f"profiles/{name}.yaml")
    for network in params.networks:
        recipe = params.recipe(network)
        if recipe.model not in TASKS.values():
            assert recipe.network == MODELS[recipe.model, recipe.task]()


def test_an_entry_may_name_another_loss_whole(tmp_path):
    def edit(values):
        values["networks"]["swinir_hr"] |= {"loss": "composite", "changes": {"loss": {"fm": 0}}}

    params = parse(edited(tmp_path, edit))
    assert params.recipe("swinir_hr").criterion == params.recipe("hr").criterion.model_copy(update={"fm": 0.0})


def test_a_network_without_a_section_here_may_have_any_arguments(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.params.file.has_room", lambda floor, name: (floor, name) == ("networks", "toy"))
    monkeypatch.setattr("pipeline.params.models.has_room", lambda floor, name: (floor, name) == ("networks", "toy"))

    def edit(values):
        values["models"]["toy"] = {"width": 8}
        values["networks"]["toy"] = {"model": "toy", "task": "x8", "loss": "pixel", "changes": {"model": {"depth": 2}}}

    recipe = parse(edited(tmp_path, edit)).recipe("toy")
    assert recipe.params["model"] == {"width": 8, "depth": 2}


def test_every_section_is_of_a_network_or_loss_that_is_built():
    assert set(MODELS) <= set(NETWORKS)
    assert set(losses.LOSSES) <= set(LOSSES_BUILT)


def test_the_schemas_defaults_are_the_networks_own():
    for (model, task), section in MODELS.items():
        defaults = {
            key: parameter.default
            for key, parameter in inspect.signature(network_class(model, task).__init__).parameters.items()
            if key != "self"
        }
        for key, field in section.model_fields.items():
            if not field.is_required():
                assert defaults[key] == field.default, (model, task, key)
        assert set(section.model_fields) <= set(defaults)
        assert set(defaults) - set(section.model_fields) <= {"scale", "num_landmarks"}


@pytest.mark.parametrize("given", ["models/pretrained/agrnet", {"path": "models/pretrained/agrnet"}])
def test_a_start_may_be_a_path_alone(tmp_path, given):
    params = parse(edited(tmp_path, nested("networks.agrnet.start", given)))
    assert params.recipe("agrnet").start == StartWeights(path="models/pretrained/agrnet")
    assert params.recipe("agrnet_gam").start is None


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"start": "models/agrnet"}, "start is models/agrnet, what this training writes"),
        ({"start": "models/agrnet/seed_0.safetensors"}, "what this training writes"),
        ({"start": {"path": "x", "sha256": "12"}}, r"networks\.agrnet\.start\.sha256"),
        ({"start": {"path": "x", "weights": "12"}}, r"networks\.agrnet\.start\.weights"),
        ({"start": "x", "weights": {"path": "y", "sha256": "0" * 64}}, "name one of the two"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(tmp_path, entry, told):
    with pytest.raises(ParamsError, match=told):
        parse(edited(tmp_path, lambda values: values["networks"]["agrnet"].update(entry)))


def test_an_entry_may_give_its_length_in_another_unit(tmp_path):
    params = parse(edited(tmp_path, nested("networks.agrnet.changes", {"train": {"minutes": 2.5}})))
    train = params.recipe("agrnet").train
    assert (train.steps, train.epochs, train.minutes) == (None, None, 2.5)
    assert params.recipe("agrnet_gam").train.steps


@pytest.mark.parametrize("lengths", [{}, {"steps": 3, "minutes": 1}, {"epochs": 1, "minutes": 1}])
def test_a_length_is_given_once(tmp_path, lengths):
    def edit(values):
        del values["tasks"]["x8"]["steps"]
        values["tasks"]["x8"] |= lengths

    with pytest.raises(ParamsError, match="as steps, as epochs or as minutes, one of the three"):
        parse(edited(tmp_path, edit))
