"""Which spoilt faces a network is measured on: kinds of damage by share, each drawn at any strength."""

from dataclasses import replace

import numpy as np

from pipeline.commands.calibrate.spoil import Spoiling

# Ranges, drawn evenly in the logarithm where "log" is said, for a face of 256 px; lengths scale with the face.
_BLUR_PX, _SIDE, _NOISE, _QUALITY = (0.35, 5), (24 / 256, 240 / 256), (1, 27), (25, 97)
_GRAIN_PX = 0.7
TURNED = 0.35  # share of faces that lie in their photo turned and somewhat larger or smaller, as found faces do
TURN_DEG, TURNED_SCALE = 20, (0.6, 1.0)
EQ28 = "eq28"

# kind: (share, what is done). Eq. (28) is what AGRNet-HR is trained on.
KINDS = {
    "clean": (0.04, ()),
    "blur": (0.11, ("blur",)),
    "shrunk": (0.10, ("side",)),
    "noise": (0.10, ("noise",)),
    "jpeg": (0.08, ("quality",)),
    "blur, noise": (0.05, ("blur", "noise")),
    "noise, jpeg": (0.10, ("noise", "quality")),
    "blur, noise, jpeg": (0.11, ("blur", "noise", "quality")),
    "blur, shrunk, noise, jpeg": (0.17, ("side", "blur", "noise", "quality")),
    "halftone or comb": (0.04, ("lines", "quality")),
    EQ28: (0.10, ()),
}
# Faces of about as many pixels as a network for LR takes: a camera far away, and what was stored of that. Side over the
# network's input, and how far a detector is off, of the face's side.
SMALL_SIDE, FOUND_OFF = (0.75, 1.4), 0.04
_SMALL_BLUR_PX, _SMALL_NOISE, _SMALL_QUALITY = (0.2, 1.2), (1, 12), (50, 97)
SMALL_KINDS = {
    "clean": (0.2, ()),
    "blur": (0.1, ("blur",)),
    "noise": (0.15, ("noise",)),
    "jpeg": (0.2, ("quality",)),
    "blur, noise, jpeg": (0.35, ("blur", "noise", "quality")),
}


def draw_kind(kinds: dict[str, tuple], random: np.random.Generator) -> str:
    """A kind of damage, as often as its share says."""
    shares = np.array([share for share, _ in kinds.values()])
    return list(kinds)[int(random.choice(len(shares), p=shares / shares.sum()))]


def draw_small_spoiling(kind: str, random: np.random.Generator) -> Spoiling:
    """How a photo of a small face is spoilt, once the face is small."""
    steps, how = SMALL_KINDS[kind][1], Spoiling()
    if "blur" in steps:
        how = replace(how, blur_px=random.uniform(*_SMALL_BLUR_PX))
    if "noise" in steps:
        how = replace(how, noise=_log(random, *_SMALL_NOISE), shared=bool(random.random() < 0.4))
    if "quality" in steps:
        how = replace(how, quality=int(random.integers(_SMALL_QUALITY[0], _SMALL_QUALITY[1] + 1)))
    return how


def draw_spoiling(kind: str, side_px: int, random: np.random.Generator) -> Spoiling:
    """How a face of that side is spoilt; of "eq28" nothing is drawn here."""
    steps, how, scale = KINDS[kind][1], Spoiling(), side_px / 256
    if "side" in steps:
        side = max(round(_log(random, *_SIDE) * side_px), 4)
        how, scale = replace(how, side_px=side), 0.5 * side / 256
    if "blur" in steps:  # a face that was shrunk much was so blurred by that
        how = replace(how, blur_px=_log(random, *_BLUR_PX) * scale if scale > 0.3 else random.uniform(0, 1))
    if "noise" in steps:
        shared, grain = random.random() < 0.4, random.random() < 0.25
        how = replace(how, noise=_log(random, *_NOISE), shared=shared, grain_px=_GRAIN_PX if grain else 0.0)
    if "lines" in steps:
        dots = random.random() < 0.5
        how = replace(how, raster_px=random.uniform(3, 8)) if dots else replace(how, comb=random.uniform(0.05, 0.4))
    if "quality" in steps:
        how = replace(how, quality=int(random.integers(_QUALITY[0], _QUALITY[1] + 1)))
    return how


def _log(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
