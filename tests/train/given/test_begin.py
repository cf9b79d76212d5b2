"""A training that begins from weights: what it takes of them, what it refuses, what its card says."""

import json
import shutil
from functools import cache

import pytest
import stage_project
import torch
from safetensors.torch import load_file
from tests_root import ROOT

from pipeline.params.file import parse
from pipeline.params.recipe import Recipe, StartWeights
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.weights import CARD, half_precision, read_card, save_discriminators, save_weights, weights_file
from pipeline.train import checkpoint
from pipeline.train.given.begin import open_start
from pipeline.train.run import train_network

pytestmark = pytest.mark.middle
KEPT = paths.KEPT_WEIGHTS / "earlier"


def kept(state, card, D=None):
    """Lays weights down as `keep` does."""
    save_weights(KEPT / "weights.safetensors", half_precision(state, "x"))
    write_json(KEPT / CARD, card)
    if D:
        save_discriminators(KEPT, half_precision(D, "D"), part_bytes=2000)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project where both networks have been trained, and kept beside. No images are held out."""
    root = stage_project.trained(tmp_path_factory.mktemp("trained") / "place", validation_images=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("agrnet", "hr"):
            state = torch.load(checkpoint.SCRATCH / f"{name}_seed_3.pt", weights_only=True)["trainer"]["loss"]
            kept(load_file(weights_file(paths.MODELS / name, 3)), read_card(paths.MODELS / name), state.get("D"))
            KEPT.rename(f"kept_{name}")
    return root


@pytest.fixture(scope="module")
def followed(trained, tmp_path_factory):
    """name -> the project after "mine" was trained from what was kept of that network, once; to be read only."""

    @cache
    def place_of(name):
        root = placed(trained, tmp_path_factory.mktemp("followed") / "place", name)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(root)
            train_network("mine", begun(name), [0])
        return root

    return place_of


def placed(trained, folder, name):
    """A copy of the project in which the weights of that network were kept."""
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    (folder / KEPT.parent).mkdir(parents=True, exist_ok=True)
    (folder / f"kept_{name}").rename(folder / KEPT)
    return folder


@pytest.fixture(params=["agrnet", "hr"])
def name(request):
    return request.param


@pytest.fixture
def project(trained, tmp_path, monkeypatch, name):
    monkeypatch.chdir(placed(trained, tmp_path, name))
    return tmp_path


@pytest.fixture
def after(followed, tmp_path, monkeypatch, name):
    """The project after "mine" was trained from what was kept."""
    return stage_project.go_to_copy(followed(name), tmp_path, monkeypatch)


def begun(name, path=KEPT, **changes) -> Recipe:
    """The entry with a start whose SHA-256 is the right one."""
    recipe = parse().recipe(name)
    with pytest.raises(ValueError, match="without its SHA-256") as told:
        open_start(name, StartWeights(path=str(path)))
    digest = str(told.value).rpartition("sha256: ")[2].removesuffix("}")
    return recipe.model_copy(update={"start": StartWeights(path=str(path), sha256=digest)} | changes)


def with_train(recipe, **train):
    return recipe.model_copy(update={"train": recipe.train.model_copy(update=train)})


def test_the_first_step_is_taken_from_the_starts_weights_and_discriminators(project, name):
    """At a rate that moves nothing the network and D stay what they were: half precision's rounding of it."""
    recipe = with_train(begun(name), learning_rate=1e-12, precise_batch_norm=0, schedule="constant")
    if name == "hr":
        still = recipe.criterion.model_copy(update={"discriminator_learning_rate": 1e-12})
        recipe = recipe.model_copy(update={"criterion": still})
    train_network("mine", recipe, [0])
    ours, before = load_file(weights_file(paths.MODELS / "mine", 0)), load_file(KEPT / "weights.safetensors")
    weights = [key for key in before if key.endswith(("weight", "bias"))]
    assert len(weights) > 10
    for key in weights:
        torch.testing.assert_close(ours[key], before[key].float(), rtol=1e-6, atol=1e-6)
    if name == "hr":
        state = torch.load(checkpoint.SCRATCH / "mine_seed_0.pt", weights_only=True)["trainer"]["loss"]
        D = {key: value for file in (KEPT / "discriminators").iterdir() for key, value in load_file(file).items()}
        assert len(list((KEPT / "discriminators").iterdir())) > 1
        assert state["D"].keys() == D.keys()
        originals = [key for key in D if not key.endswith(("._u", "._v"))]  # directions take a step in every pass
        for key in originals:
            torch.testing.assert_close(state["D"][key], D[key].float(), rtol=1e-6, atol=1e-6)


def test_the_card_tells_the_chain_and_adds_up_what_was_seen(after, name):
    card = read_card(paths.MODELS / "mine")
    (before,) = card["began_from"]
    assert (before["network"], before["images_seen"], card["images_seen"]) == (name, 4, 8)
    assert before["file"] == (KEPT / "weights.safetensors").as_posix()
    assert before["discriminators"] == ("kept ones" if name == "hr" else "its loss has none")
    assert before["data"]["sources"] == card["data"]["sources"] == {"synthetic": 6}
    assert "MIT" in card["may_be_used_for"]
    train_network("again", begun(name, paths.MODELS / "mine"), [0])
    card = read_card(paths.MODELS / "again")
    assert [each["network"] for each in card["began_from"]] == ["mine", name]
    assert card["images_seen"] == 12
    assert card["steps"] == 2


