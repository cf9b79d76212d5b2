"""The photo's low frequencies with the network's high ones: what the photo still knows of a face stays."""

from functools import lru_cache

import cv2
import numpy as np

# Where the photo ends and the network begins, in cycles a face. At 64 little but the finest is the network's.
CUTS = (4, 8, 14, 24, 40, 64)
CHROMA_CUT = 16  # colours are kept up to here at most: above it lie JPEG's blotches and the noise's


def fused(photo: np.ndarray, restored: np.ndarray, cut: float) -> np.ndarray:
    """A restored face with the photo's frequencies below `cut` cycles a face; RGB uint8 (S, S, 3) in and out.

    With x the photo's face, y the network's and d = x - y in Y, Cb, Cr (BT.601, full range):

        z = y + IDCT(W(f) DCT(d)),  W(f) = 2^(-(f / cut)^2 / 2),  f = sqrt(u^2 + v^2) / 2 cycles a face

    over the whole square, where the DCT has no seam; W is 0.71 at the cut. Cb and Cr are kept up to 16 cycles at most.
    A network that changes nothing gives the photo back to the bit.
    """
    difference = photo.astype(np.float32) - restored.astype(np.float32)
    ycc = cv2.cvtColor(difference, cv2.COLOR_RGB2YCrCb)  # linear; 0.5 is added to Cr and Cb
    ycc[..., 1:] -= _CHROMA_OFFSET
    for channel, limit in enumerate((cut, min(cut, CHROMA_CUT), min(cut, CHROMA_CUT))):
        weight = _weight(len(photo), limit)
        plane = np.ascontiguousarray(ycc[..., channel])
        ycc[..., channel] = cv2.idct(weight * cv2.dct(plane))
    ycc[..., 1:] += _CHROMA_OFFSET
    kept = cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB)
    return np.clip(np.rint(restored + kept), 0, 255).astype(np.uint8)


def cut_within(bandwidth: float) -> float:
    """The cut for a photo with detail up to `bandwidth` cycles a face, for a network of which nothing was measured."""
    return max((cut for cut in CUTS if cut <= bandwidth / 2), default=CUTS[0])


def cycles(side_px: int) -> np.ndarray:
    """Frequency of each DCT coefficient of a square, in cycles a side: float32 (side_px, side_px)."""
    index = np.arange(side_px, dtype=np.float32) / 2
    return np.hypot(index, index[:, None])


_CHROMA_OFFSET = np.float32(0.5)  # OpenCV's, of float images


@lru_cache(maxsize=16)
def _weight(side_px: int, cut: float) -> np.ndarray:
    return np.exp2(-np.square(cycles(side_px) / np.float32(cut)) / 2)
