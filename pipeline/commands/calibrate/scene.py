"""A good face put into a photo and spoilt, and where it lies in it: what `restore` would find."""

import hashlib
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.commands.calibrate import damage
from pipeline.commands.calibrate.spoil import by_eq28, spoilt
from pipeline.commands.restore import geometry
from pipeline.faces.detect import Face
from pipeline.faces.square import square_corners
from pipeline.images.pixels import resize

_AROUND = 0.25  # of the face's side, what of its surroundings lies in a photo in which it is turned: reflected


@dataclass(frozen=True)
class Scene:
    """A photo, RGB uint8, the square in it that `restore` would cut (`geometry`), what is true there at the network's size,
    and the kind of damage."""

    photo: np.ndarray
    quad: np.ndarray
    truth: np.ndarray
    kind: str


def draw_scene(face: np.ndarray, name: str, number: int, lr_px: int | None = None) -> Scene:
    """A face, RGB uint8 (S, S, 3), spoilt in a way that its name and `number` decide.

    lr_px: side of the network's input, where it restores from LR: the face is about as small then.
    """
    digest = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], np.uint32).tolist()
    random = np.random.Generator(np.random.PCG64([number, *digest]))
    return _large(face, name, number, random) if lr_px is None else _small(face, lr_px, random)


def _large(face: np.ndarray, name: str, number: int, random: np.random.Generator) -> Scene:
    kind = damage.draw_kind(damage.KINDS, random)
    if kind == damage.EQ28:
        photo = by_eq28(face, name, number)
        return Scene(photo, square_corners(0, 0, len(photo)), face, kind)
    how = damage.draw_spoiling(kind, len(face), random)
    if random.random() >= damage.TURNED:
        photo = spoilt(face, how, random)
        return Scene(photo, square_corners(0, 0, len(photo)), face, kind)
    side_px = how.side_px or round(len(face) * random.uniform(*damage.TURNED_SCALE))
    photo, quad = _turned(resize(face, side_px, "bicubic"), random.uniform(-damage.TURN_DEG, damage.TURN_DEG))
    return Scene(spoilt(photo, replace(how, side_px=None), random), quad, face, kind)


def _small(face: np.ndarray, lr_px: int, random: np.random.Generator) -> Scene:
    """A face of few pixels anywhere on the photo's grid, found about where it is."""
    size_px = len(face)
    around = size_px // 2
    canvas = np.pad(face, ((around, around), (around, around), (0, 0)), "symmetric")
    side_px = random.uniform(*damage.SMALL_SIDE) * lr_px
    photo_px = round(side_px * len(canvas) / size_px)
    scale = photo_px / len(canvas)
    move = random.integers(-around // 4, around // 4 + 1, 2)  # the face's place on the photo's pixels
    canvas = np.roll(canvas, move[::-1], (0, 1))
    kind = damage.draw_kind(damage.SMALL_KINDS, random)
    photo = spoilt(canvas, replace(damage.draw_small_spoiling(kind, random), side_px=photo_px), random)
    found_px = size_px * scale / geometry.MARGIN * random.normal(1, damage.FOUND_OFF)
    centre = (around + size_px / 2 + move) * scale + random.normal(0, damage.FOUND_OFF, 2) * size_px * scale
    box = (*(float(c - found_px / 2) for c in centre), found_px, found_px)
    found = Face(box, np.full((5, 2), np.nan), 1.0)
    quad = geometry.face_quad(found, "x8", photo_px, photo_px, lr_px)
    truth = geometry.cut(canvas, geometry.enlarged(quad, (photo_px,) * 2, (len(canvas),) * 2), size_px)
    return Scene(photo, quad, truth, kind)


def _turned(face: np.ndarray, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    side_px, angle = len(face), np.deg2rad(angle_deg)
    around = int(_AROUND * side_px) + 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.full(2, (side_px - 1) / 2)
    move = around + centre - turn @ centre
    size = (side_px + 2 * around,) * 2
    to_photo = np.column_stack([turn, move])
    photo = cv2.warpAffine(face, to_photo, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return photo, square_corners(0, 0, side_px) @ turn.T + move
