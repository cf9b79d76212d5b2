"""Which weights are taken, and every way in which they can be wrong, said before a network is built."""

import json
import pickle
import shutil

import numpy as np
import onnx
import pytest
import torch
from commands.restore.made import model_folder, portrait
from safetensors.torch import load_file, save_file
from tests_root import ROOT

from pipeline.commands.export.ship import ship as write_shipped
from pipeline.commands.restore.networks import by_onnx, by_torch, weights
from pipeline.commands.restore.networks.weights import find
from pipeline.infer.trained import WeightsError, check, kept_weights
from pipeline.store import paths
from pipeline.store.weights import half_precision, save_weights


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
    card = json.loads((hr / "card.json").read_text())
    edit(hr, params={"model": card["params"]["model"] | {"widths": [8, 12, 16, 32]}})
    with pytest.raises(
        WeightsError, match=r"tensors differ, the first is .*: \(.*\) in the file, \(.*\) in the network"
    ):
        check(hr)
    state = load_file(hr / "seed_0.safetensors")
    edit(hr, params=card["params"])
    save_file(state | {"more": torch.zeros(1)}, hr / "seed_0.safetensors")
    with pytest.raises(WeightsError, match=r"the first is more: .* absent in the network"):
        check(hr)


def test_numbers_that_are_not_finite_are_refused_when_loaded(hr):
    state = load_file(hr / "seed_0.safetensors")
    state[next(name for name, value in state.items() if value.ndim == 4)][0, 0] = float("nan")
    save_file(state, hr / "seed_0.safetensors")
    with pytest.raises(WeightsError, match="1 tensors hold numbers that are not finite"):
        by_torch.load(check(hr), torch.device("cpu"), "fp32")


def test_half_precision_is_loaded(hr):
    state = load_file(hr / "seed_0.safetensors")
    save_file({n: v.half() if v.is_floating_point() else v for n, v in state.items()}, hr / "seed_0.safetensors")
    by_torch.load(check(hr), torch.device("cpu"), "fp32")


def test_one_network_for_each_kind_of_face(tmp_path, hr):
    agrnet = model_folder(tmp_path / "models/agrnet", "agrnet")
    found, said = find([hr, agrnet])
    assert (list(found), said) == (["blind", "x8"], [])
    again = model_folder(tmp_path / "models/again", "hr")
    with pytest.raises(WeightsError, match="both for larger faces"):
        find([hr, again])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A shelf with a kept AGRNet-HR, and what `make ship` makes of it; not to be changed."""
    shelf, target = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("shipped")
    folder = model_folder(shelf / "kept_hr", "hr_whole", network="hr", steps=7, data={"size_px": 64, "images": 12})
    for file in folder.glob("*.safetensors"):
        save_weights(file, half_precision(load_file(file), "hr"))  # as `keep` writes them
    write_shipped(shelf, target)
    return shelf, target


@pytest.fixture
def ships(made, monkeypatch):
    """The package's own networks are those that were made here: the kept folder and the ONNX file."""
    shelf, target = made
    monkeypatch.setattr(by_onnx, "SHIPPED", target)
    monkeypatch.setattr(weights, "SHELF", shelf)
    return shelf / "kept_hr", target / "kept_hr.onnx"


