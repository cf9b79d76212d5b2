"""One face on its way: cut out, restored, judged."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.commands.restore import geometry
from pipeline.faces.detect import Face
from pipeline.images import pixels
from pipeline.infer.trained import Weights
from pipeline.metrics.landmarks import landmark_distance

RESTORED = "restored"
# Below this side of the square around it a face goes to AGRNet, where both networks are at hand. AGRNet is trained on faces
# of 16 px, AGRNet-HR on faces that have 32 to 128 of 512 px left (Eq. 28): the middle of 16 and 32, as ratios, is 23.
SMALL_PX = 24
# Landmarks that moved further than this share of the distance between the eyes are flagged. Of 41 faces in 33 poor photos,
# restored by a young AGRNet-HR, half moved by 0.06, 95 % by at most 0.11; the detector's own uncertainty is 0.03
# (`pipeline.metrics.landmarks`).
MOVED = 0.15
# Laplacian of a Laplacian (Immerkaer, Fast noise variance estimation, 1996), of unit gain for white noise; what is left of
# an image then is noise and corners, and the median looks away from the corners.
_NOISE_FILTER = np.float32([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
_MEDIAN_OF_NORMAL = 0.6745
# Squared weights of the Laplacian (4 neighbours): 4^2 + 4 x 1^2.
_LAPLACIAN_GAIN = 20


@dataclass
class RestoredFace:
    """A face found in a photo, and what became of it.

    number: by falling area of the box. face: where it is, None for an aligned crop. side_px: of the square around the box,
    or of the crop. task: of the network that restores it. quad: the square that was cut. cut: the square at the network's
    size, seen: the network's input brought to that size, given: the input itself, restored: the network's output; RGB uint8.
    done: what became of it, in words; warnings: what else the user should know. landmarks: in pixels of `cut`.
    """

    number: int
    face: Face | None
    side_px: int
    task: str | None = None
    quad: np.ndarray | None = None
    cut: np.ndarray | None = None
    seen: np.ndarray | None = None
    given: np.ndarray | None = None
    restored: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    sharpness: tuple[float, float] | None = None
    distance: float | None = None
    kept: float | None = None
    done: str = ""
    error: str = ""
    warnings: list[str] = field(default_factory=list)


def choose(side_px: int, tasks: list[str]) -> str:
    """The task of the network for a face of that side."""
    wanted = "x8" if side_px < SMALL_PX else "blind"
    return wanted if wanted in tasks else tasks[0]


def prepare(face: RestoredFace, rgb8: np.ndarray, weights: Weights) -> None:
    """Cut the face's square (`quad`) out of its photo, and set what the network sees of it."""
    face.cut, lr_px = geometry.cut(rgb8, face.quad, weights.size_px), weights.lr_px
    if lr_px is None:
        face.seen = face.given = face.cut
        if face.side_px < SMALL_PX:
            face.warnings.append(
                f"{face.side_px} px are fewer than {weights.name} is made for: AGRNet is for such faces"
            )
        return
    # A large face as the training set's: brought to the network's size, and shrunk from there. A small one at once: a face
    # of 16 px that is enlarged first and shrunk again costs AGRNet 1.2 dB (20 photographs of Helen).
    enlarged = face.side_px < weights.size_px
    small = geometry.cut(rgb8, face.quad, lr_px) if enlarged else pixels.resize(face.cut, lr_px, "bicubic")
    face.seen = pixels.resize(small, weights.size_px, "bicubic")
    face.given = small if weights.takes == "lr" else face.seen
    if face.side_px >= SMALL_PX:
        face.warnings.append(
            f"detail was thrown away: {weights.name} restores from {lr_px} px and the face has {face.side_px}; AGRNet-HR is "
            "for such faces"
        )


def judge(face: RestoredFace, force: bool) -> bool:
    """Whether the restored face is put in place: not where the photo's is sharper already, unless forced."""
    before, after = sharpness(face.cut), sharpness(face.restored)
    face.sharpness = before, after
    if before <= after or force:
        face.done = RESTORED
        if before > after:
            face.warnings.append("sharper in the photo than restored; restored all the same (--force)")
        return True
    face.done = f"left alone: sharper already ({before:.0f}) than what the network makes ({after:.0f})"
    return False


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of a square RGB uint8 image in its own size, less what noise adds: squared grey levels.

    At 128 px that is `measure.sharpness` without the noise; a network that makes 512 px is judged at 512. Of 12 faces of
    CelebA-HQ brought to 32, 64 and 128 px, with and without noise and JPEG, 87 % were softer at 128 px than restored ones
    (stood in for by the originals, blurred by 0 to 1.5 px), 95 % at 512 px.
    Noise is no detail. Of 40 faces blurred by 1.5 px and spoilt by noise of 8 to 15 levels none is taken for sharper than
    its restoration, all are without this correction; of 40 clean ones all are, either way (at 128 px).
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    response = cv2.filter2D(grey.astype(np.float32), -1, _NOISE_FILTER)
    noise = float(np.median(np.abs(response))) / _MEDIAN_OF_NORMAL
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S, ksize=1))
    return max(float(deviation[0, 0] ** 2) - _LAPLACIAN_GAIN * noise**2, 0.0)


def greyed(image: np.ndarray) -> np.ndarray:
    """RGB uint8 (S, S, 3) as shades of grey, which a grey image keeps."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def mixed(face: RestoredFace, strength: float) -> np.ndarray:
    """The face as it is shown alone, RGB uint8 at the network's size: the photo's, where it was left alone."""
    if face.done != RESTORED:
        return face.cut
    if strength == 1:
        return face.restored
    return cv2.addWeighted(face.restored, strength, face.cut, 1 - strength, 0)


def compare_landmarks(face: RestoredFace, found: np.ndarray | None) -> None:
    """Record how far the landmarks moved. found: in the restored face, None where no face is found there."""
    if face.landmarks is None:
        return
    if found is None:
        face.warnings.append("no face is found in what the network made")
        return
    try:
        face.distance = landmark_distance(found, face.landmarks)
    except ValueError as error:  # eyes in one point, in a face seen from the side
        face.warnings.append(f"landmarks cannot be compared: {error}")
        return
    if face.distance > MOVED:
        face.warnings.append(f"landmarks moved by {face.distance:.2f} of the distance between the eyes: look at it")


def fail(face: RestoredFace) -> None:
    """Say of a face whose photo failed that nothing of it was written."""
    face.done = f"not restored: {face.error or 'its photo failed'}"


def record(face: RestoredFace, names: dict[str, str]) -> dict:
    """The face for the JSON. names: of the networks by task."""
    said: dict = {"number": face.number, "side_px": face.side_px}
    if face.face is not None:
        said |= {
            "box": [round(float(v), 2) for v in face.face.box],
            "score": round(face.face.score, 4),
            "landmarks": face.face.landmarks.round(2).tolist(),
        }
    said |= {"network": names.get(face.task), "done": face.done}
    if face.sharpness is not None:
        said |= {"sharpness": dict(zip(("photo", "restored"), (round(v, 1) for v in face.sharpness), strict=True))}
    if face.distance is not None:
        said |= {"landmark_distance": round(face.distance, 4)}
    if face.kept is not None:
        said |= {"detail_kept": round(face.kept, 3)}
    return said | {"warnings": face.warnings}
