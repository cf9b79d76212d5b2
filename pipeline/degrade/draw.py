"""What Eq. (28) draws for an image: r, s, p, q of Sec. 4.2, as a record from which the image can be made again."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from pipeline.degrade.kernels import KINDS, gaussian_kernel_px, gaussian_sigma
from pipeline.params.degrade import Range, RealDegradation

REFERENCE_SIDE_PX = 512  # what the paper's pixel ranges are given for
LEAST_KERNEL_PX = 3  # a kernel of one pixel blurs nothing


@dataclass(frozen=True)
class Record:
    """Every number of one degradation; what an image is made without is 0, -1 or "none".

    kind: blur kind, or "none". r: the number drawn for it in pixels, sigma of a Gaussian read as sigma and the kernel's side
    otherwise. kernel_px: side of the kernel used (r made odd where the kind needs it). sigma: of the Gaussian kernel, in
    pixels. angle in degrees and direction in -1..1, of motion blur. lr_side_px: side after downsampling, by interpolation.
    noise_level: sigma of the noise in grey levels; per_channel: whether each channel has a noise field of its own.
    compression: imgaug's strength; quality: the JPEG quality it stands for; both -1 without JPEG. seed: of the noise field.
    """

    kind: str
    r: float
    kernel_px: int
    sigma: float
    angle: float
    direction: float
    lr_side_px: int
    interpolation: str
    noise_level: float
    per_channel: bool
    compression: int
    quality: int
    seed: int

    def columns(self) -> dict[str, Any]:
        """The record as columns of a manifest."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Record":
        """The record in a manifest's row, whatever else the row holds. Raises KeyError for a row without one."""
        return cls(**{field.name: field.type(row[field.name]) for field in fields(cls)})


# For the rows of images that were not degraded: a column with gaps would be stored as floats, which hold no seed exactly.
NO_RECORD = Record("none", 0.0, 0, 0.0, 0.0, 0.0, 0, "", 0.0, False, -1, -1, -1)
NO_BLUR = {"kind": "none", "r": 0.0, "kernel_px": 0, "sigma": 0.0, "angle": 0.0, "direction": 0.0}


def jpeg_quality(compression: int) -> int:
    """JPEG quality of imgaug's compression strength c: round(1 + 99 (1 - c / 101)); 60 -> 41, 85 -> 17."""
    return int(np.rint(1 + 99 * (1 - compression / 101)))


def image_generator(seed: int, name: str, variant: int) -> np.random.Generator:
    """The random numbers of one low-resolution image: they depend on these three alone, not on order, subset or worker."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, *np.frombuffer(digest[:16], np.uint32).tolist(), variant]))


def draw(params: RealDegradation, name: str, hr_side_px: int, variant: int = 0) -> Record:
    """Draw r, s, p, q for a variant of the image of that name (Sec. 4.2).

    The ends of pixel ranges scale with hr_side_px / 512, rounded to whole pixels; a kernel's are at least 3. Every number is
    drawn before any parameter is looked at, so that a changed probability or range does not shift the other draws.
    """
    random = image_generator(params.seed, name, variant)
    has_blur, has_noise, has_jpeg, per_channel = random.random(4)
    which, r, angle, direction, side, filter_, level, strength = random.random(8)
    seed = int(random.integers(2**63))
    if random.random() < params.clean_probability:
        return replace(NO_RECORD, lr_side_px=hr_side_px, interpolation="bicubic", seed=seed)
    scale = hr_side_px / REFERENCE_SIDE_PX
    blur = _blur(params, which, r, angle, direction, scale) if has_blur < params.blur_probability else NO_BLUR
    noisy = has_noise < params.noise_probability
    compression = _whole(params.compression, strength) if has_jpeg < params.jpeg_probability else -1
    return Record(
        **blur,
        lr_side_px=_whole(params.lr_side_px, side, scale, least=1),
        interpolation=_one_of(params.interpolations, filter_),
        noise_level=_between(params.noise_levels, level) if noisy else 0.0,
        per_channel=bool(noisy and per_channel < params.channel_probability),
        compression=compression,
        quality=-1 if compression < 0 else jpeg_quality(compression),
        seed=seed,
    )


def _blur(
    params: RealDegradation, which: float, r: float, angle: float, direction: float, scale: float
) -> dict[str, Any]:
    """The record's columns about the blur, for draws in [0, 1)."""
    kind = _one_of(KINDS, which)
    if kind == "gaussian" and params.gaussian_reading == "sigma":
        sigma = _between(params.blur_px, r) * scale
        return NO_BLUR | {"kind": kind, "r": sigma, "kernel_px": gaussian_kernel_px(sigma), "sigma": sigma}
    side = _whole(params.motion_px if kind == "motion" else params.blur_px, r, scale, least=LEAST_KERNEL_PX)
    kernel_px = side if kind == "average" else side + 1 - side % 2  # imgaug's rule: an even side grows by one
    columns = NO_BLUR | {"kind": kind, "r": float(side), "kernel_px": kernel_px}
    if kind == "motion":
        return columns | {"angle": 360 * angle, "direction": 2 * direction - 1}
    return columns | {"sigma": gaussian_sigma(kernel_px)} if kind == "gaussian" else columns


def _one_of(choices: tuple[str, ...], draw: float) -> str:
    """One of the choices, each as likely, for a draw in [0, 1)."""
    return choices[int(draw * len(choices))]


def _between(limits: Range, draw: float) -> float:
    """A number of low..high for a draw in [0, 1)."""
    return limits.low + draw * (limits.high - limits.low)


def _whole(limits: Range, draw: float, scale: float = 1.0, least: int = 0) -> int:
    """A whole number, each as likely, from low to high (both included), which are scaled, rounded and at least `least`."""
    low, high = (max(least, math.floor(end * scale + 0.5)) for end in (limits.low, limits.high))
    return low + int(draw * (high - low + 1))
