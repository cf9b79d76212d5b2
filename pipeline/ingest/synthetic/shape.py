"""The head of a generated face as a surface: where each pixel of the picture meets it, and how light falls on it.

Head frame: x to the viewer's right, y down, z towards the viewer, in eye distances, the origin between the eyes on the
head's vertical axis. View frame (u, v, z): the head turned by yaw and pitch. The picture is the view frame rolled,
scaled and moved, without perspective.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from pipeline.ingest.synthetic.spec import FaceSpec

CROWN_Y = -1.70
WIDEST_Y = -0.40
DEPTH = 1.25  # from the axis to the face between the eyes

# The canonical map of the relief covers these head coordinates.
_MAP_X, _MAP_Y, _MAP_PX = 1.5, (-2.1, 2.3), 112


def smooth(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def bell(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Gaussian of height 1."""
    return np.exp(-0.5 * ((x - centre) / width) ** 2)


def linear(rgb: tuple[float, float, float]) -> np.ndarray:
    """sRGB in [0, 1] to linear light, with the power 2.2 the renderer uses throughout; float32 (3,)."""
    return np.asarray(rgb, np.float32) ** np.float32(2.2)


def paint(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lays a colour, (3,) or (H, W, 3), over the image in place, by alpha (H, W) in [0, 1]."""
    alpha = np.asarray(alpha, np.float32)
    for channel in range(3):
        plane = image[..., channel]
        plane += (colour[..., channel] - plane) * alpha


@lru_cache(maxsize=16)
def _tile(sigma: float) -> np.ndarray:
    """Periodic noise, float32 (512, 512), mean 0 and variance 1, blurred by sigma pixels; the same for all faces."""
    white = np.random.Generator(np.random.PCG64(20240)).standard_normal((512, 512)).astype(np.float32)
    if sigma:
        pad = int(4 * sigma) + 1
        white = cv2.GaussianBlur(np.pad(white, pad, mode="wrap"), (0, 0), sigma)[pad:-pad, pad:-pad]
    return white / white.std()


def noise(x: np.ndarray, y: np.ndarray, sigma: float, key: float) -> np.ndarray:
    """Periodic noise at tile coordinates in pixels; `key` moves the tile, so that two uses differ."""
    # Within one period: cv2.remap holds coordinates in 16 bits.
    x = np.asarray(x + (131.7 * key) % 512, np.float32)
    y = np.asarray(y + (61.3 * key) % 512, np.float32)
    return cv2.remap(_tile(sigma), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def box(left: float, right: float, top: float, low: float) -> np.ndarray:
    """The corners (4, 2) of an upright box."""
    return np.array([(left, top), (right, top), (left, low), (right, low)])


@dataclass(frozen=True)
class View:
    """The place of the head frame in the picture.

    scale: pixels per eye distance; origin: pixel coordinates of (u, v) = (0, 0).
    """

    spec: FaceSpec
    relief: np.ndarray
    scale: float
    origin: tuple[float, float]

    def grid(self, height: int, width: int, step: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """u and v, float32 (height, width), at the centres of pixels `step` picture pixels wide."""
        px = ((np.arange(width) + 0.5) * step - 0.5 - self.origin[0]).astype(np.float32)[None, :] / self.scale
        py = ((np.arange(height) + 0.5) * step - 0.5 - self.origin[1]).astype(np.float32)[:, None] / self.scale
        cos, sin = np.float32(np.cos(self.spec.roll)), np.float32(np.sin(self.spec.roll))
        return px * cos + py * sin, py * cos - px * sin

    def to_px(self, uv: np.ndarray) -> np.ndarray:
        """Picture coordinates (N, 2) of view coordinates (N, 2 or more)."""
        cos, sin = np.cos(self.spec.roll), np.sin(self.spec.roll)
        return uv[:, :2] @ np.array([[cos, sin], [-sin, cos]]) * self.scale + self.origin

    def window(self, spots: np.ndarray, size: int) -> tuple[slice, slice]:
        """The upright rectangle, within a picture of side `size`, about picture coordinates (N, 2)."""
        low = np.clip(np.floor(spots.min(axis=0) - 0.06 * self.scale), 0, size - 1).astype(int)
        high = np.clip(np.ceil(spots.max(axis=0) + 0.06 * self.scale) + 1, 1, size).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])

    def landmarks_px(self, points: np.ndarray) -> np.ndarray:
        """Picture coordinates (N, 2) of the points (N, 2) x, y of the head's front."""
        return self.to_px(project(self.spec, self.relief, points))


def half_width(spec: FaceSpec, y: np.ndarray) -> np.ndarray:
    """Half the head's width at height y."""
    return _outline(spec, y, spec.face_width, (2.2, 2.1), (2.05 + 0.9 * spec.jaw_square, 1.8))


def depth(spec: FaceSpec, y: np.ndarray) -> np.ndarray:
    """The head's depth before its axis at height y."""
    return _outline(spec, y, DEPTH, (2.6, 2.2), (7.0, 2.2))


def _outline(spec: FaceSpec, y: np.ndarray, widest: float, top: tuple, bottom: tuple) -> np.ndarray:
    up = np.clip((WIDEST_Y - y) / (WIDEST_Y - CROWN_Y), 0, 1)
    down = np.clip((y - WIDEST_Y) / (spec.chin_y - WIDEST_Y), 0, 1)
    above = (1 - up ** top[0]) ** (1 / top[1])
    below = (1 - down ** bottom[0]) ** (1 / bottom[1])
    return np.maximum(widest * np.where(y < WIDEST_Y, above, below), 1e-4)


def relief_map(spec: FaceSpec) -> np.ndarray:
    """What stands out from the plain head: float32 (H, W), in eye distances, over the canonical map."""
    x = np.linspace(-_MAP_X, _MAP_X, int(2 * _MAP_X * _MAP_PX), dtype=np.float32)[None, :]
    y = np.linspace(*_MAP_Y, int((_MAP_Y[1] - _MAP_Y[0]) * _MAP_PX), dtype=np.float32)[:, None]
    side = np.abs(x)
    eyes = np.float32(spec.has_eyes)
    relief = 0.07 * bell(side, 0.42, 0.3) * bell(y, spec.brow_y + 0.02, 0.11)
    relief -= eyes * 0.17 * bell(side, 0.46, 0.24) * bell(y, -0.03, 0.15)
    relief += eyes * 0.10 * bell(side, 0.5, 0.15) * bell(y, 0.01, 0.095)
    relief -= eyes * (0.01 + 0.035 * spec.age) * bell(side, 0.46, 0.2) * bell(y, 0.215 + 0.05 * (side - 0.5), 0.035)
    relief += 0.10 * bell(side, 0.62, 0.26) * bell(y, 0.42, 0.24) * (1 + 0.5 * max(spec.smile, 0))
    relief -= 0.07 * bell(side, 0.98, 0.16) * bell(y, -0.25, 0.3)
    relief += 0.10 * bell(x, 0, 0.24) * bell(y, spec.chin_y - 0.2, 0.15)
    return relief + _nose(spec, x, y) + _mouth(spec, x, y)


def _nose(spec: FaceSpec, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = np.abs(x)
    tip = spec.nose_y
    rise = smooth((y + 0.28) / (tip + 0.28))
    ends = 1 / (1 + np.exp((y - tip - 0.15) / 0.028))
    ridge = (0.06 + 0.26 * rise) * bell(x, 0, 0.085 + 0.07 * rise) * smooth((y + 0.5) / 0.4)
    ball = 0.13 * bell(x, 0, 0.105) * bell(y, tip + 0.02, 0.10)
    wings = 0.15 * bell(side, spec.nose_width * 0.74, 0.066) * bell(y, tip + 0.09, 0.075)
    holes = 0.09 * bell(side, spec.nose_width * 0.40, 0.04) * bell(y, tip + 0.155, 0.028)
    return spec.nose_height * ((ridge + ball) * ends + wings - holes)


def _mouth(spec: FaceSpec, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Muzzle, lips, and the folds about them."""
    side = np.abs(x)
    at, half = spec.mouth_y, spec.mouth_width
    fold_x = 0.27 + 0.62 * (y - spec.nose_y - 0.06) * (half / 0.385)
    fold_span = smooth((y - spec.nose_y + 0.05) / 0.15) * smooth((at + 0.16 - y) / 0.25)
    fold = (0.008 + 0.045 * spec.age + 0.03 * max(spec.smile, 0)) * bell(side - fold_x, 0, 0.045) * fold_span
    relief = 0.08 * bell(x, 0, 0.36) * bell(y, at - 0.03, 0.24) - fold
    if not spec.has_mouth:
        return relief
    fall = np.sqrt(np.clip(1 - (side / (half * 1.05)) ** 2, 0, 1))
    drop = lip_curve(spec, x / half)
    relief += 0.075 * fall * bell(y - drop, at - 0.55 * spec.lip_upper, 0.05)
    relief += 0.095 * fall * bell(y - drop, at + 0.06 * spec.mouth_open + 0.6 * spec.lip_lower, 0.06)
    relief -= 0.05 * bell(x, 0, 0.2) * bell(y, at + spec.lip_lower + 0.16, 0.05)
    relief -= 0.022 * bell(x, 0, 0.035) * bell(y, 0.5 * (spec.nose_y + 0.17 + at - spec.lip_upper), 0.08)
    return relief - 0.04 * bell(side, half * 1.06, 0.05) * bell(y - lip_curve(spec, 1.0), at, 0.05)


def lip_curve(spec: FaceSpec, across: np.ndarray) -> np.ndarray:
    """How far below its middle the line between the lips lies, at `across` in [-1, 1]; a smile lifts the corners."""
    return -0.12 * spec.smile * across**2


def relief_at(relief: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The relief at head coordinates x, y (H, W)."""
    column = (x + _MAP_X) * np.float32((relief.shape[1] - 1) / (2 * _MAP_X))
    row = (y - _MAP_Y[0]) * np.float32((relief.shape[0] - 1) / (_MAP_Y[1] - _MAP_Y[0]))
    column, row = np.asarray(column, np.float32), np.asarray(row, np.float32)
    return cv2.remap(relief, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def project(spec: FaceSpec, relief: np.ndarray, points: np.ndarray) -> np.ndarray:
    """View coordinates (N, 3) of the head's front at x, y (N, 2)."""
    x, y = points[:, 0], points[:, 1]
    angle = np.arcsin(np.clip(x / half_width(spec, y), -1, 1))
    z = depth(spec, y) * np.cos(angle) + relief_at(relief, x[:, None], y[:, None])[:, 0]
    u = x * math.cos(spec.yaw) - z * math.sin(spec.yaw)
    z = x * math.sin(spec.yaw) + z * math.cos(spec.yaw)
    return np.stack(
        [u, y * math.cos(spec.pitch) - z * math.sin(spec.pitch), y * math.sin(spec.pitch) + z * math.cos(spec.pitch)], 1
    )


@dataclass(frozen=True)
class Surface:
    """Per pixel, float32 (H, W): head coordinates x and y, view depth z, angle about the axis, cover in [0, 1]."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    angle: np.ndarray
    cover: np.ndarray

    def window(self, part: tuple[slice, slice]) -> "Surface":
        """A rectangle of it."""
        return Surface(self.x[part], self.y[part], self.z[part], self.angle[part], self.cover[part])


def meet(view: View, size: int) -> Surface:
    """The head's surface at each pixel of a picture `size` pixels wide.

    An upright cylinder of elliptic section W, D turned by yaw is u = W sin(a) cos(yaw) - D cos(a) sin(yaw), which is
    A sin(a - phi): solved for the angle a. The relief and the heights depend on the answer, so it is iterated; on half
    the resolution, as the coordinates are smooth.
    """
    spec = view.spec
    u, v = view.grid(size // 2, size // 2, 2.0)
    cos_yaw, sin_yaw = np.float32(math.cos(spec.yaw)), np.float32(math.sin(spec.yaw))
    sin_pitch, cos_pitch = np.float32(math.sin(spec.pitch)), np.float32(math.cos(spec.pitch))
    y, stands = v + np.float32(DEPTH) * sin_pitch, np.zeros_like(u)
    for _ in range(4):
        width, deep = half_width(spec, y), depth(spec, y)
        reach = np.sqrt((width * cos_yaw) ** 2 + (deep * sin_yaw) ** 2)
        offset = (u + stands * sin_yaw) / reach
        angle = np.arcsin(np.clip(offset, -1, 1)) + np.arctan2(deep * sin_yaw, width * cos_yaw)
        x = width * np.sin(angle)
        stands = relief_at(relief=view.relief, x=x, y=y)
        z = x * sin_yaw + (deep * np.cos(angle) + stands) * cos_yaw
        y = (v + z * sin_pitch) / cos_pitch
    inside = (1 - np.abs(offset)) * reach * np.float32(view.scale)
    z = y * sin_pitch + z * cos_pitch
    x, y, z, angle, inside = (
        cv2.resize(a, (size, size), interpolation=cv2.INTER_CUBIC) for a in (x, y, z, angle, inside)
    )
    return Surface(x, y, z, angle, np.clip((inside - 0.7) / 1.6, 0, 1))
