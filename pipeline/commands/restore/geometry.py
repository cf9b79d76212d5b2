"""A face out of its photo and back: one affine map each way, a feathered mask between.

A face's square is a quad, float64 (4, 2) in pixels of the photo: top left, bottom left, bottom right, top right, a pixel's
centre at whole numbers, as `pipeline.faces.square.ffhq_quad` gives it.
"""

import cv2
import numpy as np

from pipeline.faces.detect import Face
from pipeline.faces.square import ffhq_quad, quad_inside, quad_side, square_around, square_at, square_corners
from pipeline.images import pixels

MARGIN = 1.2  # of the square around a box, over its longer side: the crop stage's default
# Sides of the square, over the side of the network's input, at which so many of the photo's own pixels are that input: 11
# to 20 px for 16. Of 30 photos of Helen, shrunk until the square had 16 px, the finished faces lie 1.6 dB above bicubic
# ones then, and 0.9 dB where the square that is found is brought to 16 px; at 13 px it is 1.7 to 0.1, at 20 px 0.9 to 0.4.
# Beyond, the network's square leaves out chin and forehead.
OWN_PIXELS = 0.65, 1.25
# The mask is a rounded square, |x|^4 + |y|^4 = r^4: 1 up to the first r, by task, 0 from the second on; the square's edge
# is at 1. The square of x8 ends at chin and hair, where AGRNet still gains: 0.7 there would cost 0.2 of its 1.6 dB.
SOLID, EDGE = {"x8": 0.9, "blind": 0.7}, 0.98
# Energy of white noise that is left in the finest of a square: 0.76 less its blur of sigma 1, of which the way out of the
# photo takes about half (measured: 0.36 to 0.62 of it stay for faces of twice the network's size and more).
_FINEST_OF_WHITE = 0.4


def face_quad(face: Face, task: str, width: int, height: int, lr_px: int | None = None) -> np.ndarray:
    """The square that a network for that task is trained on: of x8 around the box, of blind FFHQ's alignment.

    lr_px: side of the network's input, where it restores from LR. A square about as large becomes one of exactly so many
    whole pixels: resampled between them, a face of 16 px costs AGRNet half of its gain.
    Raises ValueError where landmarks or box give none inside the photo.
    """
    if task == "blind":
        return quad_inside(ffhq_quad(face.landmarks), width, height)
    x, y, box_width, box_height = face.box
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise ValueError(f"the box lies outside the photo of {width}x{height} px")
    square = square_around(face.box, MARGIN, width, height)
    if lr_px is not None and OWN_PIXELS[0] * lr_px <= square[2] <= OWN_PIXELS[1] * lr_px:
        square = square_at(face.box, lr_px, width, height)
    return square_corners(*square)


