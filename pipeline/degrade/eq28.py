"""Eq. (28), Sec. 4.2: I_l^s = ((I_h * k_r) downsampled by s + n_p) JPEG_q.

`degrade` turns (HR image, record) into the low-resolution image as the JPEG stream that Eq. (28) ends with. Nothing else
decides the result, so an image can be made again from its record; `pipeline.degrade.draw` draws it.
"""

import cv2
import numpy as np

from pipeline.degrade.albu import functions
from pipeline.degrade.draw import Record
from pipeline.degrade.kernels import blur
from pipeline.images.pixels import encode_jpeg, resize
from pipeline.store.images import encode_png

# The four filters of SPARNetHD's code; none of them smooths before it leaves pixels out, except area.
OPENCV_FILTERS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "cubic": cv2.INTER_CUBIC,
}


def degrade(hr: np.ndarray, record: Record) -> bytes:
    """Eq. (28): RGB uint8 (H, H, 3) -> the low-resolution image as a JPEG stream (PNG where the record has no JPEG).

    Rounded and clipped to uint8 after each step, as SPARNetHD's chain of image operations does.
    """
    image = hr
    if record.kind != "none":
        image = blur(image, record.kind, record.kernel_px, record.sigma, record.angle, record.direction)
    image = downsample(image, record.lr_side_px, record.interpolation)
    if record.noise_level > 0:
        image = add_noise(image, record.noise_level, record.per_channel, record.seed)
    # OpenCV's call and not albumentations', which decodes the stream again and takes its channels for BGR.
    return encode_jpeg(image, record.quality) if record.quality >= 0 else encode_png(image)


def downsample(image: np.ndarray, side_px: int, interpolation: str) -> np.ndarray:
    """RGB uint8 (H, H, 3) -> (side_px, side_px, 3). "bicubic" is antialiased (PIL's), the other filters are OpenCV's."""
    if interpolation == "bicubic":
        return resize(image, side_px, "bicubic")
    return cv2.resize(image, (side_px, side_px), interpolation=OPENCV_FILTERS[interpolation])


def add_noise(image: np.ndarray, noise_level: float, per_channel: bool, seed: int) -> np.ndarray:
    """Additive white Gaussian noise of `noise_level` grey levels; RGB uint8 in and out.

    per_channel: each channel has a field of its own; otherwise the three share one. Noise is rounded before it is added, as
    in imgaug: whole grey levels leave albumentations' sum nothing to round, only to clip.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    height, width, channels = image.shape
    field = random.standard_normal((height, width, channels if per_channel else 1), dtype=np.float32)
    noise = np.rint(field * np.float32(noise_level))
    return functions().pixel.add_noise(image, np.ascontiguousarray(np.broadcast_to(noise, image.shape)))
