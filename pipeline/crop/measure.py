"""What the filter judges a face by, measured while the photo is decoded: its sharpness and its perceptual hash."""

import cv2
import imagehash
import numpy as np
from PIL import Image

SHARPNESS_PX = 128
FRAME_PX, HASH_PX = 128, 64  # the hashed region is warped to the first, then averaged down to the second
HASH_SIZE = 16  # 16 x 16 frequencies: 256 bits
# The inner part of FFHQ's square that is hashed: the face without its surroundings. On CelebA the same photo recompressed,
# resized, cropped anew, turned by 4 degrees and detected again differs by a median of 26 bits, strangers by 58 or more;
# hashing the square around the box instead is worse, since it turns with the head.
INNER = 0.75


def sharpness(grey: np.ndarray, left: int, top: int, side: int) -> float:
    """Variance of the Laplacian (4 neighbours: cv2's ksize 1) of a square of a grey uint8 photo, brought to 128 px.

    A face below 128 px is enlarged (bicubic), which leaves it as blurred as it will look at that size. Squared grey levels.
    """
    square = grey[top : top + side, left : left + side]
    interpolation = cv2.INTER_AREA if side > SHARPNESS_PX else cv2.INTER_CUBIC
    face = cv2.resize(square, (SHARPNESS_PX, SHARPNESS_PX), interpolation=interpolation)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(face, cv2.CV_16S, ksize=1))
    return float(deviation[0, 0] ** 2)


def inner(quad: np.ndarray) -> np.ndarray:
    """The part of FFHQ's square that is hashed, (4, 2)."""
    centre = quad.mean(axis=0)
    return centre + (quad - centre) * INNER


def perceptual_hash(grey: np.ndarray, quad: np.ndarray) -> str:
    """The perceptual hash (256 bits as 64 hex digits) of the square `quad` (4, 2) of a grey uint8 photo."""
    frame = _frame(grey, quad)
    face = cv2.resize(frame, (HASH_PX, HASH_PX), interpolation=cv2.INTER_AREA)
    bits = imagehash.phash(Image.fromarray(face), hash_size=HASH_SIZE).hash
    return np.packbits(bits).tobytes().hex()  # as str(hash) writes it, in a twentieth of the time


def _frame(grey: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The square as uint8 (128, 128); what lies over the photo's edge is reflected."""
    # Only the region: OpenCV warps nothing with a side over 32,767 px.
    size = np.array([grey.shape[1], grey.shape[0]])
    low = np.clip(np.floor(quad.min(0)).astype(int) - 1, 0, size - 1)
    high = np.clip(np.ceil(quad.max(0)).astype(int) + 2, low + 1, size)
    region = grey[low[1] : high[1], low[0] : high[0]]
    scale = np.ones(2)
    # Bilinear sampling leaves pixels out where they lie closer than its steps: a large face is averaged down first.
    factor = int(np.hypot(*(quad[3] - quad[0])) // FRAME_PX)
    if factor > 1:
        shrunk = np.maximum((high - low) // factor, 1)
        scale = shrunk / (high - low)
        region = cv2.resize(region, tuple(map(int, shrunk)), interpolation=cv2.INTER_AREA)
    corners = (quad - low + 0.5) * scale - 0.5
    x, y = (corners[3] - corners[0]) / FRAME_PX, (corners[1] - corners[0]) / FRAME_PX
    to_photo = np.stack([x, y, corners[0] + (x + y) / 2], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(region, to_photo, (FRAME_PX, FRAME_PX), flags=flags, borderMode=cv2.BORDER_REFLECT)