def cut(photo: np.ndarray, quad: np.ndarray, size_px: int) -> np.ndarray:
    """The square as RGB uint8 (size_px, size_px, 3); what lies over the photo's edge is reflected. photo: RGB uint8.

    An upright square of whole pixels is cut as the training set's is. Another is sampled once: averaged down first where it
    is larger than the output, then bicubically. FFHQ's script samples at four times the output's size, fifty times the
    work; the two differ by a grey level or two on average.
    """
    if _is_box(quad, photo):
        left, top = np.rint(quad[0] + 0.5).astype(int)
        side = round(quad_side(quad))
        return pixels.resize(photo[top : top + side, left : left + side], size_px, "bicubic")
    # Only the region: OpenCV warps nothing with a side over 32,767 px.
    low, high = _bounds(quad, photo, border=3)
    region = photo[low[1] : high[1], low[0] : high[0]]
    scale = np.ones(2)
    if quad_side(quad) > size_px:
        shrunk = np.maximum(np.rint((high - low) * size_px / quad_side(quad)).astype(int), 1)
        scale = shrunk / (high - low)
        region = cv2.resize(region, tuple(map(int, shrunk)), interpolation=cv2.INTER_AREA)
    corners = (quad - low + 0.5) * scale - 0.5
    x, y = (corners[3] - corners[0]) / size_px, (corners[1] - corners[0]) / size_px
    to_photo = np.stack([x, y, corners[0] + (x + y) / 2], axis=1)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(region, to_photo, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def to_square(points: np.ndarray, quad: np.ndarray, size_px: int) -> np.ndarray:
    """Points (N, 2) of the photo in pixels of the square at `size_px`."""
    return (points - quad[0]) @ _unit(quad).T * size_px - 0.5


def enlarged(quad: np.ndarray, before: tuple[int, int], after: tuple[int, int]) -> np.ndarray:
    """The square in a photo that was enlarged from (width, height) to another."""
    return (quad + 0.5) * (np.array(after) / np.array(before)) - 0.5


def paste(
    canvas: np.ndarray,
    photo: np.ndarray,
    quad: np.ndarray,
    seen: np.ndarray,
    restored: np.ndarray,
    kept: float,
    strength: float = 1.0,
    task: str = "blind",
) -> None:
    """Blend a restored face into `canvas`, in place: RGB uint8 or uint16 (H, W, 3), `photo` with faces pasted before.

    photo: as it was. quad: the square in it. seen, restored: uint8 (S, S, 3), what the network was shown and what it made
    of that. kept: share of the photo's detail beyond `seen` that stays, `kept_share`. strength: of the mask, 0 to 1.
    task: the network's, for the mask's reach.
    Where the mask is 0, which it is along the square's edge and outside, canvas keeps its bits.

    With W the way back, the face becomes W(restored) + kept (photo - W(seen)). Going out and back loses what is finer than
    the network's pixels. Pasting W(restored) alone (kept = 0) would blur a sharp photo even by a network that changes
    nothing; adding W(restored - seen) to the photo (kept = 1) leaves the grain of a noisy one in the restored face.
    Later faces lie on top of earlier ones: changes are not added up where squares overlap.
    """
    low, high = _bounds(quad, photo)
    if (high <= low).any() or strength == 0:
        return
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    # Coordinates in the square, 0 to 1, of the region's pixel (x, y): unit @ (x, y) + origin.
    unit = _unit(quad)
    origin = unit @ (low - quad[0])
    change = np.float32(restored) - np.float32(kept) * np.float32(seen)
    back, mask = _back(change, unit, origin, high - low, SOLID[task])
    mask *= np.float32(strength)
    top = np.iinfo(photo.dtype).max
    face = np.clip(back * np.float32(top / 255) + np.float32(kept) * photo[part].astype(np.float32), 0, top)
    below = canvas[part].astype(np.float32)
    blended = np.rint(below + mask[..., None] * (face - below)).astype(photo.dtype)
    np.copyto(canvas[part], blended, where=(mask > 0)[..., None])


def kept_share(
    photo: np.ndarray, quad: np.ndarray, cut_face: np.ndarray, seen: np.ndarray, restored: np.ndarray
) -> float:
    """How much of the photo's detail beyond what the network saw goes into the restored face, 0 to 1.

    photo, quad: RGB uint8 and the square in it. cut_face, seen, restored: RGB uint8 (S, S, 3); the first differs from
    `seen` where detail was thrown away.

    What the network saw in full: what is finer than its pixels is detail and noise. What it took out of the finest it saw is
    noise, and white noise has as much in every pixel of the photo: that part of the finer goes too (a Wiener filter's gain).
    Where detail was thrown away: what the network did not draw itself, or it would be there twice. A network that changes
    nothing gets 1.
    """
    if np.array_equal(seen, restored):
        return 1.0
    before, lost, after = (_grey(image) for image in (seen, cut_face, restored))
    if not np.array_equal(seen, cut_face):
        return 1 - _share(after - before, lost - before)
    finest = before - cv2.GaussianBlur(before, (0, 0), 1.0)
    removed = float((finest * (finest - after + cv2.GaussianBlur(after, (0, 0), 1.0))).mean())
    ratio = quad_side(quad) / len(seen)
    if removed <= 0 or ratio <= 1:
        return 1.0
    low, high = _bounds(quad, photo)
    unit = _unit(quad)
    back, mask = _back(before, unit, unit @ (low - quad[0]), high - low)
    beyond = (_grey(photo[low[1] : high[1], low[0] : high[0]]) - back)[mask > 0]
    energy = float((beyond * beyond).mean()) if beyond.size else 0.0
    noise = (ratio**2 - 1) * removed / _FINEST_OF_WHITE
    return 1.0 - min(noise / energy, 1.0) if energy > 0 else 1.0


def _share(of: np.ndarray, part: np.ndarray) -> float:
    """The factor with which `part` fits into `of` best, 0 to 1; 1 where part is nothing."""
    energy = float((part * part).sum())
    return 1.0 if energy == 0 else float(np.clip(float((of * part).sum()) / energy, 0, 1))


def _back(
    square: np.ndarray, unit: np.ndarray, origin: np.ndarray, size: np.ndarray, solid: float = SOLID["blind"]
) -> tuple[np.ndarray, np.ndarray]:
    """A float32 square (S, S[, 3]) in a region of the photo, and the mask there. size: of the region, width and height."""
    # Pixels of the photo per side of the square.
    size_px = min(len(square), max(round(1 / np.hypot(*unit[:, 0])), 1))
    if size_px < len(square):  # sampling would leave pixels out
        square = cv2.resize(square, (size_px, size_px), interpolation=cv2.INTER_AREA)
    matrix = np.column_stack([unit * size_px, origin * size_px - 0.5])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    width, height = map(int, size)
    back = cv2.warpAffine(square, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return back, _mask(unit, origin, width, height, solid)


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _mask(unit: np.ndarray, origin: np.ndarray, width: int, height: int, solid: float) -> np.ndarray:
    """float32 (height, width): a cosine from 1 within `solid` to exactly 0 from EDGE on."""
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    (ax, ay), (bx, by) = np.float32(unit * 2)
    across, down = np.float32(origin * 2 - 1)
    fourth = np.square(np.square(ax * x + ay * y + across)) + np.square(np.square(bx * x + by * y + down))
    radius = np.sqrt(np.sqrt(fourth))  # of what is neither a circle nor a square
    falling = np.clip((EDGE - radius) / np.float32(EDGE - solid), 0, 1)
    return np.where(
        radius < EDGE, np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(np.pi) * falling), np.float32(0)
    )


def _unit(quad: np.ndarray) -> np.ndarray:
    """The map from offsets to the quad's first corner to coordinates in the square, 0 to 1: float64 (2, 2)."""
    return np.linalg.inv(np.stack([quad[3] - quad[0], quad[1] - quad[0]], axis=1))


def _bounds(quad: np.ndarray, photo: np.ndarray, border: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """First pixel, and the one after the last, of the photo's part that holds the quad: x and y."""
    size = np.array([photo.shape[1], photo.shape[0]])
    low = np.clip(np.floor(quad.min(0)).astype(int) - border, 0, size)
    return low, np.clip(np.ceil(quad.max(0)).astype(int) + 1 + border, low, size)


def _is_box(quad: np.ndarray, photo: np.ndarray) -> bool:
    corner, side = quad[0] + 0.5, quad_side(quad)
    upright = np.array_equal(quad, square_corners(*corner, side))
    whole = np.array_equal(corner, np.rint(corner)) and side == round(side)
    inside = (corner >= 0).all() and (corner + side <= (photo.shape[1], photo.shape[0])).all()
    return bool(upright and whole and inside)
