"""What surrounds the face of a generated picture: background, neck, clothes, ears and hair."""

import math
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from pipeline.ingest.synthetic.shape import CROWN_Y, DEPTH, Surface, bell, box, linear, noise, paint, smooth
from pipeline.ingest.synthetic.skin import irradiance, light_direction
from pipeline.ingest.synthetic.spec import FaceSpec


def background(spec: FaceSpec, size: int) -> np.ndarray:
    """What lies behind, out of focus; linear light float32 (size, size, 3)."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([spec.seed, spec.index, 1])))
    mix = _cells(rng, 2, size)
    if spec.background == "texture":
        for cells in (8, 20, 60):
            mix = mix + (_cells(rng, cells, size) - 0.5) * 0.5
    elif spec.background == "panels":
        steps = cv2.resize(_cells(rng, 6, size)[:1], (7, 1), interpolation=cv2.INTER_NEAREST)
        steps = cv2.resize(steps, (size // 2, size // 2), interpolation=cv2.INTER_NEAREST)
        mix = 0.4 * mix + 0.6 * cv2.GaussianBlur(steps, (0, 0), size * 0.004)
    elif spec.background == "bokeh":
        for _ in range(14):
            disc = np.zeros_like(mix)
            at = rng.uniform(0, size / 2, 2)
            cv2.circle(disc, (int(at[0]), int(at[1])), int(rng.uniform(0.02, 0.07) * size), 1.0, -1, cv2.LINE_AA)
            mix = mix + np.float32(rng.uniform(-0.1, 0.45)) * cv2.GaussianBlur(disc, (0, 0), 0.004 * size)
    mix = np.clip(cv2.resize(mix, (size, size), interpolation=cv2.INTER_LINEAR), 0, 1)[..., None]
    return linear(spec.background_rgb) * (1 - mix) + linear(spec.background_rgb2) * mix


def _cells(rng: np.random.Generator, cells: int, size: int) -> np.ndarray:
    """Smooth values in about [0, 1] over half the resolution, varying over `cells` cells a side."""
    values = rng.uniform(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(values, (size // 2, size // 2), interpolation=cv2.INTER_CUBIC)


def body_boxes(spec: FaceSpec) -> list[tuple[Callable, np.ndarray]]:
    """The painters of body and ears, in order, each with the corners (4, 2), u and v, of the box that holds its work."""
    boxes = [(neck, box(-1.6, 1.6, 0.9, 2.95)), (clothes, box(-9, 9, 2.0, 9))]
    for sign in (-1, 1):
        middle = sign * spec.face_width * math.cos(spec.yaw)
        boxes.append((partial(ear, sign=sign), box(middle - 0.3, middle + 0.3, -0.15, 0.75)))
    return boxes


def neck(spec: FaceSpec, u: np.ndarray, v: np.ndarray, image: np.ndarray, pixel: float) -> None:
    """The neck, in the shadow of the chin; u and v are the view coordinates of the image's pixels, here and below."""
    u = u + 0.3 * math.sin(spec.yaw) * smooth((2.2 - v) / 1.5)
    side = np.abs(u)
    half = 0.70 + 0.25 * smooth((v - 1.9) / 0.9) ** 2 + 0.04 * spec.jaw_square
    across = np.clip(u / half, -0.99, 0.99)
    tendon = 0.12 * bell(side, 0.28 - 0.12 * (v - 2), 0.06)
    normal = (across, np.zeros_like(u), np.sqrt(1 - across**2))
    chin = 0.12 + 0.88 * smooth((v - spec.chin_y - 0.1 + 0.5 * side**2) / 0.7)
    tone = 0.93 - tendon + 0.02 * noise(u * 90, v * 90, 0.7, spec.grain + 41)
    skin = linear(spec.skin_rgb) * irradiance(spec, normal, chin, chin) * tone[..., None]
    paint(image, skin, np.clip((half - side) / pixel + 0.5, 0, 1) * (v > 0.9))


