"""Faces followed from frame to frame: boxes linked, gaps bridged, places smoothed over time."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.faces.detect import Face
from pipeline.faces.search import overlaps

_SAME = 0.3  # intersection over union above which two boxes, some frames apart, are one face
GAP_S = 0.5  # a face that is not found for so long is still the same; a frame's length at least
# A face is real where it is found for so long, three frames at least (fewer in a film of fewer): false finds come and go.
LEAST_S, LEAST_FRAMES = 0.2, 3
# Places are smoothed over so many seconds (standard deviation), and so many frames at most: MTCNN's landmarks are whole
# pixels, and jump by one.
_SMOOTH_S, _SMOOTH_FRAMES = 0.08, 4.0


@dataclass
class Track:
    """One face over time. first: its first frame. faces: one a frame from there on. seen: frames in which it was found."""

    first: int
    faces: list[Face]
    seen: list[int]

    @property
    def last(self) -> int:
        """Its last frame."""
        return self.first + len(self.faces) - 1


@dataclass
class _Open:
    """A track under way: where it was found."""

    places: dict[int, Face] = field(default_factory=dict)

    def expected(self, frame: int) -> np.ndarray:
        """Its box in a frame, as it moved between the last two in which it was found."""
        *before, last = list(self.places)[-2:]
        box = np.array(self.places[last].box)
        if before:
            step = (box - self.places[before[0]].box) / (last - before[0])
            box[:2] += step[:2] * (frame - last)
        return box


def follow(found: list[list[Face]], cuts: set[int], rate: float) -> tuple[list[Track], int]:
    """The tracks, by their first frame, and how many were dropped as false finds.

    found: of each frame. cuts: frames that begin a scene, over which no face is followed. rate: frames a second.
    """
    gap = max(round(GAP_S * rate), 1)
    linked = _linked(found, cuts, gap)
    least = min(max(round(LEAST_S * rate), LEAST_FRAMES), len(found))
    kept = [places for places in linked if len(places) >= least]
    return [_smoothed(places, rate) for places in kept], len(linked) - len(kept)


def _linked(found: list[list[Face]], cuts: set[int], gap: int) -> list[dict[int, Face]]:
    """Faces by frame, of each track; in the order in which they begin."""
    every: list[_Open] = []
    live: list[_Open] = []
    for number, faces in enumerate(found):
        live = [] if number in cuts else [one for one in live if number - next(reversed(one.places)) <= gap + 1]
        left = dict(enumerate(faces))
        boxes = [one.expected(number) for one in live]
        for one, place in _pairs(boxes, faces):
            live[one].places[number] = left.pop(place)
        fresh = [_Open({number: face}) for face in left.values()]
        every += fresh
        live += fresh
    return [one.places for one in every]


def _pairs(boxes: list[np.ndarray], faces: list[Face]) -> list[tuple[int, int]]:
    """Which expected box is which face, best first, each once."""
    if not boxes or not faces:
        return []
    likeness = np.stack([overlaps(face.box, np.stack(boxes))[0] for face in faces], axis=1)
    pairs = []
    while (best := likeness.max()) > _SAME:
        one, place = map(int, np.unravel_index(likeness.argmax(), likeness.shape))
        pairs.append((one, place))
        likeness[one], likeness[:, place] = -best, -best
    return pairs


def _smoothed(places: dict[int, Face], rate: float) -> Track:
    """The track without gaps, its boxes and landmarks smoothed."""
    seen = list(places)
    frames = np.arange(seen[0], seen[-1] + 1)
    numbers = np.array([[*face.box, *face.landmarks.ravel(), face.score] for face in places.values()])
    whole = np.stack([np.interp(frames, seen, column) for column in numbers.T], axis=1)
    whole[:, :-1] = smooth(whole[:, :-1], min(_SMOOTH_S * rate, _SMOOTH_FRAMES))
    faces = [Face(tuple(map(float, row[:4])), row[4:14].reshape(5, 2), float(row[14])) for row in whole]
    return Track(seen[0], faces, seen)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Values (N, K) over time, smoothed by a Gaussian of `sigma` frames around lines: steady motion stays as it is.

    At each frame a straight line is fitted to its surroundings, weighted by the Gaussian, also at the ends.
    """
    reach = int(np.ceil(3 * sigma))
    if sigma < 0.3 or len(values) < 3:
        return values
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))

    def summed(column: np.ndarray, power: int) -> np.ndarray:
        # `convolve` turns the kernel around; "full" and a slice, since a track may be shorter than the kernel.
        return np.convolve(column, (weights * offsets**power)[::-1], "full")[reach : reach + len(column)]

    ones = np.ones(len(values))
    s0, s1, s2 = (summed(ones, power) for power in range(3))
    columns = [(s2 * summed(c, 0) - s1 * summed(c, 1)) / (s0 * s2 - s1**2) for c in values.T]
    return np.stack(columns, axis=1)
