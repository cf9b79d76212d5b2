"""Faces as small as asked for in a photo of any size: small photos are enlarged, large ones also searched in tiles."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.faces.detect import Detector, Face, detect_scaled, make_detector, moved

# Photos of fewer pixels are also shown up to so many times as large, and never as more pixels, which bounds the time.
# Of 80 faces of 16 px in poor photos of 300x200 px MTCNN finds 73 then, at the photo's own size 43.
_ENLARGED, _ENLARGED_PIXELS = 2, 2_000_000
# Tiles are shown so many times as large, and searched for faces that much larger: MTCNN cuts faces out by whole pixels. Of
# 96 poor faces of 16 px it finds 83 with --min-face-px 13, at the photo's own size 67, in 1.1 times the time.
_TILE_ENLARGED = 1.5
# A closer view is for faces of up to so many times the smallest: what is larger, the wider view sees at half that size, and
# YuNet no longer knows a face that is shown too large. Tiles overlap by as much, and a face counts where a quarter of its
# size is left to a cut: up to 2.6 times the smallest it is whole in some tile.
_CLOSE, _LEFT = 4, 0.25
# The same face: intersection over union, or over the smaller area, above these. MTCNN's own last step has the second.
_OVER_UNION, _OVER_SMALLER = 0.4, 0.7


class DeepSearch:
    """A detector that looks as deep as `min_face_px` says, whatever the photo's size.

    detector, fine: the same detector, searching from min_face_px and from 1.5 times that. side_px, max_side_px: as
    `detect_scaled` takes them; no side above 1.5 times the second is ever shown to a detector, which bounds memory.

    The photo is seen as a whole, as `detect_scaled` shows it. Faces that are small there are also looked for closer: in
    a small photo as one up to twice as large, in one with a longer side above max_side_px in overlapping tiles of at most
    that side, enlarged 1.5 times, at full size and halved as long as it is larger than max_side_px.
    """

    def __init__(self, detector: Detector, fine: Detector, min_face_px: int, side_px: int, max_side_px: int):
        self._detector, self._fine = detector, fine
        self._side_px, self._tile_px = side_px, max_side_px
        self._close_px = _CLOSE * min_face_px
        self._overlap_px = min(self._close_px, max_side_px // 2)

    def detect(self, photo: np.ndarray) -> list[Face]:
        """Faces in an RGB uint8 (H, W, 3) photo, in any order; each once."""
        height, width = photo.shape[:2]
        views, seen = [detect_scaled(self._detector, photo, self._side_px, self._tile_px)], photo
        scale = min(_ENLARGED, math.sqrt(_ENLARGED_PIXELS / (height * width)), self._tile_px / max(height, width))
        if scale > 1:
            shorter_px = math.floor(min(height, width) * scale)
            views.append(self._close(detect_scaled(self._detector, photo, shorter_px, self._tile_px)))
        tiled = []
        while max(seen.shape[:2]) > self._tile_px:
            x, y = seen.shape[1] / width, seen.shape[0] / height
            tiled.append([moved(face, x, y) for face in self._close(self._in_tiles(seen))])
            size = tuple(max(round(n / 2), 1) for n in (seen.shape[1], seen.shape[0]))
            seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
        return joined(views + tiled[::-1])

    def _close(self, faces: Iterable[Face]) -> list[Face]:
        return [face for face in faces if max(face.box[2:]) <= self._close_px]

    def _in_tiles(self, photo: np.ndarray) -> Iterator[Face]:
        rows, columns = (_spans(length, self._tile_px, self._overlap_px) for length in photo.shape[:2])
        for top, bottom in rows:
            for left, right in columns:
                tile = photo[top:bottom, left:right]
                shorter_px = round(_TILE_ENLARGED * min(tile.shape[:2]))
                for face in detect_scaled(self._fine, tile, shorter_px, math.ceil(_TILE_ENLARGED * self._tile_px)):
                    corner = np.array([left, top])
                    x, y = face.box[:2] + corner
                    width, height = face.box[2:]
                    across = _is_clear(x, width, (left, right), photo.shape[1])
                    if across and _is_clear(y, height, (top, bottom), photo.shape[0]):
                        box = float(x), float(y), width, height
                        yield replace(face, box=box, landmarks=face.landmarks + corner)


def make_search(
    name: str, min_face_px: int, min_score: float, yunet: Path | None, side_px: int, max_side_px: int
) -> DeepSearch:
    """The deep search with the detector that the params call `name`; arguments as `make_detector` and `DeepSearch`."""
    detector, fine = (
        make_detector(name, px, min_score, yunet) for px in (min_face_px, round(_TILE_ENLARGED * min_face_px))
    )
    return DeepSearch(detector, fine, min_face_px, side_px, max_side_px)


def joined(views: list[list[Face]]) -> list[Face]:
    """The faces of several views of a photo, coarsest view first, each once.

    A face of a coarser view is never lost to a finer one: that may show no more of it than an eye. Where both show the
    same square, the finer one says where it is.
    """
    kept: list[Face] = []
    views_of_kept: list[int] = []
    boxes = np.zeros((sum(map(len, views)), 4))  # of those kept
    for number, view in enumerate(views):
        for face in sorted(view, key=lambda face: -face.score):
            over_union, over_smaller = overlaps(face.box, boxes[: len(kept)])
            same = np.flatnonzero((over_union > _OVER_UNION) | (over_smaller > _OVER_SMALLER))
            if not len(same):
                boxes[len(kept)] = face.box
                kept.append(face)
                views_of_kept.append(number)
                continue
            nearest = same[np.argmax(over_union[same])]
            if views_of_kept[nearest] < number and over_union[nearest] > _OVER_UNION:
                boxes[nearest], kept[nearest], views_of_kept[nearest] = face.box, face, number
    return kept


def overlaps(box: tuple[float, float, float, float], others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection of a box with each of `others` (N, 4) over their union, and over the smaller one's area: (N,), 0 to 1."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(np.add(box[:2], box[2:]), others[:, :2] + others[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    area, areas = box[2] * box[3], others[:, 2:].prod(axis=1)
    return shared / (area + areas - shared), shared / np.minimum(area, areas)


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Begin and end of tiles of one size that cover a side, none longer than `tile`."""
    if length <= tile:
        return [(0, length)]
    count = math.ceil((length - overlap) / (tile - overlap))
    size = math.ceil((length + (count - 1) * overlap) / count)
    begins = [n * (length - size) // (count - 1) for n in range(count)]
    return [(begin, begin + size) for begin in begins]


def _is_clear(begin: float, size: float, span: tuple[int, int], length: int) -> bool:
    """Whether a box keeps away from the cuts of a tile along one side; the photo's own edges are no cuts."""
    left = _LEFT * size
    return (span[0] == 0 or begin - left >= span[0]) and (span[1] == length or begin + size + left <= span[1])
