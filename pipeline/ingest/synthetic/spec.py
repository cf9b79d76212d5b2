"""The parameters of one generated face, and how they are drawn from a seed."""

from dataclasses import dataclass, fields, replace

import numpy as np

Rgb = tuple[float, float, float]

HAIR_STYLES = ("bald", "buzz", "short", "fringe", "bob", "long", "afro")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
GLASSES = ("none", "thin", "thick")
BACKGROUNDS = ("gradient", "bokeh", "texture", "panels")

# sRGB anchors from very light to very dark skin; a face takes a point between two neighbours.
_SKIN = (
    (250, 224, 208),
    (240, 205, 182),
    (226, 182, 150),
    (202, 152, 116),
    (164, 112, 78),
    (118, 76, 52),
    (74, 47, 35),
)
_HAIR = ((24, 19, 17), (44, 29, 21), (78, 50, 32), (118, 78, 46), (176, 132, 82), (214, 182, 128), (150, 66, 32))
_IRIS = ((62, 38, 22), (86, 54, 28), (112, 84, 42), (92, 104, 62), (88, 120, 148), (120, 148, 168), (104, 112, 116))


@dataclass(frozen=True)
class FaceSpec:
    """Everything one generated face depends on, its noise included (through seed and index).

    Lengths are in eye distances (1 is the distance between the eye centres of a frontal face), angles in radians,
    colours sRGB in [0, 1], `*_x` and `*_y` of the frame in parts of its side; what is left is a weight in [0, 1] unless
    said otherwise. Positive yaw turns the face to the viewer's left, positive pitch lifts the chin, positive roll turns
    clockwise.
    """

    seed: int
    index: int
    grain: float  # which stretch of the noise tiles this face takes
    eye_distance: float  # part of the frame's side
    frame_x: float  # where the middle of the face lies
    frame_y: float
    yaw: float
    pitch: float
    roll: float
    light_azimuth: float
    light_elevation: float
    light_rgb: Rgb
    ambient_rgb: Rgb
    skin_rgb: Rgb
    redness: float
    gloss: float
    age: float
    freckles: float
    face_width: float
    chin_y: float
    jaw_square: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    gaze_x: float
    gaze_y: float
    iris_rgb: Rgb
    lashes: float
    makeup: float
    makeup_rgb: Rgb
    brow_y: float
    brow_thickness: float
    brow_arch: float
    nose_y: float
    nose_width: float
    nose_height: float
    mouth_y: float
    mouth_width: float
    lip_upper: float
    lip_lower: float
    lip_rgb: Rgb
    smile: float  # -0.3 .. 1
    mouth_open: float
    hair_style: str
    hair_rgb: Rgb
    hair_curl: float
    hair_part: float
    hairline_y: float
    beard: str
    glasses: str
    glasses_rgb: Rgb
    background: str
    background_rgb: Rgb
    background_rgb2: Rgb
    clothes_rgb: Rgb
    camera_blur: float
    camera_noise: float
    has_eyes: bool = True
    has_mouth: bool = True