@pytest.fixture
def ships_nothing(tmp_path, monkeypatch):
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(by_onnx, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(weights, "SHELF", tmp_path / "models/pretrained")


@pytest.mark.middle
def test_what_ships_is_taken_and_said(ships):
    _, file = ships
    found, said = find([])
    assert {task: one.name for task, one in found.items()} == {"blind": "hr"}
    assert found["blind"].file == file
    assert found["blind"].runtime.startswith("onnxruntime")
    assert said == [
        f"no --weights given: {file} for larger faces (64 px, 7 steps on 12 photographs)",
        f"there are no weights of agrnet under {file.parent}: all faces go to the other network",
    ]


@pytest.mark.middle
def test_kept_weights_by_name_are_computed_by_onnxruntime_too_but_in_bf16(ships):
    kept, _ = ships
    (light,), (heavy,) = (find([kept], "cpu", precision)[0].values() for precision in ("fp32", "bf16"))
    assert (light.file, heavy.file) == (kept / "seed_0.safetensors",) * 2
    assert light.weights_sha256 == heavy.weights_sha256
    assert light.runtime.startswith("onnxruntime")
    assert heavy.runtime.startswith("torch")
    found, said = find([], "cpu", "bf16")
    assert found["blind"].runtime == heavy.runtime
    assert said[0].startswith(f"no --weights given: {kept} for larger faces")


@pytest.mark.middle
def test_both_ways_give_the_same_picture_within_a_grey_level(ships):
    kept, file = ships
    faces = np.stack([portrait(3, number, 64) for number in range(3)])
    light = by_onnx.onnx_network(file).load()(faces)
    heavy = by_torch.torch_network(check(kept), "cpu", "fp32").load()(faces)
    apart = np.abs(light.astype(int) - heavy)
    assert apart.max() <= 1
    assert np.mean(apart > 0) < 1e-3  # where rounding falls the other way
    np.testing.assert_array_equal(light[1], by_onnx.onnx_network(file).load()(faces[1:2])[0])


@pytest.mark.usefixtures("ships_nothing")
def test_without_torch_other_weights_are_refused_in_a_sentence(hr, monkeypatch):
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    for asked in (lambda: find([hr], "cpu"), lambda: find([], "cpu", "bf16"), lambda: find([], "cuda")):
        with pytest.raises(WeightsError, match=r"PyTorch, which is not installed: pip install '\.\[pipeline\]'"):
            asked()


def test_a_path_that_is_not_there_is_said_before_torch_is_asked_for(tmp_path, hr, monkeypatch):
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="is not there"):
        find([tmp_path / "nowhere"], "cpu")
    (hr / "seed_0.safetensors").unlink()
    for other in (hr, hr / "card.json"):
        with pytest.raises(WeightsError, match=r"holds no \.safetensors: --weights takes"):
            find([other], "cpu")


def test_a_gpu_is_asked_for_only_where_a_driver_is_there(tmp_path, monkeypatch):
    model_folder(tmp_path / "hr")
    monkeypatch.setattr(weights, "SHELF", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for driver in (True, False):
        monkeypatch.setattr(weights, "_driver_is_there", lambda driver=driver: driver)
        assert weights._on_gpu("auto") == driver
    assert weights._on_gpu("cuda")
    assert not weights._on_gpu("cpu")


@pytest.mark.middle
def test_a_gpu_that_is_left_idle_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_driver_is_there", lambda: True)
    monkeypatch.setattr(weights, "SHELF", tmp_path)
    assert "needs weights by --weights" in find([])[1][0]
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    assert "a GPU needs PyTorch" in find([])[1][0]
    assert "no --weights given" in find([], "cpu")[1][0]
    monkeypatch.setattr(weights, "_driver_is_there", lambda: False)
    assert "no --weights given" in find([])[1][0]


@pytest.mark.usefixtures("ships_nothing")
def test_nothing_shipped_is_an_error():
    with pytest.raises(WeightsError, match=r"no weights under .*shipped: name some by --weights"):
        find([], "cpu")


@pytest.mark.parametrize("data", [b"", b"no network", b"\x08\x08"])
def test_no_onnx_file(tmp_path, data):
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    with pytest.raises(
        WeightsError, match=r"net\.onnx is no ONNX file that this onnxruntime runs: \w|says nothing under card"
    ):
        find([file])
    with pytest.raises(WeightsError, match="is not there"):
        find([tmp_path / "other.onnx"])
    with pytest.raises(WeightsError, match="computed on the CPU in fp32"):
        find([file], "cuda")


@pytest.mark.middle
def test_an_onnx_file_of_another_size_than_its_cards_is_refused(tmp_path, ships):
    model = onnx.load(ships[1])
    (card,) = (said for said in model.metadata_props if said.key == "card")
    card.value = card.value.replace('"size_px": 64', '"size_px": 32')
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(WeightsError, match=r"the shape \[1, 3, 64, 64\]; its card asks for 32 px"):
        find([tmp_path / "net.onnx"])


def test_what_ships_is_what_is_kept():
    """`make ship` writes it anew after new weights, a new card or a new gate."""
    kept = {weights.file.parent.name: weights for weights in kept_weights(ROOT / paths.KEPT_WEIGHTS)}
    shipped = {network.file.stem: network for network in by_onnx.shipped()}
    assert shipped.keys() == kept.keys()
    for name, network in shipped.items():
        runnable = by_torch.torch_network(kept[name], "cpu", "fp32")
        assert (network.card, network.takes) == (runnable.card, runnable.takes)
        assert network.weights_sha256 == runnable.weights_sha256
        assert vars(network.gate).keys() == vars(runnable.gate).keys()
        for field, value in vars(network.gate).items():
            np.testing.assert_array_equal(value, getattr(runnable.gate, field))


def test_the_weights_that_ship_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model_folder(tmp_path / paths.KEPT_WEIGHTS / "hr", "hr")
    found, _ = find([], "cpu")
    assert {network.file.parent for network in found.values()} == {by_onnx.SHIPPED}