def clothes(spec: FaceSpec, u: np.ndarray, v: np.ndarray, image: np.ndarray, pixel: float) -> None:
    """Woven cloth with a neckline."""
    u = u + 0.3 * math.sin(spec.yaw) * smooth((2.2 - v) / 1.5)
    side = np.abs(u)
    collar = 2.30 + 0.55 * bell(u, 0, 0.42) - 0.12 * bell(side, 0.75, 0.2) + 0.22 * np.maximum(side - 0.8, 0)
    weave = 1 + 0.09 * np.sin(u * 120) * np.sin(v * 110) + 0.06 * noise(u * 60, v * 20, 2.5, spec.grain + 43)
    slope = np.clip(u / 2.4, -0.9, 0.9)
    light = irradiance(spec, (slope, np.full_like(u, -0.35), np.sqrt(1 - slope**2)), 0.9, 0.85)
    cloth = linear(spec.clothes_rgb) * light * weave[..., None]
    seam = 1 - 0.5 * bell(v - collar, 0.07, 0.012)
    paint(image, cloth * seam[..., None], np.clip((v - collar) / pixel + 0.5, 0, 1))


def ear(spec: FaceSpec, u: np.ndarray, v: np.ndarray, image: np.ndarray, pixel: float, sign: int) -> None:
    """One ear, at the middle of the head's depth, so that a turned head shows one and hides the other."""
    out = (u * sign - spec.face_width * 0.985 * math.cos(spec.yaw)) / 0.17
    down = (v - 0.30 + 0.25 * out * 0.17) / (0.37 - 0.05 * out)
    far = np.hypot(out, down)
    fold = bell(far, 0.72, 0.11) + 0.8 * bell(np.hypot(out + 0.15, (down - 0.05) * 1.2), 0.3, 0.14)
    normal = (sign * 0.75 * np.clip(far, 0, 1.2), np.zeros_like(u), 0.66 * np.ones_like(u))
    colour = linear(spec.skin_rgb) * np.float32([1.0, 0.82, 0.78]) * irradiance(spec, normal, 0.85, 0.8)
    paint(image, colour * (1 - 0.5 * np.clip(fold, 0, 1))[..., None], np.clip((1 - far) * 0.17 / pixel + 0.5, 0, 1))


def hair_box(spec: FaceSpec) -> np.ndarray:
    """The corners (4, 2), u and v, of the box that holds head and hair."""
    wide = 1.75 if spec.hair_style in ("bob", "long", "afro") else 1.45
    return box(-wide, wide, -2.4, 9 if spec.hair_style == "long" else 2.2)


