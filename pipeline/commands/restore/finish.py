"""One photo after the network: faces judged and put in place, everything written."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pipeline.commands.restore import face as faces
from pipeline.commands.restore import geometry
from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.compare import side_by_side
from pipeline.commands.restore.inputs import NOT_OURS, Job, Plan
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.photo import Detectors, Photo, failure
from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.photo_file.file import PhotoFile
from pipeline.commands.restore.recognise import is_about_a_photo, is_result
from pipeline.commands.restore.tint import is_grey, tinted, tone_of
from pipeline.commands.restore.walk import identity
from pipeline.commands.restore.words import IDENTITY
from pipeline.faces.square import quad_side
from pipeline.photos import decode
from pipeline.photos.names import as_key
from pipeline.store import images
from pipeline.store.files import whole_file, write_json

UNCHANGED, FAILED = "unchanged", "failed"
NOT_SEEN = "strength 0: what the network made is not seen"
# Of the network's pixels along a side, in the output: where fewer are left, --upscale is worth a word.
_SHOWN = 0.5


class Finisher:
    """Photos that came back from the network -> files, and the record of each. Safe for threads.

    networks: by task; described: what records say of them. plan: of all photos; neither what came in nor an output is
    replaced by a file of another name.
    """

    def __init__(
        self,
        networks: dict[str, RunnableNetwork],
        described: dict[str, dict],
        options: Options,
        plan: Plan,
        detectors: Detectors,
        clock: Clock,
    ):
        self._names = {task: one.name for task, one in networks.items()}
        self._sizes = {task: one.size_px for task, one in networks.items()}
        self._gates = {task: one.gate for task, one in networks.items()}
        self._described, self._options = described, options
        self._taken, self._sources = {job.output for job in plan.jobs}, plan.kept.keys()
        self._detectors, self._clock = detectors, clock

    def __call__(self, photo: Photo) -> dict:
        said: dict = {"photo": photo.job.called, "status": FAILED, "reason": "", "outputs": []}
        if photo.job.refused:
            return said | {"reason": photo.job.refused, "faces": [], "warnings": []}
        earlier = identity(photo.job.output)
        try:
            broken = photo.error or next((face.error for face in photo.faces if face.error), "")
            said |= {"reason": broken} if broken else self._finished(photo)
        except Exception as error:
            # Whatever it is: one strange photo must not cost the others. It is recorded, not swallowed.
            said |= {"status": FAILED, "reason": failure(error)}
        if said["status"] == FAILED:
            for face in photo.faces:
                faces.fail(face)
            if earlier is not None and identity(photo.job.output) == earlier:
                said["reason"] += f"; {as_key(photo.job.output.name)} in the output folder is of an earlier run"
        said |= {"faces": [faces.record(face, self._names) for face in photo.faces]}
        said["warnings"] = [*said.get("warnings", []), *photo.job.remarks]
        try:
            with self._clock.step("write"):
                about = {"options": self._options.said(), "networks": self._described, "identity": IDENTITY}
                write_json(photo.job.beside(".json"), said | about)
        except OSError as error:
            said |= {"status": FAILED, "reason": f"{said['reason']}; its record: {error}".removeprefix("; ")}
        return said

    def _finished(self, photo: Photo) -> dict:
        with self._clock.step("check"):
            rgb8, through = photo.file.rgb8, [face for face in photo.faces if face.restored is not None]
            _take_tone(photo.file.pixels, rgb8, through)
            if self._options.strength == 0:
                for face in through:
                    face.done = NOT_SEEN
                through = []
            restored = [face for face in through if self._judged(face, rgb8)]
        with self._clock.step("paste"):
            pixels = self._pixels(photo, restored)
        with self._clock.step("write"):
            outputs, warnings = self._written(photo, pixels)
            if self._options.compare and any(face.restored is not None for face in photo.faces):
                outputs.append(self._compared(photo, pixels))
        reason = "" if restored else self._why_unchanged(photo)
        return {
            "status": faces.RESTORED if restored else UNCHANGED,
            "reason": reason,
            "outputs": [as_key(path.name) for path in outputs],
            "size": [photo.file.pixels.shape[1], photo.file.pixels.shape[0]],
            "warnings": warnings + self._asked_in_vain(photo),
        }

    def _judged(self, face: faces.RestoredFace, rgb8: np.ndarray) -> bool:
        force = self._options.force
        if not faces.judge(face, self._gates[face.task], force):
            return False
        found = self._detectors.of_faces().find(faces.mixed(face, self._options.strength))
        if not faces.compare_landmarks(face, found, force):
            return False
        if self._options.aligned or self._options.faces_only:
            return True
        face.kept = geometry.kept_share(rgb8, face.quad, face.cut, face.seen, face.restored)
        size_px, side = self._sizes[face.task], round(quad_side(face.quad))
        if side * self._options.upscale < _SHOWN * size_px:
            face.warnings.append(
                f"{self._names[face.task]} makes {size_px} px and the photo has {side} for them: --upscale "
                f"{min(round(size_px / side), 16)} shows more"
            )
        if face.task == "blind" and side > size_px:
            face.warnings.append(
                f"the face's square has {side} px and {self._names[face.task]} makes {size_px}: finer detail is the "
                f"photo's, {face.kept:.0%} of it kept"
            )
        return True

    def _pixels(self, photo: Photo, restored: list[faces.RestoredFace]) -> np.ndarray | None:
        """What the output shows, dtype of the photo; None where it is the photo as it is."""
        options, source = self._options, photo.file.pixels
        if options.faces_only or (options.aligned and not restored):
            return None
        if options.aligned:
            face = faces.mixed(restored[0], options.strength)
            return face if source.dtype == np.uint8 else face.astype(source.dtype) * 257  # 255 -> 65535
        before = enlarged(source, options.upscale)
        if not restored:
            return None if before is source else before
        canvas = before.copy()
        sizes = [(array.shape[1], array.shape[0]) for array in (source, before)]
        # The largest last, on top where squares overlap: it is the one in front.
        for face in sorted(restored, key=lambda face: -face.number):
            quad = geometry.enlarged(face.quad, *sizes)
            geometry.paste(canvas, before, quad, face.seen, face.restored, face.kept, options.strength, face.task)
        return canvas

    def _written(self, photo: Photo, pixels: np.ndarray | None) -> tuple[list[Path], list[str]]:
        if self._options.faces_only:
            return self._crops(photo)
        if pixels is None and self._options.format is None:
            with whole_file(photo.job.output) as file:
                file.write(photo.job.source.read_bytes())
            return [photo.job.output], []
        changed = photo.file if pixels is None else photo_file.replaced(photo.file, pixels)
        path = self._path(photo.job, changed)
        return [path], photo_file.write(path, changed, self._options.format)

    def _crops(self, photo: Photo) -> tuple[list[Path], list[str]]:
        """The faces as files of their own: without the photo's metadata, which tell of the whole photo."""
        paths, warnings = [], list(photo.file.remarks)
        if photo.faces and (photo.file.alpha is not None or photo.file.pixels.dtype != np.uint8):
            warnings.append("faces alone are written in 8 bits and without alpha")
        for face in photo.faces:
            if face.cut is not None:
                crop = PhotoFile(faces.mixed(face, self._options.strength), None, self._options.format or "PNG")
                path = self._free(photo.job, f"_face{face.number}{photo_file.suffix(crop)}")
                warnings += photo_file.write(path, crop)
                paths.append(path)
        return paths, warnings

    def _path(self, job: Job, photo: PhotoFile) -> Path:
        """The output's path, with an ending more where its own would name another format than is written."""
        suffix = photo_file.suffix(photo, self._options.format)
        formats = Image.registered_extensions()
        if formats.get(job.output.suffix.lower()) == formats.get(suffix):
            return job.output
        return self._free(job, suffix)

    def _free(self, job: Job, ending: str) -> Path:
        """A path that was not planned. Raises FileExistsError where it is another photo's, or nobody knows whose."""
        path = job.beside(ending)
        if path in self._taken or (path.exists() and identity(path) in self._sources):
            raise FileExistsError(f"it would be written as {path.name}, which is another photo's name")
        if path.exists() and not (is_result(path) or is_about_a_photo(path)):
            raise FileExistsError(f"it would be written as {path.name}, which {NOT_OURS}")
        return path

    def _compared(self, photo: Photo, pixels: np.ndarray | None) -> Path:
        pairs = [
            (face.cut, faces.mixed(face, self._options.strength)) for face in photo.faces if face.restored is not None
        ]
        photos = None
        if not (self._options.aligned or self._options.faces_only):
            before = photo.file.rgb8
            after = before if pixels is None else photo_file.replaced(photo.file, pixels).rgb8
            photos = before, after
        path = photo.job.beside("_compare.png")
        with whole_file(path) as file:
            file.write(images.encode_png(side_by_side(pairs, photos)))
        return path

    def _asked_in_vain(self, photo: Photo) -> list[str]:
        absent = sorted(set(self._options.faces or ()) - {face.number for face in photo.faces})
        if not absent:
            return []
        has = f"{len(photo.faces)}, counted from 0" if photo.faces else "none"
        return [f"no face number {', '.join(map(str, absent))}: the photo has {has}"]

    def _why_unchanged(self, photo: Photo) -> str:
        if not photo.faces:
            least = self._options.min_face_px, self._options.min_score
            why = "no face found of {} px and a score of {:g} or more".format(*least)
        else:
            why = "no face restored: " + "; ".join(dict.fromkeys(face.done for face in photo.faces))
        if self._options.faces_only and not photo.faces:
            return f"{why}, nothing written"
        enlarged = self._options.upscale > 1 and not (self._options.aligned or self._options.faces_only)
        return f"{why}, enlarged bicubically" if enlarged else why


def _take_tone(pixels: np.ndarray, rgb8: np.ndarray, restored: list[faces.RestoredFace]) -> None:
    """Where a photo has one tone, give it to the faces: a network trained on colour paints skin and lips."""
    if not restored:
        return
    grey = is_grey(pixels)
    tone = None if grey else tone_of(rgb8)
    for face in restored:
        if grey:  # to the bit, so that the file stays a grey one
            face.restored = faces.greyed(face.restored)
        elif tone is not None:
            face.restored = tinted(face.restored, tone)


def enlarged(pixels: np.ndarray, factor: float) -> np.ndarray:
    """The photo, bicubically `factor` times as large. Raises UnreadableImage above the pixels that are read."""
    if factor == 1:
        return pixels
    height, width = (round(side * factor) for side in pixels.shape[:2])
    if width * height > decode.MAX_PIXELS:
        raise images.UnreadableImage(
            f"{width:,} x {height:,} px after --upscale {factor:g}: more than the {decode.MAX_PIXELS:,} that are read"
        )
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
