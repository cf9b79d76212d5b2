"""Which weights are taken, and every way in which they can be wrong, said before a network is built."""

import json
import pickle
import shutil

import pytest
import torch
from commands.restore.made import model_folder
from safetensors.torch import load_file, save_file
from tests_root import ROOT

from pipeline.commands.restore import network, weights
from pipeline.commands.restore.weights import find
from pipeline.infer.trained import WeightsError, check
from pipeline.store import paths
from pipeline.store.weights import save_weights


@pytest.fixture
def hr(tmp_path):
    return model_folder(tmp_path / "models/hr", "hr")


def edit(folder, **changes):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_and_a_file_in_it_are_the_same(hr):
    by_folder, by_file = check(hr), check(hr / "seed_0.safetensors")
    assert by_folder == by_file
    assert (by_folder.task, by_folder.size_px, by_folder.lr_px, by_folder.takes) == ("blind", 64, None, "lr_up")


def test_agrnet_restores_from_an_eighth(tmp_path):
    found = check(model_folder(tmp_path / "a", "agrnet", 128))
    assert (found.task, found.size_px, found.lr_px) == ("x8", 128, 16)


def test_of_several_seeds_the_first_is_taken(hr):
    for seed in (10, 2):
        shutil.copy(hr / "seed_0.safetensors", hr / f"seed_{seed}.safetensors")
    assert check(hr).file.name == "seed_0.safetensors"
    (hr / "seed_0.safetensors").unlink()
    assert check(hr).file.name == "seed_2.safetensors"


def test_other_peoples_networks_are_known_by_the_task_that_they_learned(tmp_path):
    from pipeline.networks.swinir import SwinIR

    params = {"width": 12, "depths": [1], "heads": 2, "up_width": 8}
    folder = tmp_path / "swinir"
    save_weights(folder / "seed_0.safetensors", SwinIR(**params).state_dict())
    card = {"model": "swinir", "task": "x8", "params": {"model": params}, "data": {"size_px": 64}}
    (folder / "card.json").write_text(json.dumps(card))
    found = check(folder)
    assert (found.task, found.takes, found.lr_px, found.name) == ("x8", "lr", 8, "swinir")


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.ckpt", "net.bin"])
def test_a_pickle_is_refused_unopened(hr, name):
    (hr / name).write_bytes(b"whatever is in it")
    with pytest.raises(WeightsError, match="is a pickle, which can run any code"):
        check(hr / name)
    (hr / "seed_0.safetensors").unlink()
    with pytest.raises(WeightsError, match=rf"only {name}, a pickle"):
        check(hr)


class Bomb:
    """What a pickle may do when it is opened."""

    def __init__(self, file):
        self._file = file

    def __reduce__(self):
        return open, (str(self._file), "w")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_by_another_name_is_never_opened(tmp_path, hr, protocol):
    (hr / "seed_0.safetensors").write_bytes(pickle.dumps(Bomb(tmp_path / "went off"), protocol))
    with pytest.raises(WeightsError, match="is no safetensors file, or damaged"):
        check(hr)
    assert not (tmp_path / "went off").exists()


def test_a_pickle_by_another_name_is_found_out(hr):
    torch.save({"a": torch.zeros(1)}, hr / "seed_0.safetensors")
    with pytest.raises(WeightsError, match=r"no safetensors file, or damaged \(it begins as a pickle\)"):
        check(hr)


def test_a_file_cut_short(hr):
    file = hr / "seed_0.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="no safetensors file, or damaged"):
        check(hr)


def test_places_where_nothing_is(tmp_path, hr):
    with pytest.raises(WeightsError, match="is not there"):
        check(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="holds none"):
        check(tmp_path / "empty")
    (hr / "notes.txt").write_text("no weights")
    with pytest.raises(WeightsError, match=r"no \.safetensors file"):
        check(hr / "notes.txt")


