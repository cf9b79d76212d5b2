"""The sweep of learning rates: each network at the same multiples of its published rate, chosen on images held out."""

import json
import shutil

import pytest
from params.edited import edit_params
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from stage_project import go_to_copy, written
from tests_root import ROOT

from pipeline.commands import sweep
from pipeline.params.file import parse
from pipeline.params.models import MODELS
from pipeline.params.rates import SweepParams, published_rate, without_rates
from pipeline.params.recipe import StartWeights
from pipeline.params.tasks import LENGTHS
from pipeline.store import paths
from pipeline.store.swept import read_rates
from pipeline.train.loop import TrainingStopped

OPTIONS = {"multiples": [1, 4], "share": 0.5}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Small sets and networks, eight steps each, and a section sweep."""
    root = written(tmp_path_factory.mktemp("swept") / "place", steps=8)
    with open(root / "params.yaml", "a") as params:
        params.write(f"sweep: {json.dumps(OPTIONS)}\n")
    return root


@pytest.fixture
def project(swept, tmp_path, monkeypatch):
    return go_to_copy(swept, tmp_path, monkeypatch)


@pytest.fixture
def trials(monkeypatch):
    """Trials that cost nothing: the network's name, recipe and seed of each, and PSNR by learning rate."""
    seen, psnr = [], {}

    def run(name, recipe, seed):
        seen.append((name, recipe, seed))
        value = psnr.get(recipe.train.learning_rate, 20.0)
        return {"psnr_y": value, "failed": "", "curve": [[4, value]], "steps": 4, "seconds": 60.0}

    monkeypatch.setattr(sweep, "run_trial", run)
    return seen, psnr


@pytest.mark.middle
def test_a_network_is_trained_at_every_multiple_and_the_best_on_images_held_out_is_chosen(project, capsys):
    sweep.main(["agrnet"])
    (found,) = read_rates().values()
    assert [trial["multiple"] for trial in found["trials"]] == [1, 4]
    assert [trial["learning_rate"] for trial in found["trials"]] == [2e-4, 8e-4]
    for trial in found["trials"]:
        assert [step for step, _ in trial["curve"]] == [2, 4]  # half of eight steps, measured every two
        assert trial["curve"][-1][1] == trial["psnr_y"]
        assert trial["seconds"] > 0
    best = max(found["trials"], key=lambda trial: trial["psnr_y"])
    assert found["chosen"] == best["learning_rate"]
    assert len({trial["psnr_y"] for trial in found["trials"]}) == 2
    assert (found["images"], found["steps"], found["seed"]) == (2, 4, 0)
    assert found["params"] == without_rates(parse().recipe("agrnet").params)
    out = capsys.readouterr().out
    assert "2 trials, each as long as 0.5 of its network’s training with one seed" in out
    assert f"agrnet: chosen {found['chosen']:g} (0.0002: " in out
    # Nothing else is left: no weights, no curve, no state, and data as they were.
    assert sorted(path.name for path in project.iterdir()) == [".scratch", "data", "params.yaml", "reports"]
    assert not list((project / ".scratch/sweep").rglob("*.pt"))
    assert list((project / "data").rglob("*.tar"))


def test_trials_differ_in_their_rates_alone_and_a_discriminators_keeps_its_ratio(project, trials):
    sweep.main(["hr"])
    recipe = parse().recipe("hr")
    ratio = recipe.criterion.discriminator_learning_rate / recipe.train.learning_rate
    for (name, tried, seed), rate in zip(trials[0], (1e-4, 4e-4), strict=True):
        assert (name, seed, tried.train.steps, tried.train.learning_rate) == ("hr", 0, 4, rate)
        assert tried.criterion.discriminator_learning_rate == pytest.approx(ratio * rate)
        same = {"learning_rate": recipe.train.learning_rate, "steps": 8}
        assert tried.train.model_copy(update=same) == recipe.train
        d = {sweep.OF_D: recipe.criterion.discriminator_learning_rate}
        assert tried.criterion.model_copy(update=d) == recipe.criterion
        assert tried.network == recipe.network


