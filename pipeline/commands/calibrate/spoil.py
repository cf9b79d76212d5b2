"""Good faces made poor, in the ways and to the degrees in which photos are: the truth is known then."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.degrade.draw import draw
from pipeline.degrade.eq28 import degrade
from pipeline.images.pixels import encode_jpeg, resize
from pipeline.params.degrade import RealDegradation
from pipeline.store.images import decode

EQ28 = RealDegradation(kind="eq28", seed=0)


@dataclass(frozen=True)
class Spoiling:
    """What is done to a face, in this order; what is 0 or None is left out.

    side_px: it is shrunk to, antialiased. blur_px: sigma of a Gaussian. noise: standard deviation in grey levels;
    shared: whether the three channels have it in common; grain_px: sigma that the noise is smoothed with, as a film's grain.
    raster_px: period of a halftone's dots. comb: strength 0 to 1 of every other line's brightening, as of old video.
    quality: JPEG's, None stores no JPEG. Lengths in pixels of what is there by then.
    """

    side_px: int | None = None
    blur_px: float = 0.0
    noise: float = 0.0
    shared: bool = False
    grain_px: float = 0.0
    raster_px: float = 0.0
    comb: float = 0.0
    quality: int | None = None


def spoilt(face: np.ndarray, how: Spoiling, random: np.random.Generator) -> np.ndarray:
    """A square face, RGB uint8 (S, S, 3), spoilt: (side_px, side_px, 3), or of its own size."""
    image = face if how.side_px is None or how.side_px == len(face) else resize(face, how.side_px, "bicubic")
    if how.blur_px:
        image = cv2.GaussianBlur(image, (0, 0), how.blur_px, borderType=cv2.BORDER_REFLECT)
    if how.noise:
        image = _rounded(image + how.noise * _field(image.shape, how, random))
    if how.raster_px:
        image = _rounded(image + _raster(image, how.raster_px))
    if how.comb:
        lines = np.where(np.arange(len(image)) % 2, 1 + how.comb / 2, 1 - how.comb / 2)
        image = _rounded(image * lines[:, None, None])
    return image if how.quality is None else decode(encode_jpeg(image, how.quality))


def by_eq28(face: np.ndarray, name: str, seed: int) -> np.ndarray:
    """A face spoilt by Eq. (28), the paper's ranges, at its low resolution. name, seed: what is drawn depends on them."""
    record = draw(EQ28.model_copy(update={"seed": seed}), name, len(face))
    return decode(degrade(face, record))


def _rounded(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _field(shape: tuple[int, ...], how: Spoiling, random: np.random.Generator) -> np.ndarray:
    field = random.standard_normal((*shape[:2], 1 if how.shared else 3)).astype(np.float32)
    if how.grain_px:
        field = cv2.GaussianBlur(field, (0, 0), how.grain_px).reshape(field.shape)
        field /= field.std()
    return field


def _raster(image: np.ndarray, period_px: float) -> np.ndarray:
    """Dots of a print at 45 degrees, strongest in the mid-tones: grey levels to add."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] * (2 * np.pi / period_px / np.sqrt(2))
    tone = 1 - np.abs(image.mean(2) / 127.5 - 1)
    return (30 * tone * np.cos(x + y) * np.cos(x - y))[..., None]