def test_without_a_card_nothing_is_guessed(hr):
    (hr / "card.json").unlink()
    with pytest.raises(WeightsError, match=r"card\.json is missing"):
        check(hr)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[1"])
def test_a_card_that_is_no_json(hr, text):
    (hr / "card.json").write_text(text)
    with pytest.raises(WeightsError, match="cannot be read"):
        check(hr)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "other"}, "has no other for the task blind, models are agrnet, agrnet_hr"),
        ({"model": None}, "says nothing under model"),
        ({"model": ["hr"]}, r"model is a name, task one of x8, blind, params\.model a section; seen: \['hr'\]"),
        ({"task": None}, "says nothing under task"),
        ({"task": "other"}, "task one of x8, blind"),
        ({"task": ["blind"]}, "task one of x8, blind"),
        ({"task": "x8"}, "has no agrnet_hr for the task x8, only for blind"),
        ({"params": {}}, r"says nothing under params\.model"),
        ({"params": 5}, r"says nothing under params\.model"),
        ({"params": {"model": 5}}, r"params\.model a section"),
        (
            {"params": {"model": {"num_arus": 1}}},
            r"params\.model does not fit the model agrnet_hr: widths: Field required",
        ),
        (
            {"params": {"model": {"num_arus": 1, "widths": [8, 12, 16, 24], "depth": 3}}},
            r"params\.model does not fit the model agrnet_hr: depth",
        ),
        ({"data": {}}, r"says nothing under data\.size_px"),
        ({"data": {"size_px": 60}}, "whole multiples of 8"),
        ({"data": {"size_px": "64"}}, "whole multiples of 8"),
        ({"data": {"size_px": 10**9}}, "up to 2048"),
    ],
)
def test_a_card_that_describes_no_network(hr, changes, message):
    edit(hr, **changes)
    with pytest.raises(WeightsError, match=message):
        check(hr)


def test_another_networks_weights_are_told_by_their_shapes(hr):
    edit(hr, params={"model": {"num_arus": 1, "widths": [8, 12, 16, 32]}})
    with pytest.raises(
        WeightsError, match=r"tensors differ, the first is .*: \(.*\) in the file, \(.*\) in the network"
    ):
        check(hr)
    state = load_file(hr / "seed_0.safetensors")
    edit(hr, params={"model": {"num_arus": 1, "widths": [8, 12, 16, 24]}})
    save_file(state | {"more": torch.zeros(1)}, hr / "seed_0.safetensors")
    with pytest.raises(WeightsError, match=r"the first is more: .* absent in the network"):
        check(hr)


def test_numbers_that_are_not_finite_are_refused_when_loaded(hr):
    state = load_file(hr / "seed_0.safetensors")
    state[next(name for name, value in state.items() if value.ndim == 4)][0, 0] = float("nan")
    save_file(state, hr / "seed_0.safetensors")
    with pytest.raises(WeightsError, match="1 tensors hold numbers that are not finite"):
        network.load(check(hr), torch.device("cpu"), "fp32")


def test_half_precision_is_loaded(hr):
    state = load_file(hr / "seed_0.safetensors")
    save_file({n: v.half() if v.is_floating_point() else v for n, v in state.items()}, hr / "seed_0.safetensors")
    network.load(check(hr), torch.device("cpu"), "fp32")


def test_one_network_for_each_kind_of_face(tmp_path, hr):
    agrnet = model_folder(tmp_path / "models/agrnet", "agrnet")
    found, said = find([hr, agrnet])
    assert (list(found), said) == (["blind", "x8"], [])
    again = model_folder(tmp_path / "models/again", "hr")
    with pytest.raises(WeightsError, match="both for larger faces"):
        find([hr, again])


def test_what_lies_on_the_shelf_is_taken_and_said(tmp_path, monkeypatch):
    shelf = tmp_path / "models/pretrained"
    monkeypatch.setattr(weights, "SHELF", shelf)
    model_folder(shelf / "b", "hr", steps=7, data={"size_px": 64, "images": 12})
    model_folder(shelf / "c", "hr")
    found, said = find([])
    assert {task: one.name for task, one in found.items()} == {"blind": "hr"}
    assert found["blind"].file.parent.name == "b"
    assert said == [
        f"no --weights given: {shelf}/b for larger faces (64 px, 7 steps on 12 photographs)",
        f"there are no weights of agrnet under {shelf}: all faces go to the other network",
    ]


def test_an_empty_shelf_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "SHELF", tmp_path / "models/pretrained")
    (tmp_path / "models/pretrained").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"no weights under .*models/pretrained: name some by --weights"):
        find([])


def test_the_projects_own_shelf_is_taken_whatever_lies_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model_folder(tmp_path / paths.KEPT_WEIGHTS / "hr", "hr")
    if not list((ROOT / paths.KEPT_WEIGHTS).glob("*/card.json")):
        pytest.skip("no weights are kept in this checkout")
    found, said = find([])
    assert set(found) <= set(paths.TASKS)
    for chosen in found.values():
        assert chosen.file.parent.parent == ROOT / paths.KEPT_WEIGHTS
        assert any(f"no --weights given: {chosen.file.parent} for" in sentence for sentence in said)
