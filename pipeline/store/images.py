"""Images as the stages keep them: RGB uint8 (H, W, 3) to PNG and back."""

import cv2
import numpy as np


class UnreadableImage(ValueError):
    """The bytes are no image that can be read; the message says why."""


def encode_png(image: np.ndarray) -> bytes:
    """RGB uint8 -> PNG. Level 1: half the time of the default for 5 % more bytes on photographs."""
    return encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def decode(data: bytes) -> np.ndarray:
    """PNG or JPEG bytes that the pipeline wrote -> RGB uint8 (H, W, 3)."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise UnreadableImage("a stored image cannot be decoded; the shard is damaged")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def encode(extension: str, image: np.ndarray, options: list[int]) -> bytes:
    """RGB uint8 as a file of the extension (".png", ".jpg"), by OpenCV with its options."""
    ok, data = cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert ok, "OpenCV could not encode an array of its own making"
    return data.tobytes()
