"""The skin of a generated face: its colours, its fine relief, beards, and the light on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ingest.synthetic.shape import Surface, bell, linear, noise, paint, smooth
from pipeline.ingest.synthetic.spec import FaceSpec

# Tile pixels per eye distance: pores are then about a pixel wide at 256 px.
_GRAIN = 96


@dataclass(frozen=True)
class Layers:
    """What the parts of the face are painted into, float32; all in place.

    albedo (H, W, 3): linear light; fine (H, W): small relief in eye distances; gloss (H, W): how much it shines;
    glint (H, W): light added after shading.
    """

    albedo: np.ndarray
    fine: np.ndarray
    gloss: np.ndarray
    glint: np.ndarray

    def window(self, part: tuple[slice, slice]) -> "Layers":
        """Views of a rectangle of all layers."""
        return Layers(self.albedo[part], self.fine[part], self.gloss[part], self.glint[part])


def skin(spec: FaceSpec, surface: Surface) -> Layers:
    """The bare face: no eyes, brows, lips or nostrils yet."""
    x, y, side = surface.x, surface.y, np.abs(surface.x)
    across = surface.angle * np.float32(_GRAIN * spec.face_width)
    along = y * np.float32(_GRAIN)
    pores = noise(across, along, 0.7, spec.grain)
    mottle = noise(across * 0.5, along * 0.5, 5.0, spec.grain + 7)
    albedo = np.empty((*x.shape, 3), np.float32)
    albedo[:] = linear(spec.skin_rgb)
    tint = _blush(spec, x, y, side)
    shade = 1 + 0.02 * pores + (0.025 + 0.035 * spec.age) * mottle
    eye_ring = bell(side, 0.5, 0.23) * bell(y, 0.08, 0.14) * np.float32(spec.has_eyes)
    shade *= 1 - (0.16 + 0.1 * spec.age) * eye_ring
    # The chin's underside sees neither lamp nor sky.
    shade *= 1 - 0.8 * smooth((y - spec.chin_y + 0.13) / 0.14)
    warm = spec.redness * (tint + 0.05 * mottle)
    for channel, shift in enumerate((0.04, -0.30, -0.24)):
        albedo[..., channel] *= shade * (1 + shift * warm)
    spots = smooth((noise(across * 0.55, along * 0.55, 1.2, spec.grain + 3) - 1.6) / 0.5)
    spots *= 0.5 * max(spec.freckles, 0.5 * (spec.age - 0.5)) * bell(y, 0.35, 0.45)
    paint(albedo, linear(spec.skin_rgb) * np.float32([0.52, 0.36, 0.28]), np.clip(spots, 0, 1))
    fine = 0.0014 * (1 + 0.5 * spec.age) * pores + _wrinkles(spec, x, y, side, mottle)
    oily = 0.35 + 0.65 * np.maximum(bell(x, 0, 0.25) * (y < 0.9), bell(side, 0.6, 0.3) * bell(y, 0.35, 0.25))
    gloss = spec.gloss * oily * (1 + 0.2 * pores)
    return Layers(albedo, fine, gloss.astype(np.float32), np.zeros_like(x))


def _blush(spec: FaceSpec, x: np.ndarray, y: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Where blood shows: cheeks, nose, chin, ears."""
    cheeks = 0.9 * bell(side, 0.62, 0.24) * bell(y, 0.55, 0.22)
    nose = 0.8 * bell(x, 0, 0.17) * bell(y, spec.nose_y + 0.03, 0.15)
    return cheeks + nose + 0.35 * bell(x, 0, 0.25) * bell(y, spec.chin_y - 0.2, 0.12)


