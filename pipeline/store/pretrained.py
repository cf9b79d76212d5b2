"""What the stage `pretrained` brought, or why not. Reading it needs no torch."""

import json
from pathlib import Path

from pipeline.store import paths

STATUS = "status.json"
FOLDER = paths.PRETRAINED / "crop"  # of the detector
FILE = "yunet.onnx"


class PretrainedMissing(RuntimeError):
    """Weights that a step needs are not there; the text says why and what to do."""


def read_status(folder: Path) -> dict[str, dict]:
    """What `bring_all` recorded, name -> record; `PretrainedMissing` where it never ran."""
    path = Path(folder) / STATUS
    if not path.is_file():
        raise PretrainedMissing(f"{path} is missing: run the stage `pretrained` first (dvc repro pretrained)")
    return json.loads(path.read_bytes())


def weights_path(folder: Path, name: str) -> Path:
    """The file of one set of weights; `PretrainedMissing` with the recorded reason where it was not brought."""
    record = read_status(folder).get(name)
    if record is None:
        raise PretrainedMissing(
            f"{name} weights are not shared out to {folder}: stages/pretrained.py says who gets which"
        )
    if not record["available"]:
        raise PretrainedMissing(
            f"{name} weights are not there: {record['reason']}. Name a .pth or .safetensors file under pretrained in "
            f"params.yaml, or set it to auto on a machine with a network, and run the stage `pretrained` again"
        )
    return Path(folder) / record["file"]


class DetectorMissing(RuntimeError):
    """The crop stage asks for a detector whose file was not brought; the text says what to do."""


def detector_file(folder: Path = FOLDER) -> Path:
    """YuNet's file. Raises DetectorMissing where it was not brought."""
    if not (folder / FILE).is_file():
        raise DetectorMissing(
            f"crop asks for the detector yunet, whose file {folder / FILE} is not there: name an .onnx file under "
            "pretrained.yunet in params.yaml and run dvc repro pretrained, or take the detector mtcnn, which needs none"
        )
    return folder / FILE