def draw_spec(seed: int, index: int) -> FaceSpec:
    """Draws face `index` of the set `seed`; depends on these two non-negative integers alone."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    tone = rng.uniform()
    # Dark skin mostly goes with dark hair and eyes, but not always.
    dark = tone if rng.uniform() < 0.9 else 0.0
    drawn = {"seed": seed, "index": index} | _draw_view(rng) | _draw_head(rng, tone)
    drawn |= _draw_features(rng, dark) | _draw_hair(rng, dark)
    if drawn["age"] > 0.55:
        # Old hair greys, by a part that differs from head to head.
        grey = (drawn["age"] - 0.45) * 1.8 * rng.uniform()
        drawn["hair_rgb"] = _mix(drawn["hair_rgb"], (0.75, 0.74, 0.72), min(grey, 1.0))
    drawn["lip_rgb"] = _lip_colour(rng, drawn["skin_rgb"], drawn["makeup"])
    return FaceSpec(**drawn)


def without(spec: FaceSpec, part: str) -> FaceSpec:
    """The same face with skin where `part`, "eyes" or "mouth", was; ValueError for any other part."""
    name = f"has_{part}"
    if name not in {field.name for field in fields(FaceSpec)}:
        raise ValueError(f"a face can be without 'eyes' or 'mouth', not {part!r}")
    return replace(spec, **{name: False})


def _mix(a: Rgb, b: Rgb, t: float) -> Rgb:
    return tuple(float(p + (q - p) * t) for p, q in zip(a, b, strict=True))


def _between(anchors: tuple[Rgb, ...], at: float, rng: np.random.Generator, jitter: float) -> Rgb:
    """Colour at the position `at` in [0, 1] along the anchors, each channel jittered; sRGB in [0, 1]."""
    position = at * (len(anchors) - 1)
    low = min(int(position), len(anchors) - 2)
    mixed = _mix(anchors[low], anchors[low + 1], position - low)
    return tuple(float(np.clip(c / 255 + rng.normal(0, jitter), 0.02, 0.98)) for c in mixed)


def _muted(rng: np.random.Generator, colourful: float) -> Rgb:
    """A grey with some colour."""
    grey, colour = rng.uniform(0.04, 0.95), rng.uniform(0.05, 0.85, 3)
    return tuple(float(v) for v in grey + (colour - grey) * colourful * rng.uniform())


def _pick(rng: np.random.Generator, names: tuple[str, ...], weights: tuple[float, ...]) -> str:
    return names[int(rng.choice(len(names), p=np.array(weights) / np.sum(weights)))]


def _draw_view(rng: np.random.Generator) -> dict:
    """Frame, pose, light, background and camera."""
    warm = rng.uniform(-1, 1)
    return {
        "grain": float(rng.uniform(0, 500)),
        "eye_distance": float(rng.uniform(0.158, 0.222)),
        "frame_x": float(np.clip(rng.normal(0.5, 0.015), 0.46, 0.54)),
        "frame_y": float(np.clip(rng.normal(0.52, 0.012), 0.49, 0.55)),
        "yaw": float(np.clip(rng.normal(0, 0.16), -0.34, 0.34)),
        "pitch": float(np.clip(rng.normal(0, 0.07), -0.16, 0.16)),
        "roll": float(np.clip(rng.normal(0, 0.09), -0.25, 0.25)),
        "light_azimuth": float(rng.uniform(-1.0, 1.0)),
        "light_elevation": float(rng.uniform(0.1, 0.85)),
        "light_rgb": (1.0 + 0.07 * warm, 1.0, 1.0 - 0.12 * warm),
        "ambient_rgb": tuple(float(v) for v in rng.uniform(0.2, 0.46) * (1 + rng.uniform(-0.12, 0.12, 3))),
        "background": _pick(rng, BACKGROUNDS, (3, 3, 3, 2)),
        "background_rgb": _muted(rng, 0.5),
        "background_rgb2": _muted(rng, 0.5),
        "clothes_rgb": _muted(rng, 0.7),
        "camera_blur": float(rng.uniform(0.0, 0.45)),
        "camera_noise": float(rng.uniform(0.5, 2.5)),
    }


def _draw_head(rng: np.random.Generator, tone: float) -> dict:
    """Skin, from tone 0, very light, to 1, and the shape of the head."""
    return {
        "skin_rgb": _between(_SKIN, tone, rng, 0.008),
        "redness": float(rng.uniform(0.1, 0.9) * (1 - 0.6 * tone)),
        "gloss": float(rng.uniform(0.15, 0.8)),
        "age": float(rng.uniform() ** 1.4),
        "freckles": float(max(0.0, rng.uniform(-2.5, 1.0)) * (tone < 0.5)),
        "face_width": float(np.clip(rng.normal(1.14, 0.045), 1.03, 1.25)),
        "chin_y": float(np.clip(rng.normal(1.84, 0.06), 1.7, 1.98)),
        "jaw_square": float(rng.uniform()),
    }


def _draw_features(rng: np.random.Generator, dark: float) -> dict:
    """Eyes, brows, nose, mouth and glasses."""
    return {
        "eye_width": float(np.clip(rng.normal(0.245, 0.014), 0.215, 0.28)),
        "eye_open": float(rng.uniform(0.7, 1.15)),
        "eye_tilt": float(rng.normal(0.04, 0.05)),
        "gaze_x": float(np.clip(rng.normal(0, 0.12), -0.3, 0.3)),
        "gaze_y": float(np.clip(rng.normal(0, 0.05), -0.12, 0.12)),
        "iris_rgb": _between(_IRIS, rng.uniform() ** 1.3 * (1.0 - 0.7 * dark), rng, 0.02),
        "lashes": float(rng.uniform(0.2, 1.0)),
        "makeup": float(max(0.0, rng.uniform(-1.0, 0.9))),
        "makeup_rgb": tuple(float(v) for v in rng.uniform((0.3, 0.1, 0.1), (0.75, 0.35, 0.5))),
        "brow_y": float(np.clip(rng.normal(-0.36, 0.03), -0.44, -0.29)),
        "brow_thickness": float(rng.uniform(0.035, 0.075)),
        "brow_arch": float(rng.uniform(0.02, 0.11)),
        "nose_y": float(np.clip(rng.normal(0.62, 0.03), 0.55, 0.69)),
        "nose_width": float(np.clip(rng.normal(0.265, 0.025), 0.21, 0.33)),
        "nose_height": float(rng.uniform(0.8, 1.15)),
        "mouth_y": float(np.clip(rng.normal(1.14, 0.035), 1.06, 1.22)),
        "mouth_width": float(np.clip(rng.normal(0.385, 0.03), 0.32, 0.46)),
        "lip_upper": float(rng.uniform(0.055, 0.105)),
        "lip_lower": float(rng.uniform(0.075, 0.14)),
        "smile": float(rng.uniform(-0.2, 1.0)),
        "mouth_open": float(max(0.0, rng.uniform(-1.0, 1.0))),
        "glasses": _pick(rng, GLASSES, (8, 1, 1)),
        "glasses_rgb": tuple(float(v) for v in rng.uniform((0.02, 0.02, 0.02), (0.35, 0.22, 0.2))),
    }


def _draw_hair(rng: np.random.Generator, dark: float) -> dict:
    """Hair and beard; a beard goes with the styles it is common with."""
    style = _pick(rng, HAIR_STYLES, (1, 1.5, 4, 2.5, 3, 4, 1))
    bearded = style in ("bald", "buzz", "short", "afro") and rng.uniform() < 0.6
    return {
        "hair_style": style,
        "hair_rgb": _between(_HAIR, rng.uniform() ** 1.2 * (1.0 - 0.8 * dark), rng, 0.012),
        "hair_curl": float(rng.uniform()) if style != "afro" else 1.0,
        "hair_part": float(rng.uniform(-0.5, 0.5)),
        "hairline_y": float(np.clip(rng.normal(-1.08, 0.09), -1.3, -0.88)),
        "beard": _pick(rng, BEARDS[1:], (3, 1, 1, 2)) if bearded else "none",
    }


def _lip_colour(rng: np.random.Generator, skin: Rgb, makeup: float) -> Rgb:
    """Skin shifted to red, and further to a lipstick by as much as the face wears make-up."""
    natural = tuple(float(c) for c in np.array(skin) * np.array([0.84, 0.66, 0.66]) + np.array([0.03, 0.0, 0.01]))
    lipstick = tuple(float(v) for v in rng.uniform((0.5, 0.12, 0.16), (0.8, 0.36, 0.42)))
    return _mix(natural, lipstick, 0.8 * makeup)
