"""Photos of more than eight bits a sample."""

import re

import cv2
import numpy as np
from PIL import Image

from pipeline.photos import decode


def stored_bits(image: Image.Image, data: bytes) -> int:
    """Bits per sample in the file, of which Pillow may read fewer."""
    if image.format == "PNG":
        return data[24]  # in IHDR, always the first chunk
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,)))
    if image.format == "PPM":
        header = re.match(rb"P[56](?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)", data[:1000])
        return 8 if header is None else int(header.group(1)).bit_length()
    if image.format == "JPEG2000":
        start = data.find(b"\xff\x4f\xff\x51")  # SIZ, behind it 36 bytes and the number of components
        return 8 if start < 0 else (int.from_bytes(data[start + 42 : start + 43]) & 127) + 1
    if image.format == "AVIF":
        start = data.find(b"pixi")  # version and flags, the number of channels, the bits of each
        return (
            8
            if start < 0
            else max(data[start + 9 : start + 9 + int.from_bytes(data[start + 8 : start + 9])], default=8)
        )
    return 8


def read_16_bits(image: Image.Image, data: bytes, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray | None] | None:
    """uint16 pixels and alpha; None where their upper eight bits are not the picture that Pillow reads.

    Read by OpenCV, since Pillow has no 16 bit colour; what Pillow alone reads comes as 8 bits there.
    """
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if read is None or read.dtype != np.uint16:
        return None
    if image.format == "PNG":  # OpenCV turns a TIFF upright, and leaves a PNG
        read = decode.upright(read, decode.orientation_of(image))
    if read.ndim == 2:
        read = np.repeat((65535 - read if decode.is_white_zero(image) else read)[..., None], 3, axis=2)
    pixels = np.ascontiguousarray(read[..., 2::-1])
    if pixels.shape != rgb.shape or any((pixels[y] >> 8 != rgb[y]).any() for y in range(len(rgb))):
        return None
    return pixels, np.ascontiguousarray(read[..., 3]) if read.shape[2] == 4 else None
