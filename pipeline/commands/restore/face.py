"""One face on its way: cut out, restored, judged."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.commands.restore import geometry
from pipeline.commands.restore.gate.fusion import cut_within, fused
from pipeline.commands.restore.gate.gate import Gate, Verdict
from pipeline.commands.restore.gate.signs import signs
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.faces.detect import Face
from pipeline.faces.square import square_around
from pipeline.images import pixels
from pipeline.metrics.landmarks import landmark_distance

RESTORED = "restored"
# Below this side of the square around it a face goes to AGRNet, where both networks are at hand. AGRNet is trained on faces
# of 16 px, AGRNet-HR on faces that have 32 to 128 of 512 px left (Eq. 28): the middle of 16 and 32, as ratios, is 23.
SMALL_PX = 24
# Landmarks that moved further than these shares of the distance between the eyes: flagged, and left alone. Of 41 faces in
# 33 poor photos, restored by a young AGRNet-HR, half moved by 0.06, 95 % by at most 0.11; the detector's own uncertainty is
# 0.03 (`pipeline.metrics.landmarks`). In five of 64 others no face was there, or another one afterwards: landmarks moved by
# 0.55 and more, or none were found.
MOVED, LOST = 0.15, 0.3
NOT_CHOSEN = "left alone: not among the faces that were asked for"
NOT_MEASURED = "what this network is good for was not measured"


@dataclass
class RestoredFace:
    """A face found in a photo, and what became of it.

    number: by falling area of the box. face: where it is, None for an aligned crop. side_px: of the square around the box,
    or of the crop. task: of the network that restores it. quad: the square that was cut. cut: the square at the network's
    size, seen: the network's input brought to that size, given: the input itself, restored: the network's output, and what
    is put in place once it is judged; RGB uint8. bandwidth, noise: of the photo there (`gate.signs`). verdict: of the gate.
    kept_cycles: below which the photo stays.
    done: what became of it, in words; warnings: what else the user should know;
    caveats: what is one once the face is restored. landmarks: in pixels of `cut`.
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
    bandwidth: float | None = None
    noise: float | None = None
    verdict: Verdict | None = None
    kept_cycles: float | None = None
    distance: float | None = None
    kept: float | None = None
    done: str = ""
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)


def choose(side_px: int, tasks: list[str]) -> str:
    """The task of the network for a face of that side."""
    wanted = "x8" if side_px < SMALL_PX else "blind"
    return wanted if wanted in tasks else tasks[0]


def cut_out(
    rgb8: np.ndarray, number: int, found: Face, networks: dict[str, RunnableNetwork], side_px: int | None = None
) -> RestoredFace:
    """A face found in a photo, ready for its network; `given` stays None, with the reason, where it cannot be cut out.

    networks: by task. side_px: by which the network is chosen, where it is not to be that of this photo alone.
    """
    height, width = rgb8.shape[:2]
    if side_px is None:
        side_px = square_around(found.box, geometry.MARGIN, width, height)[2]
    face = RestoredFace(number, found, side_px, choose(side_px, list(networks)))
    network = networks[face.task]
    try:
        face.quad = geometry.face_quad(found, network.task, width, height, network.lr_px)
        prepare(face, rgb8, network)
        face.landmarks = geometry.to_square(found.landmarks, face.quad, network.size_px)
    except ValueError as error:  # landmarks that coincide, a box outside the photo: of this face alone
        face.done = f"not restored: {error}"
        face.warnings.append(face.done)
    return face


def prepare(face: RestoredFace, rgb8: np.ndarray, network: RunnableNetwork) -> None:
    """Cut the face's square (`quad`) out of its photo, and set what the network sees of it."""
    face.cut, lr_px = geometry.cut(rgb8, face.quad, network.size_px), network.lr_px
    if lr_px is None:
        face.seen = face.given = face.cut
        if face.side_px < SMALL_PX:
            face.caveats.append(
                f"{face.side_px} px are fewer than {network.name} is made for: AGRNet is for such faces"
            )
        return
    # A large face as the training set's: brought to the network's size, and shrunk from there. A small one at once: a face
    # of 16 px that is enlarged first and shrunk again costs AGRNet 1.2 dB (20 photographs of Helen).
    enlarged = face.side_px < network.size_px
    small = geometry.cut(rgb8, face.quad, lr_px) if enlarged else pixels.resize(face.cut, lr_px, "bicubic")
    face.seen = pixels.resize(small, network.size_px, "bicubic")
    face.given = small if network.takes == "lr" else face.seen
    if face.side_px >= SMALL_PX:
        face.caveats.append(
            f"detail was thrown away: {network.name} restores from {lr_px} px and the face has {face.side_px}; AGRNet-HR is "
            "for such faces"
        )