def test_finished_trials_are_not_run_again_but_where_the_recipe_or_the_data_changed(project, trials, capsys):
    seen, _ = trials
    sweep.main(["sparnet", "dic"])
    sweep.main(["sparnet"])
    assert len(seen) == 4
    edit_params(lambda values: values["sweep"].update(multiples=[1, 4, 16]))
    sweep.main(["sparnet"])
    assert [recipe.train.learning_rate for _, recipe, _ in seen[4:]] == [3.2e-3]
    edit_params(lambda values: values["networks"]["sparnet"]["changes"].update(train={"learning_rate": 0.3}))
    sweep.main(["sparnet"])  # where it begins does not matter
    assert len(seen) == 5
    edit_params(lambda values: values["networks"]["sparnet"]["changes"]["model"].update(num_units=1))
    sweep.main(["sparnet"])
    assert len(seen) == 8
    assert "sparnet: recipe, data, code or seed changed since its sweep; starting anew" in capsys.readouterr().out


def test_a_killed_sweep_keeps_what_it_has(project, trials, monkeypatch):
    seen, _ = trials
    run = sweep.run_trial

    def killed(name, recipe, seed):
        if len(seen) == 1:
            raise KeyboardInterrupt
        return run(name, recipe, seed)

    monkeypatch.setattr(sweep, "run_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep.main(["agrnet"])
    monkeypatch.setattr(sweep, "run_trial", run)
    sweep.main(["agrnet"])
    assert [recipe.train.learning_rate for _, recipe, _ in seen] == [2e-4, 8e-4]


def test_a_trial_that_breaks_off_is_named_and_not_chosen(project, monkeypatch, capsys):
    train = sweep.train_network

    def breaks(name, recipe, seeds, **more):
        if recipe.train.learning_rate == 8e-4:
            raise TrainingStopped("step 2: a loss is no finite number")
        train(name, recipe, seeds, **more)

    monkeypatch.setattr(sweep, "train_network", breaks)
    sweep.main(["agrnet"])
    found = read_rates()["agrnet"]
    assert found["chosen"] == 2e-4
    assert found["trials"][1]["failed"] == "step 2: a loss is no finite number"
    assert "0.0008: failed" in capsys.readouterr().out


def test_too_little_memory_is_no_verdict_on_a_rate(project, monkeypatch):
    def breaks(*_args, **_more):
        raise TrainingStopped("memory is not enough for this training") from RuntimeError("can't allocate memory")

    monkeypatch.setattr(sweep, "train_network", breaks)
    with pytest.raises(SystemExit, match="memory is not enough"):
        sweep.main(["agrnet"])
    assert read_rates() == {}


def test_a_rate_is_its_own_network_s_where_several_share_their_changes(project, trials):
    yaml, file = YAML(), project / "params.yaml"
    values = yaml.load(file)
    shared = values["networks"]["agrnet"]["changes"] = CommentedMap(train=CommentedMap(learning_rate=1e-3))
    values["networks"]["agrnet_gam"] = {"model": "agrnet", "task": "x8", "loss": "pixel", "changes": shared}
    yaml.dump(values, file)
    assert "&" in file.read_text()
    trials[1].update({8e-4: 21.0})
    sweep.main(["agrnet", "--set"])
    after = parse()
    assert after.recipe("agrnet").train.learning_rate == 8e-4
    assert after.recipe("agrnet_gam").train.learning_rate == 1e-3


def test_chosen_rates_are_written_into_params_and_nothing_else(project, trials):
    trials[1].update({8e-4: 21.0, 4e-4: 21.0})
    file = project / "params.yaml"
    file.write_text(f"# mine\n{file.read_text()}")
    before = parse()
    sweep.main(["agrnet", "hr", "--set"])
    after = parse()
    assert "# mine" in file.read_text()
    assert after.recipe("agrnet").train.learning_rate == 8e-4
    hr, was = after.recipe("hr"), before.recipe("hr")
    assert hr.train.learning_rate == 4e-4
    ratio = was.criterion.discriminator_learning_rate / was.train.learning_rate
    assert hr.criterion.discriminator_learning_rate == pytest.approx(4e-4 * ratio)
    awkward = after.recipe("hr").model_copy(update={"train": hr.train.model_copy(update={"learning_rate": 7e-4})})
    assert (
        len({sweep.common(sweep.at_rate(awkward, rate, 1), after.sweep, 0) for rate in (1e-4, 3.3e-4, 7e-4, 1e-3)}) == 1
    )
    for name in set(before.networks) - {"agrnet", "hr"}:
        assert after.recipe(name) == before.recipe(name)
    seen = len(trials[0])
    sweep.main(["agrnet", "hr", "--set"])  # the rates are part of no trial's recipe
    assert len(trials[0]) == seen
    assert parse() == after


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("sweep"), "params.yaml has no section sweep; add e.g. sweep: {multiples"),
        (lambda values: values["tasks"]["x8"].update(validation_images=0), "agrnet: its task holds no image out"),
    ],
)
def test_what_cannot_be_swept_is_said(project, change, message):
    edit_params(change)
    with pytest.raises(SystemExit, match=message):
        sweep.main(["agrnet"])


