"""Generated faces: a deterministic renderer that knows where its landmarks are.

They stand in for photographs where there are none: a demonstration and the tests run on them without a download. A face
is a head-shaped surface with relief, skin, features and hair, lit by a lamp and the sky, seen turned, and taken by a
camera with a little blur and noise.
"""

import cv2
import numpy as np

from pipeline.ingest.synthetic.features import feature_boxes, glasses, landmark_points
from pipeline.ingest.synthetic.shape import Surface, View, meet, paint, project, relief_map
from pipeline.ingest.synthetic.skin import beard, shade_face, skin
from pipeline.ingest.synthetic.spec import FaceSpec, draw_spec, without
from pipeline.ingest.synthetic.surround import Hair, background, body_boxes, hair_box

__all__ = ["FaceSpec", "draw_spec", "render_face", "without"]

_OVERSAMPLING = 2
# The middle of the face's box, in head coordinates.
_MIDDLE = np.array([[0.0, 0.45]])


def render_face(spec: FaceSpec, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Renders one face: RGB uint8 (size_px, size_px, 3), landmarks float64 (5, 2) x and y in pixels.

    The landmarks are in the order of `pipeline.store.landmarks.LANDMARKS`, left and right as the viewer sees them. The
    same spec and size give the same bytes. ValueError below 32 pixels, where there is no face to speak of.
    """
    if size_px < 32:
        raise ValueError(f"size_px is {size_px}; a face needs at least 32 pixels")
    size = size_px * _OVERSAMPLING
    view = _place(spec, size)
    image = _scene(view, size)
    image = cv2.resize(np.clip(image, 0, None), (size_px, size_px), interpolation=cv2.INTER_AREA)
    # Pixel centres: oversampled coordinate p lies at (p + 0.5) / 2 - 0.5.
    landmarks = (view.landmarks_px(landmark_points(spec)) + 0.5) / _OVERSAMPLING - 0.5
    return _develop(spec, image), landmarks.astype(np.float64)


def _place(spec: FaceSpec, size: int) -> View:
    """Scales the head and puts the middle of its face where the spec wants it."""
    scale = spec.eye_distance * size
    relief = relief_map(spec)
    centred = View(spec, relief, scale, (0.0, 0.0))
    # The plain head's middle: the nose shall not move the face in the frame.
    middle = centred.to_px(project(spec, relief * 0, _MIDDLE))[0]
    return View(spec, relief, scale, (spec.frame_x * size - 0.5 - middle[0], spec.frame_y * size - 0.5 - middle[1]))


def _scene(view: View, size: int) -> np.ndarray:
    """All of the picture in linear light, float32 (size, size, 3), from back to front."""
    spec, pixel = view.spec, 1 / view.scale
    u, v = view.grid(size, size)
    image = background(spec, size)
    part = view.window(view.to_px(hair_box(spec)), size)
    hair = Hair(spec, u[part], v[part], pixel)
    hair_colour = hair.colour()
    if spec.hair_style in ("bob", "long"):
        paint(image[part], 0.45 * hair_colour, hair.shell)
    for painter, corners in body_boxes(spec):
        below = view.window(view.to_px(corners), size)
        painter(spec, u[below], v[below], image[below], pixel)
    surface = meet(view, size).window(part)
    face = _face(view, surface, part, pixel)
    front = hair.front(surface)
    face *= (1 - 0.5 * _soft_shadow(front, view.scale))[..., None]
    paint(image[part], face, surface.cover)
    if spec.glasses != "none":
        glasses(spec, surface, image[part], pixel)
    paint(image[part], hair_colour, front)
    return image


def _face(view: View, surface: Surface, part: tuple[slice, slice], pixel: float) -> np.ndarray:
    """The lit face over the rectangle `part` of the picture, which is what `surface` covers."""
    spec = view.spec
    start, size = (part[1].start, part[0].start), max(surface.x.shape)
    layers = skin(spec, surface)
    beard(spec, surface, layers)
    for feature, corners in feature_boxes(spec):
        inner = view.window(view.landmarks_px(corners) - start, size)
        feature(spec, surface.window(inner), layers.window(inner), pixel)
    return shade_face(spec, surface, layers, view.scale)


def _soft_shadow(cover: np.ndarray, scale: float) -> np.ndarray:
    """The shadow hair throws on the skin just below it."""
    small = cv2.resize(cover, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    shift = np.float32([[1, 0, 0], [0, 1, 0.04 * scale / 4]])
    small = cv2.warpAffine(small, shift, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    small = cv2.GaussianBlur(small, (0, 0), 0.045 * scale / 4)
    return cv2.resize(small, cover.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _develop(spec: FaceSpec, image: np.ndarray) -> np.ndarray:
    """Camera: lens blur, a soft shoulder for the highlights, gamma, sensor noise, eight bits."""
    if spec.camera_blur > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), spec.camera_blur)
    image = np.where(image > 0.7, 0.7 + 0.3 * np.tanh((image - 0.7) / 0.3), image)
    picture = 255 * image ** np.float32(1 / 2.2)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([spec.seed, spec.index, 2])))
    picture += spec.camera_noise * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
