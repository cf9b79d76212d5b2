"""Eyes, brows, nostrils, lips and glasses of a generated face, painted over its skin before it is lit."""

from collections.abc import Callable
from functools import partial

import numpy as np

from pipeline.ingest.synthetic.shape import Surface, bell, box, linear, lip_curve, noise, paint, smooth
from pipeline.ingest.synthetic.skin import Layers, light_direction
from pipeline.ingest.synthetic.spec import FaceSpec

EYE_X = 0.5
_DARK = np.float32([0.012, 0.008, 0.007])


def landmark_points(spec: FaceSpec) -> np.ndarray:
    """Head coordinates (5, 2) of the eyes' centres, the nose's tip and the mouth's corners."""
    corner_y = spec.mouth_y + lip_curve(spec, 1.0)
    half = spec.mouth_width
    return np.array([[-EYE_X, 0], [EYE_X, 0], [0, spec.nose_y], [-half, corner_y], [half, corner_y]], np.float64)


def feature_boxes(spec: FaceSpec) -> list[tuple[Callable, np.ndarray]]:
    """The painters of what this face has, in order, each with the corners (4, 2) of the box that holds all it paints."""
    boxes = []
    for sign in (-1, 1):
        if spec.has_eyes:
            wide = spec.eye_width * 1.3
            boxes.append((partial(eye, sign=sign), box(sign * EYE_X - wide, sign * EYE_X + wide, -0.24, 0.24)))
        corners = box(sign * 0.12, sign * 0.9, spec.brow_y - 0.2, spec.brow_y + 0.2)
        boxes.append((partial(brow, sign=sign), corners))
    boxes.append((nostrils, box(-0.42, 0.42, spec.nose_y - 0.12, spec.nose_y + 0.3)))
    if spec.has_mouth:
        wide = spec.mouth_width * 1.2
        boxes.append((mouth, box(-wide, wide, spec.mouth_y - 0.3, spec.mouth_y + 0.32)))
    return boxes


def brow(spec: FaceSpec, surface: Surface, layers: Layers, pixel: float, sign: int) -> None:
    """One eyebrow; sign -1 is the viewer's left. pixel: a pixel's width in eye distances, here and below."""
    x, y = surface.x * sign, surface.y
    along = (x - 0.17) / 0.66
    middle = spec.brow_y + 0.05 - spec.brow_arch * np.sin(np.clip(along, 0, 1.1) * 2.4) + 0.03 * along**2
    thick = spec.brow_thickness * (0.45 + 0.75 * smooth(along / 0.3)) * (1 - 0.75 * smooth((along - 0.45) / 0.6))
    off = (y - middle) / np.maximum(thick, 0.01)
    # Hairs rise at the inner end and lie along the brow at the outer one.
    slant = 0.9 - 1.1 * np.clip(along, 0, 1)
    hairs = noise((x * slant + (y - middle) * 0.8) * 150, (x * (1 - slant) - y) * 34, 0.8, spec.grain + 17 + sign)
    body = smooth(1.25 - np.abs(off) + 0.22 * hairs) * smooth((along + 0.03) / 0.1) * smooth((1.03 - along) / 0.12)
    alpha = body * np.clip(0.66 + 0.24 * hairs, 0, 0.95)
    colour = 0.55 * linear(spec.hair_rgb) + 0.35 * linear(spec.skin_rgb) * np.float32([0.25, 0.18, 0.14])
    paint(layers.albedo, colour, alpha)
    layers.fine[:] += 0.01 * body


def eye(spec: FaceSpec, surface: Surface, layers: Layers, pixel: float, sign: int) -> None:
    """One eye with its lids and lashes; sign -1 is the viewer's left."""
    wide = spec.eye_width
    x = (surface.x * sign - EYE_X) / wide
    y = surface.y / wide + spec.eye_tilt * 1.6 * x
    pixel = pixel / wide
    span = np.clip(1 - x * x, 0, 1)
    upper = -(0.37 * spec.eye_open) * span**0.62 * (1 - 0.10 * x) - 0.02
    lower = (0.27 + 0.03 * spec.eye_open - 0.05 * max(spec.smile, 0)) * span**0.8 * (1 + 0.12 * x)
    ball = np.clip(np.minimum(y - upper, lower - y) / pixel + 0.5, 0, 1) * (np.abs(x) < 1)
    _lid_skin(spec, layers, x, y, upper, lower)
    _eyeball(spec, layers, x * sign, y, ball, upper, pixel, sign)
    caruncle = ball * smooth((-x - 0.72) / 0.2)
    paint(layers.albedo, linear((0.72, 0.42, 0.40)), 0.8 * caruncle)
    _lashes(spec, layers, x, y, upper, lower, pixel)


