"""YuNet's file for the crop stage: taken from where the user says it lies, checked, and kept where DVC tracks it."""

import json
import shutil
from pathlib import Path

from pipeline.store.pretrained import FILE, FOLDER, STATUS

OFF = "switched off in params (pretrained.yunet)"


def bring_detector(setting: str, folder: Path = FOLDER) -> None:
    """Copy the ONNX file that `setting` names into `folder`, or nothing where it is "off"; folder/status.json says which.

    No package ships the file and nothing is downloaded: a path is the only way. ValueError where there is no such file, or
    OpenCV does not take it for a face detector.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / FILE
    if setting != "off" and Path(setting).resolve() == target.resolve():
        raise ValueError(f"pretrained.yunet: {setting} lies in the stage's own output folder; keep it elsewhere")
    target.unlink(missing_ok=True)
    if setting != "off":
        source = Path(setting)
        if not source.is_file():
            raise ValueError(f"pretrained.yunet: {setting!r} is no file; name YuNet's .onnx file, or write off")
        _check(source)
        shutil.copyfile(source, target)
    status = {"available": setting != "off", "reason": OFF if setting == "off" else None}
    (folder / STATUS).write_text(json.dumps({"yunet": status}, indent=2) + "\n")


def _check(path: Path) -> None:
    import cv2
    import numpy as np

    try:
        found = cv2.FaceDetectorYN.create(str(path), "", (64, 64)).detect(np.zeros((64, 64, 3), np.uint8))
    except cv2.error as error:
        raise ValueError(f"pretrained.yunet: OpenCV does not read {path.name} as YuNet ({error.err})") from None
    assert found[0] == 1
