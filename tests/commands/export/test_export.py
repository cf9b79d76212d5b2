"""The ONNX file computes what the network computes, and says what it is."""

import json
from dataclasses import replace
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
from commands.export.exported import model_folder, network
from safetensors.torch import load_file
from tests_root import ROOT

onnx = pytest.importorskip("onnx", reason="the optional dependencies `export` are not installed")
if find_spec("onnxscript") is None:  # imported it takes a second, which who collects fast tests need not wait for
    pytest.skip("the optional dependencies `export` are not installed", allow_module_level=True)

from pipeline.commands.export import check, cli, onnx_file  # noqa: E402
from pipeline.commands.export.half import store_halved  # noqa: E402
from pipeline.commands.export.onnx_file import OPSET, OUTPUTS, metadata, to_onnx  # noqa: E402
from pipeline.commands.export.trained import read_trained  # noqa: E402
from pipeline.commands.restore.networks.by_onnx import SHIPPED  # noqa: E402
from pipeline.runtime.quiet import onnxruntime  # noqa: E402
from pipeline.store.weights import half_precision, save_weights  # noqa: E402

pytestmark = pytest.mark.middle


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """form -> a folder with a network of half-precision numbers, as kept ones are."""

    @cache
    def keep(form):
        folder = model_folder(tmp_path_factory.mktemp("kept") / "model", form, may_be_used_for="research")
        file = folder / "seed_0.safetensors"
        save_weights(file, half_precision(load_file(file), form))
        return folder

    return keep


@pytest.fixture(scope="module")
def exported(kept):
    """form -> a kept network and its ONNX file for any number of images of 32 px, made once."""

    @cache
    def export(form):
        trained = read_trained(kept(form))
        return trained, to_onnx(trained, 32, None)

    return export


@pytest.mark.parametrize("form", ["agrnet", "baseline", "hr", "hr_instance"])
def test_any_number_of_images_gives_what_pytorch_gives(exported, form):
    trained, data = exported(form)
    checks = check.compare(data, trained, 32, None)
    assert [(told["inputs"], told["images"]) for told in checks] == [
        (kind, count) for kind in ("random", "photographs") for count in (1, 2, 3)
    ]
    assert all(told["largest_difference"] <= check.TOLERANCE and told["grey_levels"] <= 1 for told in checks)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    images = session.run(None, {"image": np.zeros((7, 3, 32, 32), np.float32)})
    assert [image.shape for image in images] == [(7, 3, 32 >> i, 32 >> i) for i in range(len(OUTPUTS[trained.model]))]


@pytest.mark.parametrize("form", ["agrnet", "hr_instance"])
def test_half_of_the_room_loses_nothing_of_kept_weights(exported, form):
    """They are half-precision numbers: these are stored, and the factors of the normalisations folded into them."""
    trained, whole = exported(form)
    halved = onnx.load_from_string(whole)
    store_halved(halved.graph, trained.net.state_dict())
    told = check.compare(halved.SerializeToString(), trained, 32, None)
    assert max(one["largest_difference"] for one in told) <= check.TOLERANCE
    wanted = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load_from_string(whole).graph.initializer}
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in halved.graph.initializer}
    in_half = {name for name in wanted if f"{name}_half" in stored}
    for name in in_half:
        again = stored[f"{name}_half"].astype(np.float32) * stored.get(f"{name}_factor", np.float32(1))
        np.testing.assert_allclose(again, wanted[name], rtol=2.0**-22)
    left = {name for name, value in stored.items() if value.ndim > 1 and value.shape[-1] > 1} & wanted.keys()
    assert {stored[name].shape[-1] for name in left} <= {2, 4}  # of an upsampling, sums of such numbers


def test_what_onnxruntime_computes_slowly_is_computed_otherwise(exported):
    """7x7 convolutions to few channels and the one to a single map by rows, upsamplings by phases: tiny networks too."""
    nodes = onnx.load_from_string(exported("hr")[1]).graph.node
    kernels = {tuple(one.ints) for node in nodes for one in node.attribute if one.name == "kernel_shape"}
    assert {(1, 7), (1, 3), (2, 2)} <= kernels
    assert "ConvTranspose" not in {node.op_type for node in nodes}


def test_a_fixed_number_is_the_only_one_taken_and_the_final_image_alone_is_given(tmp_path):
    trained = read_trained(model_folder(tmp_path / "model", "hr_baseline"))
    one_final = to_onnx(trained, 24, 1, final_only=True)
    checks = check.compare(one_final, trained, 24, 1, final_only=True)
    assert [told["images"] for told in checks] == [1, 1]
    assert max(told["largest_difference"] for told in checks) <= check.TOLERANCE
    assert metadata(one_final)["outputs"].startswith("restored: float32 (1, 3, 24, 24); in the input's range")
    session = onnxruntime.InferenceSession(one_final, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 24, 24]
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
        session.run(None, {"image": np.zeros((2, 3, 24, 24), np.float32)})