def _lid_skin(spec: FaceSpec, layers: Layers, x, y, upper, lower) -> None:
    """Crease, make-up and the moist rim of the lower lid."""
    span = smooth((1.12 - np.abs(x)) / 0.3)
    lid = smooth((upper - y) / 0.06) * smooth((y - upper + 0.42) / 0.25) * span
    paint(layers.albedo, linear(spec.makeup_rgb), 0.55 * spec.makeup * lid)
    crease = bell(y - upper * 1.12, -0.24, 0.035) * span * (0.9 - 0.3 * spec.age)
    layers.albedo[:] *= 1 - 0.45 * crease[..., None] * np.float32([0.8, 1, 1])
    layers.fine[:] -= 0.012 * crease
    rim = bell(y - lower, 0.04, 0.035) * smooth((1 - np.abs(x)) / 0.2)
    paint(layers.albedo, linear(spec.skin_rgb) * np.float32([1.15, 0.92, 0.9]), 0.6 * rim)
    bag = bell(y - lower, 0.26, 0.06) * span
    layers.fine[:] -= (0.004 + 0.008 * spec.age) * bag


def _eyeball(spec: FaceSpec, layers: Layers, x, y, ball, upper, pixel: float, sign: int) -> None:
    """White, iris, pupil and the lamp's reflection, where `ball` is open; x grows to the viewer's right here."""
    rise = y - upper
    white = np.empty((*x.shape, 3), np.float32)
    white[:] = linear((0.75, 0.72, 0.70))
    veins = np.abs(noise(x * 40, y * 40, 2.5, spec.grain + 23 + sign))
    white *= (1 - 0.34 * x**2)[..., None] * (1 - np.float32([0.0, 0.12, 0.12]) * (veins < 0.12)[..., None])
    dx, dy = x - spec.gaze_x, y - spec.gaze_y + 0.04
    radius = 0.40
    far = np.sqrt(dx * dx + dy * dy) / radius
    angle = np.arctan2(dy, dx)
    fibres = noise(angle * (512 / (2 * np.pi)) * 0.5, far * 14, 0.7, spec.grain + 29)
    iris = np.empty_like(white)
    iris[:] = linear(spec.iris_rgb) * 1.15
    inner = bell(far, 0.42, 0.16)
    iris *= (1 + 0.28 * fibres - 0.55 * smooth((far - 0.72) / 0.25))[..., None]
    iris += inner[..., None] * np.float32([0.10, 0.06, 0.015])
    # The cornea gathers light on the side away from the lamp.
    lx, ly, _ = light_direction(spec)
    iris *= (1 - 0.5 * (dx * lx + dy * ly) / radius)[..., None]
    paint(white, iris, np.clip((1 - far) * radius / pixel + 0.5, 0, 1) * 0.97)
    paint(white, _DARK, np.clip((0.40 - far) * radius / pixel + 0.5, 0, 1))
    white *= (1 - 0.62 * np.exp(-np.maximum(rise, 0) / 0.11))[..., None]
    paint(layers.albedo, white, ball)
    layers.gloss[:] = layers.gloss * (1 - ball) + 0.4 * ball
    layers.fine[:] *= 1 - ball
    spot = np.hypot((dx - 0.17 * lx - 0.02) / 0.075, (dy - 0.2 * ly + 0.02) / 0.085)
    second = 0.18 * bell(dx, -0.16 * lx, 0.06) * bell(dy, 0.16, 0.05)
    layers.glint[:] += ball * (0.85 * np.clip((1 - spot) * 0.075 / pixel + 0.5, 0, 1) + second)


