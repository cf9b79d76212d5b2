"""Clips of a generated portrait in motion, and a detector that knows where it is."""

import json
from pathlib import Path

import cv2
import numpy as np
from commands.restore.made import portrait

from pipeline.commands.restore import cli
from pipeline.commands.restore import photo as photos
from pipeline.faces.detect import Face

FACE_PX, WIDTH, HEIGHT = 64, 160, 96
DARK, LIGHT = 20, 90  # the background's level, and the least of the portrait's
# Of the portrait at 128 px.
_LANDMARKS = np.array([[48, 55], [80, 55], [64, 75], [52, 92], [76, 92]], float)


def moving(count: int, step: float = 2.0, noise: float = 0.0) -> np.ndarray:
    """RGB uint8 (count, 96, 160, 3): a portrait of 64 px that moves to the right over a dark background."""
    rng = np.random.default_rng(0)
    frames = np.full((count, HEIGHT, WIDTH, 3), DARK, np.float64)
    for number, frame in enumerate(frames):
        left = 8 + round(step * number)
        frame[16 : 16 + FACE_PX, left : left + FACE_PX] = np.maximum(portrait(1, 0, FACE_PX), LIGHT)
        frame += rng.normal(0, noise, frame.shape)
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def saved(path: Path, frames: np.ndarray, rate: float = 25, codec: str = "mp4v") -> Path:
    """A clip by OpenCV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = frames.shape[2], frames.shape[1]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate, size)
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def read(path: Path) -> np.ndarray:
    """All frames of a film, RGB uint8."""
    capture, frames = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while (got := capture.read())[0]:
        frames.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
    return np.stack(frames)


class Sighted:
    """Finds the portrait where it stands out from the background."""

    def detect(self, photo: np.ndarray) -> list[Face]:
        lit = cv2.blur(photo, (5, 5)).max(axis=2) > (DARK + LIGHT) // 2
        columns, rows = np.flatnonzero(lit.sum(0) > 20), np.flatnonzero(lit.sum(1) > 20)
        if not len(columns):
            return []
        left, top = float(columns[0]), float(rows[0])
        box = left + 14, top + 8, 36.0, 46.0
        return [Face(box, _LANDMARKS * FACE_PX / 128 + (left, top), 0.99)]


class Sure:
    """Finds the landmarks of a face's square where FFHQ's alignment puts them."""

    def find(self, image: np.ndarray) -> np.ndarray:
        return np.array([[0.376, 0.46], [0.624, 0.46], [0.5, 0.61], [0.408, 0.748], [0.592, 0.748]]) * len(image)


def without_looking(monkeypatch, detector=Sighted, finder=Sure) -> None:
    """No real detector: tests that are not about finding faces."""
    monkeypatch.setattr(photos.Detectors, "of_photos", lambda self: detector())
    monkeypatch.setattr(photos.Detectors, "of_faces", lambda self: finder())


def restore(source: Path, out: Path, *arguments) -> int:
    return cli.main([str(source), "-o", str(out), *map(str, arguments)])


def record(path: Path) -> dict:
    return json.loads(path.with_name(path.name + ".json").read_text())
