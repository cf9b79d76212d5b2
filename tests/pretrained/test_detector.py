"""YuNet's file: by path or not at all."""

import json

import pytest

from pipeline.pretrained.detector import bring_detector
from pipeline.store.pretrained import FILE, DetectorMissing, detector_file


def test_the_file_that_is_named_is_kept_and_goes_when_switched_off(shared, tmp_path):
    (source,) = (shared / "weights").glob("*yunet*.onnx")
    bring_detector(str(source), tmp_path)
    assert detector_file(tmp_path).read_bytes() == source.read_bytes()
    assert json.loads((tmp_path / "status.json").read_text()) == {"yunet": {"available": True, "reason": None}}
    bring_detector("off", tmp_path)
    with pytest.raises(DetectorMissing, match=r"pretrained\.yunet in params\.yaml"):
        detector_file(tmp_path)
    assert not json.loads((tmp_path / "status.json").read_text())["yunet"]["available"]


@pytest.mark.parametrize("setting", ["auto", "nowhere.onnx"])
def test_what_is_no_file_is_named(tmp_path, setting):
    with pytest.raises(ValueError, match=f"'{setting}' is no file"):
        bring_detector(setting, tmp_path / "out")


def test_a_file_in_the_output_folder_is_refused_and_kept(tmp_path):
    file = tmp_path / FILE
    file.write_bytes(b"mine")
    with pytest.raises(ValueError, match="keep it elsewhere"):
        bring_detector(str(file), tmp_path)
    assert file.read_bytes() == b"mine"


def test_what_is_no_detector_is_named(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"\x08\x07 no network")
    with pytest.raises(ValueError, match=r"does not read other\.onnx as YuNet"):
        bring_detector(str(tmp_path / "other.onnx"), tmp_path / "out")
    assert not (tmp_path / "out/yunet.onnx").exists()