def _lashes(spec: FaceSpec, layers: Layers, x, y, upper, lower, pixel: float) -> None:
    """The dark line of the upper lid, single lashes fanning from both lids."""
    span = smooth((1.06 - np.abs(x)) / 0.12)
    outward = 0.6 + 0.4 * smooth((x + 0.6) / 1.2)
    line = (
        np.clip((0.035 + 0.05 * spec.lashes * outward - np.abs(y - upper + 0.02)) / max(pixel, 0.03) + 0.5, 0, 1) * span
    )
    above = upper - y
    length = (0.14 + 0.17 * spec.lashes) * outward
    up = np.clip(above / length, 0, 1.2)
    comb = np.abs(np.sin((x - 0.55 * x * up - 0.1 * up) * 25 + 1.3 * np.sin(x * 9)))
    fan = smooth(comb * 1.6 - 0.55 - 0.6 * up) * (above > -0.02) * (up < 1) * span
    below = np.clip((y - lower) / (0.10 + 0.05 * spec.lashes), 0, 1.2)
    comb = np.abs(np.sin((x - 0.35 * x * below) * 21 + 1.1 * np.sin(x * 7)))
    under = smooth(comb * 1.5 - 0.7 - 0.5 * below) * (y > lower) * (below < 1) * span * 0.5
    alpha = np.maximum(0.92 * line, (0.45 + 0.5 * spec.lashes) * np.maximum(fan, under))
    paint(layers.albedo, _DARK + 0.12 * linear(spec.hair_rgb), alpha)
    layers.gloss[:] *= 1 - alpha


def nostrils(spec: FaceSpec, surface: Surface, layers: Layers, pixel: float) -> None:
    """The two openings, and the dark line where the wings meet the cheek."""
    side, y = np.abs(surface.x), surface.y
    hole = np.hypot((side - spec.nose_width * 0.43) / 0.066, (y - spec.nose_y - 0.148 + 0.25 * (side - 0.1)) / 0.03)
    alpha = 0.85 * smooth((1.35 - hole) / 0.7)
    paint(layers.albedo, linear(spec.skin_rgb) * np.float32([0.16, 0.09, 0.075]), alpha)
    ring = np.hypot((side - spec.nose_width * 0.72) / 0.105, (y - spec.nose_y - 0.09) / 0.105)
    fold = bell(ring, 1.0, 0.13) * smooth((side - spec.nose_width * 0.8) / 0.06)
    layers.albedo[:] *= 1 - 0.4 * fold[..., None] * np.float32([0.75, 1, 1])
    layers.gloss[:] *= 1 - alpha


def mouth(spec: FaceSpec, surface: Surface, layers: Layers, pixel: float) -> None:
    """Lips, and teeth between them where the mouth is open."""
    half = spec.mouth_width
    x = surface.x / half
    y = surface.y - spec.mouth_y - lip_curve(spec, np.clip(x, -1.2, 1.2))
    span = np.clip(1 - x * x, 0, 1)
    gap = 0.10 * spec.mouth_open * span**0.9
    bow = 1 - 0.30 * bell(x, 0, 0.13) + 0.10 * bell(np.abs(x), 0.26, 0.16)
    top = -gap * 0.45 - spec.lip_upper * span**0.85 * bow
    low = gap * 0.75 + spec.lip_lower * span**0.7
    soft = max(pixel * 1.5, 0.016)
    lips = np.clip(np.minimum(y - top, low - y) / soft + 0.5, 0, 1) * (span > 0)
    creases = noise(x * half * 150, y * 22 + x * 3, 0.8, spec.grain + 31)
    colour = np.empty((*x.shape, 3), np.float32)
    colour[:] = linear(spec.lip_rgb)
    colour *= (1 + 0.035 * creases - 0.22 * bell(y, 0, 0.035) - 0.12 * (y < 0))[..., None]
    paint(layers.albedo, colour, 0.9 * lips)
    layers.fine[:] = layers.fine * (1 - lips) + 0.0022 * creases * lips
    layers.gloss[:] = layers.gloss * (1 - lips) + lips * (0.5 + 0.8 * spec.makeup) * (1 + 0.12 * creases)
    inside = np.clip(np.minimum(y + gap * 0.45, gap * 0.75 - y) / pixel + 0.5, 0, 1) * (gap > pixel)
    _teeth(spec, layers, x * half, y, gap, inside)
    line = bell(y, 0.15 * gap, 0.010 + 0.3 * pixel) * smooth((1.04 - np.abs(x)) / 0.1) * (1 - inside)
    corner = bell(np.abs(x), 1.0, 0.06) * bell(y, 0, 0.022)
    line *= 1 - smooth(gap / 0.03)
    paint(layers.albedo, colour * np.float32([0.22, 0.14, 0.14]), np.clip(0.85 * line + 0.6 * corner, 0, 1))


