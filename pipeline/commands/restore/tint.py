"""Photos of one tone: grey, nearly grey (scanned in colour), sepia, cyanotype. A restored face takes the photo's own tone.

In such a photo all colours lie on one curve, chroma as a function of luma, up to noise. In a photograph in colours skin,
clothes and background of one luma differ in chroma.
"""

from dataclasses import dataclass

import cv2
import numpy as np

# Looked at, pixels: the longer side at most, and a mean over so many squared takes chroma noise of JPEG and scanner away.
_SIDE_PX, _MEAN_PX = 256, 5
_BINS = 64  # of luma, 4 levels each, smoothed over the neighbours
_SMOOTHING = cv2.getGaussianKernel(9, 1.2).ravel()
_RARE = 2e-4  # share of the pixels below which a luma says nothing
# Distances of 95 % of the pixels from the curve, in levels of chroma: up to the first it is scanner's noise; above the last
# it is colour. Between them it is a tone where it is small beside the chroma itself.
NOISE, MOST = 2.0, 7.0
SMALL = 0.75
# A curve that is nowhere further from grey than this is seen as grey.
_GREY = 2.0


@dataclass(frozen=True)
class Tone:
    """The one tone of a photo: float32 (256, 2), Cr and Cb less those of grey at each luma, in levels."""

    curve: np.ndarray

    @property
    def is_near_grey(self) -> bool:
        """Whether nobody would call it coloured."""
        return bool(np.hypot(*self.curve.T).max() <= _GREY)


def is_grey(pixels: np.ndarray) -> bool:
    """Whether all three channels of a photo (H, W, 3) are the same to the bit."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


def tone_of(rgb8: np.ndarray) -> Tone | None:
    """The tone of a photo of one, None for a photo in colours. rgb8: RGB uint8 (H, W, 3).

    Of 6,277 photographs (CelebA, Helen, FFHQ, CelebA-HQ, old photos) 15 are said to have one tone, and have: 3 grey, 12 in
    sepia or the like. Of 100 others brought to grey, warm paper, sepia and cyanotype, plain, as JPEG of quality 75, with
    grain of 5 levels in each channel and with both, all are recognised; as JPEG of quality 30 all but 33 on warm paper.
    Of the same 100 none is taken for one of one tone with half of its colour left or all of it, 3 with 30 %, 14 with 20 %.
    A cyanotype whose blacks are deep blue may be taken for one in colours.
    """
    luma, chroma = _looked_at(rgb8)
    curve = _fitted(luma, chroma)
    off = np.hypot(*(chroma - curve[luma.astype(int)]).T)
    distance = float(np.percentile(off, 95))
    share = float(np.sqrt((off**2).mean() / max(float((chroma**2).sum(1).mean()), 1e-9)))
    is_tone = distance <= NOISE or (distance <= MOST and distance * share <= SMALL)
    return Tone(curve) if is_tone else None


def tinted(face: np.ndarray, tone: Tone) -> np.ndarray:
    """A face in a photo's tone: its own luma, the chroma that the photo has at it. RGB uint8 (H, W, 3), as the result."""
    luma = _split(face)[..., 0]
    place = np.clip(luma, 0, 255)
    below = np.minimum(place.astype(int), 254)
    part = (place - below)[..., None]
    chroma = tone.curve[below] * (1 - part) + tone.curve[below + 1] * part
    whole = np.dstack([luma / 255, chroma / 255 + 0.5]).astype(np.float32)
    return np.rint(np.clip(cv2.cvtColor(whole, cv2.COLOR_YCrCb2RGB) * 255, 0, 255)).astype(np.uint8)


def _looked_at(rgb8: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma (N,), 0 to 255, and chroma (N, 2) around 0 of a photo made small and smooth."""
    height, width = rgb8.shape[:2]
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = rgb8 if scale == 1 else cv2.resize(rgb8, size, interpolation=cv2.INTER_AREA)
    smooth = cv2.blur(_split(small), (_MEAN_PX, _MEAN_PX)).reshape(-1, 3)
    return np.clip(smooth[:, 0], 0, 255), smooth[:, 1:]


def _split(rgb8: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3): luma 0 to 255, Cr and Cb around 0."""
    whole = cv2.cvtColor(rgb8.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb)
    return (whole - np.float32([0, 0.5, 0.5])) * 255


def _fitted(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """The mean chroma at each luma, smooth; where no pixel has that luma what its neighbours say. float32 (256, 2)."""
    width = 256 / _BINS
    place = (luma / width).astype(int)
    sums = [np.bincount(place, weights, _BINS) for weights in (np.ones_like(luma), *chroma.T)]
    margin = len(_SMOOTHING) // 2
    count, *sums = (np.convolve(np.pad(one, margin, mode="reflect"), _SMOOTHING, "valid") for one in sums)
    seen = count > len(luma) * _RARE
    middle = (np.arange(_BINS) + 0.5) * width
    curves = [np.interp(np.arange(256), middle[seen], one[seen] / count[seen]) for one in sums]
    return np.stack(curves, axis=1).astype(np.float32)
