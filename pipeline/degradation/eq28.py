"""Eq. (28), Sec. 4.2: I_l^s = ((I_h * k_r) downsampled by s + n_p) JPEG_q, with r, s, p, q drawn for each image.

`draw` turns (parameters, image name) into a `Record`; `degrade` turns (HR image, record) into the low-resolution image as
the JPEG stream that Eq. (28) ends with. Nothing else decides the result, so an image can be made again from its record.
"""

import hashlib
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.degradation.albu import functions
from pipeline.degradation.kernels import KINDS, blur, gaussian_kernel_px, gaussian_sigma
from pipeline.images import encode_jpeg, encode_png, resize
from pipeline.params import Range, RealDegradation

REFERENCE_SIDE_PX = 512  # what the paper's pixel ranges are given for


@dataclass(frozen=True)
class Record:
    """Every number of one degradation.

    kind: blur kind, or "none". kernel_px: its kernel's side. sigma: of the Gaussian kernel, in pixels. angle in degrees and
    direction in -1..1, of motion blur. lr_side_px: side after downsampling. noise_level: sigma of the noise in grey levels.
    compression: imgaug's strength; quality: the JPEG quality it stands for; -1 without JPEG. noise_seed: of the noise field.
    """

    kind: str
    kernel_px: int
    sigma: float
    angle: float
    direction: float
    lr_side_px: int
    noise_level: float
    compression: int
    quality: int
    noise_seed: int

    def columns(self) -> dict:
        """The record as columns of a manifest."""
        return asdict(self)


def jpeg_quality(compression: int) -> int:
    """JPEG quality of imgaug's compression strength c: round(1 + 99 (1 - c / 101)); 60 -> 41, 85 -> 17."""
    return int(np.rint(1 + 99 * (1 - compression / 101)))


def image_generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one image: they depend on (seed, name) alone, not on order, subset or worker."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, *np.frombuffer(digest[:16], np.uint32).tolist()]))


def draw(params: RealDegradation, name: str, hr_side_px: int) -> Record:
    """Draw r, s, p, q for the image of that name (Sec. 4.2).

    Pixel ranges scale with hr_side_px / 512; a kernel is at least 3 px. Every number is drawn whether it is used or not, so
    that a changed probability does not shift the others.
    """
    random = image_generator(params.seed, name)
    scale = hr_side_px / REFERENCE_SIDE_PX
    use_blur, use_noise, use_jpeg = random.random(3) < (
        params.blur_probability,
        params.noise_probability,
        params.jpeg_probability,
    )
    kind = KINDS[random.integers(len(KINDS))]
    r = random.random()
    angle, direction = random.uniform(0, 360), random.uniform(-1, 1)
    lr_side = _whole(params.lr_side_px, random.random(), scale)
    noise_level = random.uniform(params.noise_levels.low, params.noise_levels.high)
    compression = _whole(params.compression, random.random())
    kernel_px, sigma = _radius(params, kind, r, scale)
    motion = kind == "motion" and use_blur
    return Record(
        kind=kind if use_blur else "none",
        kernel_px=kernel_px if use_blur else 0,
        sigma=sigma if use_blur else 0.0,
        angle=angle if motion else 0.0,
        direction=direction if motion else 0.0,
        lr_side_px=lr_side,
        noise_level=noise_level if use_noise else 0.0,
        compression=compression if use_jpeg else -1,
        quality=jpeg_quality(compression) if use_jpeg else -1,
        noise_seed=int(random.integers(2**63)),
    )


def degrade(hr: np.ndarray, record: Record) -> bytes:
    """Eq. (28): RGB uint8 (H, H, 3) -> the low-resolution image as a JPEG stream (PNG where the record has no JPEG).

    Rounded and clipped to uint8 after each step, as SPARNetHD's chain of image operations does.
    """
    image = hr
    if record.kind != "none":
        image = blur(image, record.kind, record.kernel_px, record.sigma, record.angle, record.direction)
    image = resize(image, record.lr_side_px, "bicubic")
    if record.noise_level > 0:
        image = add_noise(image, record.noise_level, record.noise_seed)
    return encode_jpeg(image, record.quality) if record.quality >= 0 else encode_png(image)


def add_noise(image: np.ndarray, noise_level: float, seed: int) -> np.ndarray:
    """Additive white Gaussian noise of `noise_level` grey levels, independent per channel; RGB uint8 in and out."""
    random = np.random.Generator(np.random.PCG64(seed))
    noise = random.standard_normal(image.shape, dtype=np.float32) * np.float32(noise_level)
    noisy = functions().pixel.add_noise(image.astype(np.float32) / 255, noise / 255)
    return np.rint(noisy * 255).astype(np.uint8)


def _radius(params: RealDegradation, kind: str, r: float, scale: float) -> tuple[int, float]:
    """(kernel side, sigma) for a draw r in [0, 1) of the kind's range."""
    if kind == "motion":
        return _odd(max(3, _whole(params.motion_px, r, scale))), 0.0
    if kind == "gaussian" and params.gaussian_reading == "sigma":
        sigma = (params.blur_px.low + r * (params.blur_px.high - params.blur_px.low)) * scale
        return gaussian_kernel_px(sigma), sigma
    kernel_px = max(3, _whole(params.blur_px, r, scale))
    if kind == "average":
        return kernel_px, 0.0
    kernel_px = _odd(kernel_px)
    return kernel_px, gaussian_sigma(kernel_px) if kind == "gaussian" else 0.0


def _odd(kernel_px: int) -> int:
    """imgaug's rule: an even kernel side grows by one."""
    return kernel_px + 1 - kernel_px % 2


def _whole(limits: Range, draw: float, scale: float = 1.0) -> int:
    """A whole number of low..high (both included, each as likely), times scale."""
    low, high = round(limits.low * scale), round(limits.high * scale)
    return int(low + np.floor(draw * (high - low + 1)))