def _teeth(spec: FaceSpec, layers: Layers, x, y, gap, inside) -> None:
    """Upper teeth hanging into the opening, dark behind, the tongue below."""
    back = np.empty((*x.shape, 3), np.float32)
    back[:] = np.float32([0.03, 0.008, 0.008])
    paint(back, linear((0.62, 0.28, 0.28)), smooth((y - 0.45 * gap) / 0.03) * bell(x, 0, 0.14) * 0.6)
    # Teeth narrow outwards: equal steps of the angle about the dental arch.
    arch = np.arcsin(np.clip(x / 0.36, -1, 1)) * 5.2
    within = np.abs(arch - np.round(arch - 0.5) - 0.5) * 2
    edge = 0.055 - 0.008 * within**3 - 0.03 * np.abs(x) + 0.006 * np.cos(np.round(arch - 0.5) * 3.1)
    seam = 1 - 0.45 * smooth((within - 0.78) / 0.22)
    enamel = linear((0.93, 0.90 - 0.05 * spec.age, 0.84 - 0.13 * spec.age))
    bright = seam * (1 - 1.6 * np.abs(x)) * smooth((y + 0.45 * gap) / 0.02 + 0.45)
    paint(back, enamel * np.clip(bright, 0.05, 1)[..., None], smooth((edge - y) / 0.012 + 0.5))
    paint(layers.albedo, back, inside)
    layers.gloss[:] *= 1 - 0.6 * inside
    layers.fine[:] *= 1 - inside


def glasses(spec: FaceSpec, surface: Surface, image: np.ndarray, pixel: float) -> None:
    """Frames, temples and a faint reflection, painted over the lit face."""
    thick = {"thin": 0.014, "thick": 0.034}[spec.glasses]
    side, x, y = np.abs(surface.x), surface.x, surface.y
    form = 2.4 + 1.6 * spec.jaw_square
    ring = (np.abs((side - 0.5) / 0.37) ** form + np.abs((y - 0.05) / 0.28) ** form) ** (1 / form)
    frame = np.clip((thick - np.abs(ring - 1) * 0.32) / pixel + 0.5, 0, 1)
    bridge = np.clip((thick - np.abs(y + 0.05 - 0.5 * side**2)) / pixel + 0.5, 0, 1) * (side < 0.16)
    temple = np.clip((thick - np.abs(y + 0.03)) / pixel + 0.5, 0, 1) * (side > 0.86) * surface.cover
    lens = np.clip((1 - ring) * 0.32 / pixel + 0.5, 0, 1)
    below = np.clip((thick * 1.6 - np.abs(ring - 1.09) * 0.32) / 0.04 + 0.3, 0, 1) * (y > 0.1)
    image *= 1 - 0.35 * (below * (1 - frame))[..., None]
    streak = bell(x - 0.45 * y - np.sign(x) * 0.42, 0, 0.045) + 0.5 * bell(x - 0.45 * y - np.sign(x) * 0.56, 0, 0.02)
    image += (0.05 * lens * streak)[..., None] * np.float32(spec.light_rgb)
    shine = 0.25 * bell(ring, 1 - thick, 0.03) * (y < -0.1)
    metal = linear(spec.glasses_rgb) + np.zeros((*x.shape, 1), np.float32) + shine[..., None]
    paint(image, metal, np.maximum(frame, np.maximum(bridge, temple)))
