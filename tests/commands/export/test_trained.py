"""What is exported is the network that was saved. What is refused: tests/commands/restore/test_weights.py."""

import json
import shutil

import pytest
import torch
from commands.export.exported import model_folder, network
from safetensors.torch import save_file

from pipeline.commands.export.trained import read_trained


@pytest.mark.parametrize("form", ["agrnet", "hr"])
def test_the_network_is_the_one_that_was_saved(tmp_path, form):
    folder = model_folder(tmp_path / "model", form)
    expected = network(form).state_dict()
    for path in (folder, folder / "seed_0.safetensors"):
        trained = read_trained(path)
        assert not trained.net.training
        assert trained.card["network"] == form
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
    assert read_trained(folder / "seed_1.safetensors").model == "agrnet"


def test_other_peoples_networks_are_not_exported(tmp_path):
    from pipeline.networks.swinir import SwinIR

    params = {"width": 12, "depths": [1], "heads": 2, "up_width": 8}
    save_file(SwinIR(**params).state_dict(), tmp_path / "seed_0.safetensors")
    card = {"model": "swinir", "task": "x8", "params": {"model": params}, "data": {"size_px": 64}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="of the model 'swinir'; exported are: agrnet, agrnet_hr"):
        read_trained(tmp_path)


def test_what_restoring_refuses_is_refused(tmp_path):
    folder = model_folder(tmp_path / "model", "agrnet", params={"model": {"num_arus": 2, "width": 16, "head_width": 6}})
    with pytest.raises(ValueError, match=r"tensors differ, the first is fem.1.*: absent in the file"):
        read_trained(folder)
    (folder / "seed_0.safetensors").rename(folder / "seed_0.pth")
    with pytest.raises(ValueError, match="is a pickle, which can run any code"):
        read_trained(folder / "seed_0.pth")