def test_an_interrupted_run_with_a_start_ends_where_the_uninterrupted_one_does(project, name, monkeypatch):
    recipe = with_train(begun(name), steps=4)
    train_network("whole", recipe, [0])
    save = checkpoint.save

    def stop(path, state, run):
        save(path, state, run)
        if state["step"] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            train_network("cut", recipe, [0])
    train_network("cut", recipe, [0])
    assert weights_file(paths.MODELS / "cut", 0).read_bytes() == weights_file(paths.MODELS / "whole", 0).read_bytes()


@pytest.mark.parametrize("name", ["hr"], indirect=True)
class TestOfOne:
    """What is the same for both networks, asked of one."""

    def test_another_start_sets_the_old_state_aside(self, after, name, capsys):
        kept(load_file(weights_file(paths.MODELS / "mine", 0)), read_card(paths.MODELS / "mine"))
        train_network("mine", begun(name), [0])
        assert "the start changed since this state was saved" in capsys.readouterr().out

    def test_other_weights_than_those_that_were_meant_are_refused(self, project, name):
        recipe = begun(name)
        kept(load_file(weights_file(paths.MODELS / name, 3)), {"model": "agrnet_hr"})
        with pytest.raises(ValueError, match=r"has the SHA-256 .* names .*write\n  start: \{path: models/pretrained"):
            train_network("mine", recipe, [0])
        assert not (paths.MODELS / "mine").exists()

    def test_without_kept_discriminators_they_begin_anew_and_it_is_said(self, project, name, capsys):
        shutil.rmtree(KEPT / "discriminators")
        train_network("mine", begun(name), [0])
        assert "discriminators: anew, none were kept" in capsys.readouterr().out
        assert read_card(paths.MODELS / "mine")["began_from"][0]["discriminators"] == "anew, none were kept"

    def test_discriminators_of_another_width_begin_anew(self, project, name, capsys):
        recipe = begun(name)
        wider = recipe.criterion.model_copy(update={"discriminator_width": 6})
        train_network("mine", recipe.model_copy(update={"criterion": wider}), [0])
        assert "discriminators: anew, those that were kept do not fit: " in capsys.readouterr().out

    def test_weights_of_another_width_are_refused_naming_a_tensor(self, project, name):
        recipe = begun(name)
        wider = recipe.network.model_copy(update={"widths": (4, 8, 8, 16)})
        with pytest.raises(
            ValueError, match=r"does not fit the network that is trained: \d+ of \d+ tensors differ, the"
        ):
            train_network("mine", recipe.model_copy(update={"network": wider}), [0])

    def test_another_model_is_refused_by_its_card(self, project, name):
        write_json(KEPT / CARD, read_card(KEPT) | {"model": "agrnet"})
        with pytest.raises(ValueError, match="its card says model agrnet, not agrnet_hr"):
            train_network("mine", begun(name), [0])

    def test_weights_without_a_card_are_taken_and_their_licence_is_not_known(self, project, name):
        (KEPT / CARD).unlink()
        train_network("mine", begun(name), [0])
        card = read_card(paths.MODELS / "mine")
        assert card["began_from"][0]["network"] == "earlier"
        assert card["images_seen"] == 4
        assert "nobody says what they were trained on" in card["may_be_used_for"]

    def test_what_was_ruled_out_for_the_start_stays_ruled_out(self, project, name):
        card = read_card(KEPT)
        card["data"]["sources"] = {"celeba": 5}
        write_json(KEPT / CARD, card)
        train_network("mine", begun(name), [0])
        assert "CelebA: non-commercial research only" in read_card(paths.MODELS / "mine")["may_be_used_for"]
        write_json(KEPT / CARD, card | {"trained_by": "others", "intended_use": "As the authors allow."})
        train_network("mine", begun(name), [0])
        assert "As the authors allow." in read_card(paths.MODELS / "mine")["may_be_used_for"]

    @pytest.mark.parametrize("path", ["nothing", "params.yaml", "data"])
    def test_a_path_without_weights_says_what_is_wanted(self, project, name, path):
        with pytest.raises(ValueError, match=rf"networks\.hr\.start: {path} is no \.safetensors file and no folder"):
            open_start(name, StartWeights(path=path))

    def test_damaged_weights_say_so(self, project, name):
        (KEPT / "weights.safetensors").write_text("no weights")
        with pytest.raises(ValueError, match="is damaged, or no safetensors file"):
            train_network("mine", begun(name), [0])

    def test_the_card_is_json_that_names_no_folder_of_this_machine(self, followed, name):
        place = followed(name)
        assert str(place) not in json.dumps(read_card(place / paths.MODELS / "mine"))


@pytest.mark.parametrize("profile", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_profile_that_begins_from_weights_that_ship_names_those_that_lie_here_and_fits_them(profile, monkeypatch):
    monkeypatch.chdir(ROOT)
    params = parse(profile)
    for name, entry in params.networks.items():
        if entry.start:
            start, recipe = open_start(name, entry.start), params.recipe(name)
            assert start.card["params"]["model"] == recipe.params["model"]
            assert start.card["params"]["loss"]["perceptual_trunk"] == recipe.criterion.perceptual_trunk
