"""Weights and cards that do not belong together are refused before a network is built."""

import pickle
import shutil

import pytest
import torch
from export.exported import model_folder, network
from safetensors.torch import save_file

from pipeline.export.trained import find_weights, read_trained


@pytest.mark.parametrize("form", ["agrnet", "hr"])
def test_the_network_is_the_one_that_was_saved(tmp_path, form):
    folder = model_folder(tmp_path / "model", form)
    expected = network(form).state_dict()
    for path in (folder, folder / "seed_0.safetensors"):
        trained = read_trained(path)
        assert not trained.net.training
        assert trained.card["variant"] == form
        assert trained.lowest == -1
        for name, tensor in trained.net.state_dict().items():
            torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0)


def test_weights_in_half_precision_are_read(tmp_path):
    folder = model_folder(tmp_path / "model", "agrnet")
    state = {name: t.half() if t.is_floating_point() else t for name, t in network("agrnet").state_dict().items()}
    save_file(state, folder / "seed_0.safetensors")
    assert {p.dtype for p in read_trained(folder).net.parameters()} == {torch.float32}


def test_of_several_runs_one_must_be_named(tmp_path):
    folder = model_folder(tmp_path / "model", "agrnet")
    shutil.copy(folder / "seed_0.safetensors", folder / "seed_1.safetensors")
    with pytest.raises(ValueError, match=r"several runs; name one: seed_0.safetensors, seed_1.safetensors"):
        read_trained(folder)
    assert find_weights(folder / "seed_1.safetensors") == folder / "seed_1.safetensors"


def test_what_is_not_there_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no .safetensors file: train the variant first"):
        read_trained(tmp_path / "empty")
    with pytest.raises(ValueError, match="does not exist"):
        read_trained(tmp_path / "none")
    folder = model_folder(tmp_path / "model", "agrnet")
    (folder / "card.json").unlink()
    with pytest.raises(ValueError, match=r"card.json is missing: without the card"):
        read_trained(folder)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".PTH"])
def test_a_pickle_is_never_opened(tmp_path, suffix):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "went off"), "w")

    path = tmp_path / f"weights{suffix}"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="is a pickle, which can run any code"):
        read_trained(path)
    folder = model_folder(tmp_path / "model", "agrnet")
    shutil.copy(path, folder / "seed_0.safetensors")
    with pytest.raises(ValueError, match="is no safetensors file or damaged"):
        read_trained(folder)
    assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("{", "card.json is damaged"),
        ("[]", "holds no card"),
        ("{}", "names the model None; exported are: agrnet, agrnet_hr"),
        ('{"model": "gfpgan"}', "names the model 'gfpgan'"),
        ('{"model": "agrnet"}', "does not describe a network of agrnet"),
        (
            '{"model": "agrnet", "params": {"network": {"width": 3, "depth": 4}}}',
            "does not describe a network of agrnet",
        ),
        ('{"model": "agrnet", "params": {"network": 7}}', "does not describe a network of agrnet"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(tmp_path, card, why):
    folder = model_folder(tmp_path / "model", "agrnet")
    (folder / "card.json").write_text(card)
    with pytest.raises(ValueError, match=why):
        read_trained(folder)


def test_weights_of_another_network_are_named_by_their_first_difference(tmp_path):
    folder = model_folder(tmp_path / "model", "agrnet")
    wider = {"network": {"num_arus": 1, "width": 16, "head_width": 8}}
    model_folder(folder, "agrnet", params=wider)
    with pytest.raises(ValueError, match=r"\d+ tensors differ, the first is .*: \(6,.*, expected \(8,"):
        read_trained(folder)
    model_folder(folder, "agrnet", params={"network": {"num_arus": 2, "width": 16, "head_width": 6}})
    with pytest.raises(ValueError, match=r"the first is fem.1.*: absent, expected"):
        read_trained(folder)


def test_a_cut_file_is_damaged(tmp_path):
    folder = model_folder(tmp_path / "model", "agrnet")
    path = folder / "seed_0.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is no safetensors file or damaged"):
        read_trained(folder)