def judge(face: RestoredFace, gate: Gate | None, force: bool, others: Sequence[RestoredFace] = ()) -> bool:
    """Whether the restored face is put in place, by what the gate of its network predicts; `restored` becomes what is.

    That is the network's face with the photo's own frequencies below the gate's cut (`gate.fusion`). Without a gate only
    when forced, and then the photo's stay as far as it has detail. others: further looks at the same face, in a film, which
    have a say and are not changed.
    """
    seen = signs(face.cut, face.restored)
    face.bandwidth, face.noise = seen.bandwidth, seen.noise
    face.verdict = None if gate is None else gate.verdict(seen, *(signs(look.cut, look.restored) for look in others))
    why = _why_not(face)
    if why and not force:
        face.done = f"left alone: {why}"
        return False
    if why:
        face.warnings.append(f"restored by force: {why}")
    face.kept_cycles = cut_within(seen.bandwidth) if face.verdict is None else face.verdict.cut
    face.restored = fused(face.seen, face.restored, face.kept_cycles)
    face.done = RESTORED
    face.warnings += face.caveats
    return True


def _why_not(face: RestoredFace) -> str:
    verdict = face.verdict
    if verdict is None:
        return NOT_MEASURED
    if face.task == "x8" and face.side_px >= SMALL_PX:  # no gate was measured on such faces
        return f"the network is for faces below {SMALL_PX} px and this one has {face.side_px}"
    if verdict.helps:
        return ""
    return (
        f"{verdict.why} (predicted gain {verdict.gain:.2f} LPIPS, usually off by {verdict.error:.2f}, and "
        f"{verdict.psnr:+.1f} dB)"
    )


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


def compare_landmarks(face: RestoredFace, found: np.ndarray | None, force: bool) -> bool:
    """Whether it is still the face that was there; otherwise it is left alone, with the reason, unless forced.

    found: landmarks in the restored face, None where no face is found there. How far they moved is recorded.
    """
    why = _why_another(face, found)
    if not why:
        return True
    if force:
        face.warnings.append(why)
        return True
    face.done = f"left alone: {why}"
    return False


def _why_another(face: RestoredFace, found: np.ndarray | None) -> str:
    if found is None:
        return "no face is found in what the network made"
    if face.landmarks is None:
        return ""
    try:
        face.distance = landmark_distance(found, face.landmarks)
    except ValueError as error:  # eyes in one point, in a face seen from the side
        return f"landmarks cannot be compared: {error}"
    moved = f"landmarks moved by {face.distance:.2f} of the distance between the eyes"
    if face.distance > LOST:
        return moved
    if face.distance > MOVED:
        face.warnings.append(f"{moved}: look at it")
    return ""


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
    if face.bandwidth is not None:
        said |= {"bandwidth_cycles": round(face.bandwidth, 1), "noise_levels": round(face.noise, 1)}
    if face.verdict is not None:
        said |= {"predicted": _figures(face.verdict)}
    if face.done == RESTORED:
        said |= {"photo_kept_below_cycles": face.kept_cycles}
    if face.distance is not None:
        said |= {"landmark_distance": round(face.distance, 4)}
    if face.kept is not None:
        said |= {"detail_kept": round(face.kept, 3)}
    return said | {"warnings": face.warnings}


def _figures(verdict: Verdict) -> dict[str, float]:
    return {
        "lpips_gain": round(verdict.gain, 3),
        "usual_error": round(verdict.error, 3),
        "psnr_change_db": round(verdict.psnr, 2),
    }