class Hair:
    """Hair as a shell about the head, in the view frame; strands run down from the crown along its outline."""

    def __init__(self, spec: FaceSpec, u: np.ndarray, v: np.ndarray, pixel: float):
        self.spec, self.pixel = spec, pixel
        # The shell lies nearer to the axis than the face, so it moves less as the head turns.
        self.u, self.v = u + 0.12 * math.sin(spec.yaw), v + 0.5 * DEPTH * math.sin(spec.pitch)
        lift, self.end, flare = {
            "bald": (0.0, 0.0, 0.0),
            "buzz": (0.045, 0.12, 0.02),
            "short": (0.15, 0.22, 0.05),
            "fringe": (0.16, 0.35, 0.08),
            "bob": (0.19, 1.55, 0.25),
            "long": (0.17, 4.0, 0.28),
            "afro": (0.42, 0.75, 0.36),
        }[spec.hair_style]
        top = CROWN_Y - lift
        wide = spec.face_width + flare
        self.half = self._dome(wide, top)
        if spec.hair_style in ("bob", "long"):
            self.half = self.half * (1 + 0.08 * np.sin(self.v * 2.1 + 3 * spec.hair_part) * smooth(self.v))
        self.n = self.u / self.half
        # Strands meet in a crown behind the top, out of sight.
        self.flow = self.u / self._dome(wide, top - 0.28)
        phase = 5 * np.sin(self.n * 2.3 + spec.grain) + 1.5 * np.sin(self.v * 1.7)
        self.waves = 0.07 * spec.hair_curl * np.sin(self.v * (3 + 4 * spec.hair_curl) + phase)
        self.strands = self._strands()
        edge = (1 - np.abs(self.n)) * self.half
        ragged = 0.03 + 0.05 * spec.hair_curl
        self.shell = smooth((edge + ragged * 0.5 * self.strands[1]) / (0.035 + pixel)) * (self.v > top - 0.02)
        self.shell *= smooth((self.end - self.v + 0.09 * self.strands[1]) / 0.12)

    def _dome(self, wide: float, top: float) -> np.ndarray:
        """Half the width at each pixel's height of a shell that closes at `top`."""
        rise = np.clip((-0.35 - self.v) / (-0.35 - top), 0, 1)
        return np.maximum(wide * (1 - rise**2.2) ** (1 / 2.1), 0.02)

    def _strands(self) -> tuple[np.ndarray, np.ndarray]:
        """Fine strands and clumps, both about 0 with variance 1."""
        key = self.spec.grain
        if self.spec.hair_style in ("afro", "buzz"):
            return noise(self.u * 75, self.v * 75, 0.8, key), noise(self.u * 40, self.v * 40, 2.5, key)
        across = (self.flow + self.waves) * 105 - 14 * self.spec.hair_part * (self.v + 1.5)
        fine = noise(across, self.v * 7, 0.7, key)
        return fine, noise(across * 0.55, self.v * 6, 2.5, key + 1)

    def colour(self) -> np.ndarray:
        """Lit hair, linear light float32 (H, W, 3)."""
        spec = self.spec
        n = np.clip(self.n, -1, 1)
        steep = np.clip((-0.35 - self.v) / 1.6, 0, 1) ** 1.5
        normal = (n * 0.8, -steep, np.sqrt(np.clip(1 - 0.6 * n * n, 0.1, 1)) * (1 - 0.5 * steep))
        fine, clump = self.strands
        tone = np.clip(1 + 0.26 * fine + 0.22 * clump, 0.2, 2.0)
        light = irradiance(spec, normal, 1.0, 0.85)
        base = linear(spec.hair_rgb) * light * tone[..., None]
        lx, ly, _ = light_direction(spec)
        band = bell(self.v + 0.12 * clump, -1.25 - 0.4 * ly - 0.25 * n * n, 0.17) * bell(n, 0.6 * lx, 0.45)
        rough = 0.25 if spec.hair_style in ("afro", "buzz") else 1.0
        gleam = rough * (0.05 + 0.35 * linear(spec.hair_rgb)) * (band * np.clip(0.5 + 0.5 * fine, 0, 2))[..., None]
        return base + gleam * np.float32(spec.light_rgb)

    def front(self, surface: Surface) -> np.ndarray:
        """Cover (H, W) of the hair before the head: the shell, but for the face's opening."""
        spec = self.spec
        if spec.hair_style == "bald":
            return np.zeros_like(self.u)
        fine, clump = self.strands
        ragged = {"buzz": 0.03, "fringe": 0.07, "afro": 0.05}.get(spec.hair_style, 0.035)
        x, y = surface.x, surface.y
        line = spec.hairline_y + 0.16 * smooth((np.abs(x) - 0.5) / 0.4)
        if spec.hair_style == "fringe":
            line = -0.52 + 0.12 * spec.hair_part * x + 0.05 * np.abs(x)
        elif spec.hair_style in ("bob", "long"):
            parted = np.abs(x - 0.4 * spec.hair_part)
            line = spec.hairline_y - 0.1 + 0.62 * np.maximum(parted - 0.12, 0) ** 1.3
        temple = spec.face_width * (0.90 if spec.hair_style not in ("bob", "long") else 0.86)
        temple = temple - 0.06 * smooth((y + 0.1) / 0.4) if spec.hair_style in ("bob", "long") else temple
        above = smooth((line - y + ragged * (0.7 * clump + 0.5 * fine)) / (0.07 + self.pixel))
        beside = smooth((np.abs(x) - temple + ragged * (0.5 * clump + 0.3 * fine)) / (0.06 + self.pixel))
        if spec.hair_style not in ("bob", "long"):
            beside = beside * smooth((self.end - y + 0.04 * clump) / 0.12)
        # Before the neck long hair parts to both sides.
        apart = smooth((np.abs(self.u) - 0.78 + 0.1 * self.v + ragged * clump) / 0.1)
        outside = (1 - surface.cover) * np.where(self.v > 0.9, apart, 1)
        return self.shell * np.maximum(np.maximum(above, beside), outside)
