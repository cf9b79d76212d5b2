"""Which of the networks that ship are weights given by name, without starting the others."""

import hashlib

import pytest
from commands.restore.made import model_folder
from tests_root import ROOT

from pipeline.commands.restore.networks import by_onnx, weights

KEPT = sorted((ROOT / "models/pretrained").glob("*/*.safetensors"))


@pytest.fixture
def started(monkeypatch):
    """Names of the files of which a session was started."""
    names, start = [], by_onnx._session
    monkeypatch.setattr(by_onnx, "_session", lambda file: names.append(file.name) or start(file))
    return names


def test_weights_that_do_not_ship_start_none_that_does(tmp_path, started):
    found, _ = weights.find([model_folder(tmp_path / "hr")], "cpu")
    assert found["blind"].runtime.startswith("torch")
    assert started == []


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.parent.name)
def test_weights_that_ship_start_their_own_alone(file, started):
    network = by_onnx.shipped_form(hashlib.sha256(file.read_bytes()).hexdigest())
    assert network is not None
    assert started == [network.file.name]


def test_text_that_stands_elsewhere_in_a_file_is_no_digest_of_it():
    assert by_onnx.shipped_form("weights_sha256") is None