def _wrinkles(spec: FaceSpec, x: np.ndarray, y: np.ndarray, side: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """Lines of age, as relief; `wave` bends them."""
    forehead = np.zeros_like(x)
    for line in range(4):
        at = -0.92 + 0.125 * line + 0.05 * x**2 + 0.012 * wave
        forehead += bell(y - at, 0, 0.016)
    forehead *= bell(x, 0, 0.42)
    feet = np.sin(np.arctan2(y - 0.02, side - 0.6) * 17) * bell(side, 0.86, 0.08) * bell(y, 0.03, 0.13)
    frown = bell(side, 0.095, 0.018) * bell(y, -0.27, 0.09)
    strength = 0.001 + 0.014 * max(spec.age - 0.25, 0)
    return -strength * (forehead + frown) + 0.4 * (strength - 0.001) * feet


def beard(spec: FaceSpec, surface: Surface, layers: Layers) -> None:
    """Stubble, moustache, goatee or a full beard, as short hairs over darkened skin."""
    if spec.beard == "none":
        return
    x, y, side = surface.x, surface.y, np.abs(surface.x)
    edge = 0.05 * noise(x * 60, y * 60, 2.5, spec.grain + 5)
    line = 0.62 + 0.5 * bell(side, 0.48, 0.22) * (side < 0.75) + edge
    full = smooth((y - line) / 0.22) * np.maximum(smooth((side - 0.3) / 0.15), y > spec.mouth_y + 0.05)
    lip = smooth((y - spec.nose_y - 0.24 - 0.25 * side + edge) / 0.06) * smooth((spec.mouth_y + 0.3 * side - y) / 0.07)
    moustache = lip * smooth((spec.mouth_width * 1.1 - side) / 0.1)
    goatee = smooth((0.36 - side + edge) / 0.1) * smooth((y - spec.mouth_y - 0.1 - edge) / 0.06)
    cover = {
        "moustache": moustache,
        "goatee": np.maximum(goatee, moustache),
        "stubble": np.maximum(full, moustache),
        "full": np.maximum(full, moustache),
    }[spec.beard]
    strands = (
        noise(x * 110 + 20 * np.sin(y * 9), y * 26, 0.8, spec.grain + 11)
        if spec.beard != "stubble"
        else noise(x * 120, y * 90, 0.6, spec.grain + 11)
    )
    if spec.beard == "stubble":
        alpha = cover * np.clip(0.42 + 0.3 * strands, 0, 0.85)
    else:
        alpha = smooth(1.5 * cover - 0.25 + 0.18 * strands) * 0.94
        layers.fine[:] += 0.03 * cover + 0.006 * cover * strands
    colour = linear(spec.hair_rgb) * (1 + 0.35 * np.clip(strands, -2, 2))[..., None]
    paint(layers.albedo, colour, alpha)
    layers.gloss[:] *= 1 - 0.8 * alpha


def light_direction(spec: FaceSpec) -> np.ndarray:
    """Unit vector to the light in view coordinates."""
    cos = np.cos(spec.light_elevation)
    azimuth = spec.light_azimuth
    return np.float32([np.sin(azimuth) * cos, -np.sin(spec.light_elevation), np.cos(azimuth) * cos])


def irradiance(spec: FaceSpec, normal: tuple, shadow: np.ndarray | float, open_sky: np.ndarray | float) -> np.ndarray:
    """Light that falls on normals (nx, ny, nz), float32 (H, W, 3).

    shadow: 1 where the lamp is seen. open_sky: 1 where nothing near hides the surroundings. Skin passes light on below
    its surface, red furthest: the lamp reaches round the edge by as much as each channel's wrap.
    """
    nx, ny, nz = normal
    lx, ly, lz = light_direction(spec)
    facing = nx * lx + ny * ly + nz * lz
    sky = (0.72 - 0.28 * ny) * open_sky
    light = np.empty((*facing.shape, 3), np.float32)
    for channel, wrap in enumerate((0.32, 0.2, 0.14)):
        lamp = np.clip((facing + wrap) / (1 + wrap), 0, None) * shadow
        light[..., channel] = 0.98 * spec.light_rgb[channel] * lamp + spec.ambient_rgb[channel] * sky
    return light


def normals(z_px: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit normals of a depth map given in pixels."""
    zx = cv2.Sobel(z_px, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    zy = cv2.Sobel(z_px, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    inverse = 1 / np.sqrt(1 + zx * zx + zy * zy)
    return -zx * inverse, -zy * inverse, inverse


def shade_face(spec: FaceSpec, surface: Surface, layers: Layers, scale: float) -> np.ndarray:
    """The lit face, linear light float32 (H, W, 3)."""
    normal = normals((surface.z + layers.fine) * np.float32(scale))
    size = surface.z.shape[::-1]
    small = cv2.resize(surface.z, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    hidden, shadow = _occlusion(small, scale / 4), _cast_shadow(spec, small, scale / 4)
    hidden, shadow = (cv2.resize(a, size, interpolation=cv2.INTER_LINEAR) for a in (hidden, shadow))
    lit = layers.albedo * irradiance(spec, normal, shadow * (0.5 + 0.5 * hidden), hidden)
    lx, ly, lz = light_direction(spec)
    half = np.array([lx, ly, lz + 1], np.float32)
    half /= np.linalg.norm(half)
    gleam = np.clip(normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2], 0, 1)
    gleam = (0.16 * gleam**14 + 0.14 * gleam**48) * layers.gloss * shadow + layers.glint
    return lit + gleam[..., None] * np.float32(spec.light_rgb)


def _occlusion(z: np.ndarray, scale: float) -> np.ndarray:
    """1 on open surface, less in hollows: by how far the surface lies below its blurred self."""
    seen = np.ones_like(z)
    for reach, strength in ((0.05, 5.0), (0.16, 2.2)):
        below = cv2.GaussianBlur(z, (0, 0), reach * scale) - z
        seen *= np.exp(-strength * np.maximum(below, 0) / np.float32(reach) * 0.25)
    return seen


def _cast_shadow(spec: FaceSpec, z: np.ndarray, scale: float) -> np.ndarray:
    """1 where the lamp is seen, down to 0.3 where relief towards it stands in the way; softened."""
    lx, ly, lz = light_direction(spec)
    flat = float(np.hypot(lx, ly))
    blocked = np.zeros_like(z)
    for step in (0.05, 0.1, 0.16, 0.23, 0.31, 0.4):
        shift = np.float32([[1, 0, step * lx / flat * scale], [0, 1, step * ly / flat * scale]])
        towards = cv2.warpAffine(
            z, shift, z.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        blocked = np.maximum(blocked, smooth((towards - z - step * lz / flat) / 0.08))
    return 1 - 0.7 * cv2.GaussianBlur(blocked, (0, 0), max(0.02 * scale, 0.3))
