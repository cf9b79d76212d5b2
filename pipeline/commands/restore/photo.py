"""One photo before the network: read, its faces found and cut out."""

import threading
from dataclasses import dataclass, field

import numpy as np

from pipeline.commands.restore import geometry
from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.face import NOT_CHOSEN, RestoredFace, choose, cut_out, prepare
from pipeline.commands.restore.inputs import InputError, Job
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.commands.restore.options import DETECT_MAX_SIDE_PX, DETECT_SIDE_PX, Options
from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.photo_file.file import PhotoFile
from pipeline.commands.restore.room import Room
from pipeline.faces.detect import Detector, Face, largest_first, make_detector
from pipeline.faces.search import make_search
from pipeline.faces.square import square_around, square_corners
from pipeline.metrics.landmarks import MIN_FACE_PX, LandmarkFinder
from pipeline.photos import decode
from pipeline.store import images


@dataclass
class Photo:
    """A photo with the faces found in it. error: why it cannot be restored; file is None then where it was not read.

    room_px: its pixels or, where it is enlarged, those of the output. entered: how many of them count as being read.
    """

    job: Job
    file: PhotoFile | None = None
    faces: list[RestoredFace] = field(default_factory=list)
    error: str = ""
    room_px: int = 0
    entered: int = 0

    @property
    def waiting(self) -> list[RestoredFace]:
        """The faces that the network has yet to see."""
        return [face for face in self.faces if face.given is not None and face.restored is None and not face.error]

    @property
    def pixels(self) -> int:
        """How large it is."""
        return 0 if self.file is None else self.file.pixels.shape[0] * self.file.pixels.shape[1]


def failure(error: Exception) -> str:
    """The words for what went wrong with one photo: an error's own, with its kind where nobody foresaw it."""
    foreseen = isinstance(error, (images.UnreadableImage, OSError))
    return str(error) if foreseen else f"{type(error).__name__}: {error}"


class Detectors:
    """The detectors of each thread: they keep state while they work. Raises InputError for a file that is no detector."""

    def __init__(self, options: Options):
        self._options = options
        self._own = threading.local()
        try:
            self.of_photos()  # what is wrong with a detector's file is said before any work
        except ValueError as error:
            raise InputError(f"--yunet {error}") from None

    def of_photos(self) -> Detector:
        """The detector that finds the faces in photos."""
        if not hasattr(self._own, "photos"):
            self._own.photos = make_search(*self._asked(self._options.min_face_px), DETECT_SIDE_PX, DETECT_MAX_SIDE_PX)
        return self._own.photos

    def of_faces(self) -> LandmarkFinder:
        """The one that looks at a face alone."""
        if not hasattr(self._own, "faces"):
            self._own.faces = LandmarkFinder(make_detector(*self._asked(MIN_FACE_PX)))
        return self._own.faces

    def _asked(self, min_face_px: int) -> tuple:
        return self._options.detector, min_face_px, self._options.min_score, self._options.yunet


class Opener:
    """Jobs by number -> photos whose faces are ready for the network. Safe for threads; jobs are begun in their order."""

    def __init__(
        self, networks: dict[str, RunnableNetwork], options: Options, detectors: Detectors, clock: Clock, room: Room
    ):
        self._networks, self._options = networks, options
        self._detectors, self._clock, self._room = detectors, clock, room

    def __call__(self, number: int, job: Job) -> Photo:
        photo, data = Photo(job, error=job.refused), b""
        if not photo.error:
            data = self._read(photo)
        self._room.enter(number, photo.entered)
        return photo if photo.error else self._opened(photo, data)

    def _read(self, photo: Photo) -> bytes:
        """The file's bytes, b"" where it cannot be read, with the reason in the photo; how much room it takes."""
        try:
            with self._clock.step("read"):
                data = photo_file.read_bytes(photo.job.source)
                photo.room_px = photo.entered = self._needed(decode.read_header(data))
        except Exception as error:  # as in `_opened`
            photo.error = failure(error)
            return b""
        return data

    def _needed(self, header: decode.Header) -> int:
        return round(header.width * header.height * max(self._options.upscale, 1) ** 2)

    def _opened(self, photo: Photo, data: bytes) -> Photo:
        try:
            with self._clock.step("read"):
                photo.file = photo_file.parse(data)
                rgb8 = photo.file.rgb8
            photo.faces = self._aligned(rgb8) if self._options.aligned else self._found(rgb8)
        except Exception as error:
            # Whatever it is: one strange photo must not cost the others. It is recorded, not swallowed.
            photo.error, photo.faces = failure(error), []
        return photo

    def _found(self, rgb8: np.ndarray) -> list[RestoredFace]:
        with self._clock.step("detect"):
            found = largest_first(self._detectors.of_photos().detect(rgb8))
        with self._clock.step("align"):
            return [self._cut(rgb8, number, face) for number, face in enumerate(found)]

    def _cut(self, rgb8: np.ndarray, number: int, found: Face) -> RestoredFace:
        if self._options.faces is None or number in self._options.faces:
            return cut_out(rgb8, number, found, self._networks)
        height, width = rgb8.shape[:2]
        side_px = square_around(found.box, geometry.MARGIN, width, height)[2]
        return RestoredFace(number, found, side_px, choose(side_px, list(self._networks)), done=NOT_CHOSEN)

    def _aligned(self, rgb8: np.ndarray) -> list[RestoredFace]:
        """The photo itself as the only face."""
        height, width = rgb8.shape[:2]
        if height != width:
            raise images.UnreadableImage(f"{width}x{height} px: with --aligned a photo is a face's square, cut already")
        face = RestoredFace(0, None, width, choose(width, list(self._networks)), quad=square_corners(0, 0, width))
        with self._clock.step("align"):
            prepare(face, rgb8, self._networks[face.task])
        with self._clock.step("detect"):
            face.landmarks = self._detectors.of_faces().find(face.cut)
        if face.landmarks is None:
            face.caveats.append("no face is found in it; restored as one all the same")
        return [face]
