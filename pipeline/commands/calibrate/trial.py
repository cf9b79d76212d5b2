"""A network on spoilt faces: what can be seen of each, and what LPIPS and PSNR say of each cut."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.commands.calibrate.fit import Measured
from pipeline.commands.calibrate.scene import Scene, draw_scene
from pipeline.commands.restore import geometry
from pipeline.commands.restore.face import RestoredFace, prepare
from pipeline.commands.restore.gate.fusion import CUTS, fused
from pipeline.commands.restore.gate.signs import signs
from pipeline.commands.restore.options import DETECT_MAX_SIDE_PX, DETECT_SIDE_PX
from pipeline.commands.restore.photo_file.file import read
from pipeline.faces.detect import Detector, MTCNNDetector, detect_scaled
from pipeline.faces.square import quad_side, square_corners
from pipeline.infer.apply import Apply
from pipeline.metrics.lpips import LPIPSMetric
from pipeline.photos.names import is_junk
from pipeline.store.cards import TrainedWeights

BATCH = 8
LEAST_OVER_SIZE = 1.15  # of a square over the network's size, so that nothing of a true face is made up
PERFECT_DB = 60.0  # PSNR counted for a face given back to the bit


@dataclass(frozen=True)
class PhotoSet:
    """A folder of good photos. aligned: each is a face's square already. known: the network was trained on them."""

    folder: Path
    aligned: bool
    known: bool

    @property
    def name(self) -> str:
        """What its photos are called together."""
        return self.folder.name


@dataclass(frozen=True)
class Truth:
    """A good face: its photo's name, its source, and RGB uint8 at the network's size."""

    name: str
    source: PhotoSet
    face: np.ndarray


def true_faces(source: PhotoSet, weights: TrainedWeights) -> tuple[list[Truth], Counter]:
    """The largest face of each photo of a folder, where it is large enough, and why others were left out, counted."""
    detector, found, left_out = MTCNNDetector(), [], Counter()
    for path in tqdm(sorted(source.folder.rglob("*")), f"faces of {source.name}", disable=None):
        if path.is_file() and not is_junk(path.name):
            try:
                quad, photo = _square(read(path).rgb8, source, detector, weights)
            except ValueError as error:  # of images too
                left_out[str(error) if isinstance(error, _LeftOut) else "unreadable"] += 1
                continue
            name = f"{source.name}/{path.relative_to(source.folder).as_posix()}"
            found.append(Truth(name, source, geometry.cut(photo, quad, weights.size_px)))
    return found, left_out


def measured(truths: list[tuple[Truth, int]], weights: TrainedWeights, apply: Apply, metric: LPIPSMetric) -> Measured:
    """Spoil each face so many times, and measure what the network makes of it. Same input, same numbers."""
    jobs = [(truth, number) for truth, times in truths for number in range(times)]
    rows = []
    with tqdm(total=len(jobs), unit="face", desc="spoilt faces", disable=None) as bar:
        for first in range(0, len(jobs), BATCH):
            part = jobs[first : first + BATCH]
            scenes = [draw_scene(truth.face, truth.name, number, weights.lr_px) for truth, number in part]
            seen = [_seen(scene, weights) for scene in scenes]
            restored = apply(np.stack([face.given for face in seen]))
            for (truth, _), scene, face, made in zip(part, scenes, seen, restored, strict=True):
                rows.append((truth, scene.kind, *_figures(scene, face, made, metric)))
            bar.update(len(part))
    truth, kind, values, lpips, psnr = zip(*rows, strict=True)
    return Measured(
        np.array([one.name for one in truth]),
        np.array([one.source.name for one in truth]),
        np.array([one.source.known for one in truth]),
        np.array(kind),
        *(np.array(numbers) for numbers in (values, lpips, psnr)),
    )


class _LeftOut(ValueError):
    pass


def _square(
    photo: np.ndarray, source: PhotoSet, detector: Detector, weights: TrainedWeights
) -> tuple[np.ndarray, np.ndarray]:
    """The face's square and the photo. Raises _LeftOut where there is none, or too small a one."""
    height, width = photo.shape[:2]
    if source.aligned:
        quad, least = square_corners(0, 0, min(height, width)), weights.size_px
    else:
        found = detect_scaled(detector, photo, DETECT_SIDE_PX, DETECT_MAX_SIDE_PX)
        if not found:
            raise _LeftOut("no face found")
        quad, least = geometry.face_quad(found[0], weights.task, width, height), LEAST_OVER_SIZE * weights.size_px
    if quad_side(quad) < least:
        raise _LeftOut(f"its square is below {least:.0f} px")
    return quad, photo


def _seen(scene: Scene, weights: TrainedWeights) -> RestoredFace:
    face = RestoredFace(0, None, round(quad_side(scene.quad)), weights.task, quad=scene.quad)
    prepare(face, scene.photo, weights)
    return face


def _figures(scene: Scene, face: RestoredFace, made: np.ndarray, metric: LPIPSMetric) -> tuple:
    """Signs, and LPIPS and PSNR of the spoilt face and of each cut."""
    shown = np.stack([face.cut, *(_finished(scene, face, fused(face.seen, made, cycles)) for cycles in CUTS)])
    lpips = metric(shown, np.broadcast_to(scene.truth, shown.shape))
    return signs(face.cut, made).values, lpips, [psnr(one, scene.truth) for one in shown]


def _finished(scene: Scene, face: RestoredFace, restored: np.ndarray) -> np.ndarray:
    """With the detail beyond what the network saw, as it is put in place."""
    if face.seen is face.cut or np.array_equal(face.seen, face.cut):
        return restored
    kept = geometry.kept_share(scene.photo, face.quad, face.cut, face.seen, restored)
    return np.clip(np.rint(restored + kept * (face.cut.astype(np.float32) - face.seen)), 0, 255).astype(np.uint8)


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Of all three channels, RGB uint8, in dB; 60 for equal images."""
    error = float(np.square(image.astype(np.float64) - truth).mean())
    return min(10 * np.log10(255**2 / error), PERFECT_DB) if error else PERFECT_DB