def test_pairs_that_are_missing_are_named_with_the_command_that_makes_them(project):
    shutil.rmtree(paths.paired_folder("degrade", "celeba"))
    with pytest.raises(
        SystemExit, match=r"train/degrade/celeba/\S+ is missing: make the pairs first \(dvc repro degrade"
    ):
        sweep.main(["agrnet"])


def test_an_unknown_network_is_named(project):
    with pytest.raises(SystemExit, match="there is no network 'agrnt'; networks are agrnet, "):
        sweep.main(["agrnt"])


def test_weights_of_others_are_left_out(project, trials):
    weights = {"path": "a.pth", "sha256": 64 * "0"}
    edit_params(lambda values: values["networks"]["sparnet"].update(weights=weights))
    edit_params(
        lambda values: [
            values["networks"].pop(name)
            for name in list(values["networks"])
            if name not in ("sparnet", "dic", "agrnet")
        ]
    )
    edit_params(lambda values: values["report"].update(tables={}))
    sweep.main([])
    assert {name for name, _, _ in trials[0]} == {"agrnet", "dic"}


def test_every_network_of_others_has_a_published_rate_with_its_source():
    for model, task in MODELS:
        for loss in ("pixel", "composite"):
            published = published_rate(model, task, loss)
            assert 1e-5 < published.rate < 1e-3
            assert published.source
    assert published_rate("mine", "x8", "pixel") is None
    assert published_rate("swinir", "blind", "composite").rate == 1e-4  # its second step is slower than its first
    paper = parse(ROOT / "profiles/paper.yaml")
    for recipe in map(paper.recipe, paper.networks):
        published = published_rate(recipe.model, recipe.task, recipe.loss)
        assert (recipe.train.learning_rate, recipe.train.betas) == (published.rate, published.betas), recipe.model


@pytest.mark.parametrize("profile", ["cpu", "gpu", "fair"])
def test_longer_profiles_have_the_published_betas(profile):
    params = parse(ROOT / f"profiles/{profile}.yaml")
    for recipe in map(params.recipe, params.networks):
        if recipe.loss != "composite" or recipe.model in ("agrnet_hr", "sparnet"):  # others have that loss's own
            assert recipe.train.betas == published_rate(recipe.model, recipe.task, recipe.loss).betas, recipe.model


@pytest.mark.parametrize("multiples", [[1], [1, 1], [4, 1], [0, 1]])
def test_multiples_rise(multiples):
    with pytest.raises(ValueError, match="multiples"):
        SweepParams(multiples=multiples, share=0.5)


def test_a_network_without_a_published_rate_is_swept_around_its_own(project, trials, monkeypatch):
    monkeypatch.setattr(sweep, "published_rate", lambda *_: None)
    sweep.main(["dic", "--set"])
    found = read_rates()["dic"]
    assert (found["source"], found["base"]) == (None, 4e-3)
    sweep.main(["dic"])
    assert len(trials[0]) == 2
    assert json.loads((paths.REPORTS / "sweep/dic.json").read_text()) == read_rates()["dic"]


def test_a_trial_takes_its_share_of_any_length_and_begins_where_the_training_does(project):
    recipe = parse().recipe("agrnet")
    for length, expected in (({"steps": 10}, 2), ({"epochs": 5.0}, 1.0), ({"minutes": 20.0}, 4.0)):
        train = recipe.train.model_copy(update=dict.fromkeys(LENGTHS) | length)
        trial = sweep.at_rate(recipe.model_copy(update={"train": train}), 1e-3, 0.2).train
        assert {name: value for name in LENGTHS if (value := getattr(trial, name))} == dict.fromkeys(length, expected)
    start = StartWeights(path="models/kept", sha256="0" * 64)
    begun = recipe.model_copy(update={"start": start})
    assert sweep.at_rate(begun, 1e-3, 0.2).start.path == str(project / "models/kept")
    digests = {sweep.common(one, parse().sweep, 0) for one in (recipe, begun)}
    assert len(digests) == 2