def test_the_file_says_what_it_is_and_nothing_of_the_machine(exported, tmp_path_factory):
    trained, data = exported("hr")
    told = metadata(data)
    assert (told["model"], told["network"]) == ("agrnet_hr", "hr")
    assert told["input"].startswith("image: float32 (N, 3, 32, 32), RGB in [-1, 1], that is level / 127.5 - 1;")
    assert told["outputs"].startswith("restored: float32 (N, 3, 32, 32); restored_half: float32 (N, 3, 16, 16);")
    assert told["card_sha256"] == trained.card_sha256
    assert told["licence"] == "research"
    assert "no evidence of anybody's identity" in told["identity"]
    assert b".py" not in data
    assert str(tmp_path_factory.getbasetemp()).encode() not in data


def test_another_network_is_told_apart(exported):
    trained, data = exported("baseline")
    other = network("baseline")
    other.tail.bias.data[1] += 0.01
    for told in check.compare(data, replace(trained, net=other), 32, 2):
        assert told["largest_difference"] == pytest.approx(0.01, abs=1e-4)
        assert told["grey_levels"] in (1, 2)
    other.tail.bias.data[1] = float("nan")
    assert check.compare(data, replace(trained, net=other), 32, 2)[0]["largest_difference"] == float("inf")


def test_inputs_are_in_range_and_different_faces():
    for kind in check.KINDS:
        seen = check.inputs(kind, 3, 32)
        assert seen.shape == (3, 3, 32, 32)
        assert seen.min() >= -1
        assert seen.max() <= 1
        assert seen.flatten(1).std(dim=1).min() > 0.05
        assert (seen[0] - seen[1]).abs().max() > 0.1


def test_more_images_than_there_are_photographs_repeat_them():
    seen = check.inputs("photographs", 103, 16)
    assert seen.shape[0] == 103
    assert (seen[102] == seen[1]).all()


def test_the_command_writes_the_file_and_its_record(kept, exported, tmp_path, capsys):
    target = tmp_path / "out" / "net.onnx"
    assert cli.main(["--onnx", str(target), "--weights", str(kept("baseline")), "--dynamic-batch"]) == 0
    assert target.read_bytes() == exported("baseline")[1]  # the same each time
    record = json.loads(target.with_suffix(".json").read_text())
    assert record["largest_difference"] == max(told["largest_difference"] for told in record["checks"])
    assert record["largest_difference"] <= record["tolerance"] == check.TOLERANCE
    assert record["network"] == "baseline"
    assert record["opset"] == OPSET
    said = capsys.readouterr().out
    assert f"largest difference {record['largest_difference']:.2e}" in said
    assert "no evidence of anybody's identity" in said
    onnx.checker.check_model(onnx.load(target))


def test_a_file_that_differs_too_much_is_not_written(exported, tmp_path, capsys, monkeypatch):
    data = exported("baseline")[1]
    given = []
    monkeypatch.setattr(onnx_file, "to_onnx", lambda *arguments: given.append(arguments) or data)
    monkeypatch.setattr(check, "TOLERANCE", 0.0)
    folder = model_folder(tmp_path / "model", "baseline")
    assert cli.main(["--onnx", str(tmp_path / "net.onnx"), "--weights", str(folder), "--batch", "2"]) == 1
    assert given[0][1:] == (32, 2, False, False)
    assert "NOT written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--size-px", "30"], "take a multiple of 8"),
        (["--weights", "nowhere"], "nowhere is not there"),
        (["--onnx", "net.pt"], "an ONNX file ends in .onnx"),
    ],
)
def test_wrong_input_is_said_in_a_line(tmp_path, capsys, arguments, why):
    folder = model_folder(tmp_path / "model", "baseline")
    given = ["--onnx", str(tmp_path / "net.onnx"), "--weights", str(folder), *arguments]
    assert cli.main(given) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


def test_a_card_without_a_size_is_none(tmp_path, capsys):
    folder = model_folder(tmp_path / "model", "baseline", data={})
    assert cli.main(["--onnx", str(tmp_path / "net.onnx"), "--weights", str(folder)]) == 2
    assert "says nothing under data.size_px" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["agrnet", "hr"])
def test_the_weights_that_ship_come_out_the_same(name):
    trained, data = read_trained(ROOT / "models/pretrained" / name), (SHIPPED / f"{name}.onnx").read_bytes()
    size_px = trained.card["data"]["size_px"]
    checks = check.compare(data, trained, size_px, 1, final_only=True)
    assert max(told["largest_difference"] for told in checks) <= check.TOLERANCE
