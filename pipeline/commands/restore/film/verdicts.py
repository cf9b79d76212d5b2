"""One decision a track: the gate and the landmarks' check see the face in several frames; what they say holds for all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from pipeline.commands.restore import face as faces
from pipeline.commands.restore import geometry
from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.face import RestoredFace
from pipeline.commands.restore.film.tracks import Track
from pipeline.commands.restore.finish import NOT_SEEN
from pipeline.commands.restore.networks.runnable import FittingBatches, RunnableNetwork
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.photo import Detectors
from pipeline.commands.restore.tint import Tone, is_grey, tinted, tone_of
from pipeline.faces.square import square_around
from pipeline.metrics.landmarks import landmark_distance

LOOKS = 5  # frames of a track that are judged, evenly spread over those in which the face was found
_NEVER = float("inf")


@dataclass
class Decision:
    """What holds for a track in all its frames.

    side_px: of the square around the face, the median. kept_cycles, kept: as of `RestoredFace`. grey, tone: what the film's
    colours are there: restored faces take them. record: what the film's record says of it.
    """

    side_px: int
    restored: bool = False
    kept_cycles: float = 0.0
    kept: float = 1.0
    grey: bool = False
    tone: list[list[float]] | None = None
    record: dict = field(default_factory=dict)

    def said(self) -> dict:
        """As JSON."""
        return asdict(self)

    def finished(self, face: RestoredFace) -> np.ndarray:
        """A restored face in the film's tone, with the film's own frequencies."""
        return faces.fused(face.seen, self.toned(face.restored), self.kept_cycles)

    def toned(self, restored: np.ndarray) -> np.ndarray:
        """What the network made, in the film's tone."""
        if self.grey:
            return faces.greyed(restored)
        return restored if self.tone is None else tinted(restored, Tone(np.float32(self.tone)))


@dataclass
class _Look:
    """One frame's view of a face. around: the part of the frame in which it lies, with `face.quad` in it."""

    face: RestoredFace
    around: np.ndarray
    grey: bool
    tone: Tone | None


class Judge:
    """Decides on tracks. networks, batches: by task."""

    def __init__(
        self,
        networks: dict[str, RunnableNetwork],
        batches: dict[str, FittingBatches],
        options: Options,
        detectors: Detectors,
        clock: Clock,
    ):
        self._networks, self._batches, self._options = networks, batches, options
        self._detectors, self._clock = detectors, clock

    def decide(
        self, tracks: dict[int, Track], frames: Callable[[list[int]], Iterable]
    ) -> Iterator[tuple[int, Decision]]:
        """Each track's number and decision, as its last look is seen: no more looks are held than tracks run side by side.

        frames: gives (number, RGB uint8 frame) of the numbers asked for, rising.
        """
        wanted: dict[int, list[int]] = defaultdict(list)
        for number, track in tracks.items():
            for frame in self._looked_at(number, track):
                wanted[frame].append(number)
        looks: dict[int, list[_Look]] = defaultdict(list)
        for at, frame in frames(sorted(wanted)):
            grey = is_grey(frame)
            tone = None if grey else tone_of(frame)
            here = [(number, self._look(frame, number, tracks[number], at, grey, tone)) for number in wanted[at]]
            self._restore([look.face for _, look in here])
            for number, look in here:
                looks[number].append(look)
                if at == self._looked_at(number, tracks[number])[-1]:
                    yield number, self._decided(tracks[number], frame.shape, looks.pop(number))

    def _is_chosen(self, number: int) -> bool:
        return self._options.faces is None or number in self._options.faces

    def _looked_at(self, number: int, track: Track) -> list[int]:
        return _spread(track.seen) if self._is_chosen(number) else track.seen[:1]

    def _look(self, frame: np.ndarray, number: int, track: Track, at: int, grey: bool, tone: Tone | None) -> _Look:
        side_px = side_of(track, frame.shape)
        if not self._is_chosen(number):
            task = faces.choose(side_px, list(self._networks))
            return _Look(RestoredFace(number, None, side_px, task, done=faces.NOT_CHOSEN), frame[:0], grey, tone)
        with self._clock.step("align"):
            face = cut_at(frame, at, number, track, side_px, self._networks)
        if face.given is None:
            return _Look(face, frame[:0], grey, tone)
        # Whole pixels, and some more than the square, which `geometry.cut` looks at too.
        low = np.maximum(np.floor(face.quad.min(0)).astype(int) - 4, 0)
        high = np.ceil(face.quad.max(0)).astype(int) + 5
        around = frame[low[1] : max(high[1], 0), low[0] : max(high[0], 0)].copy()
        face.quad = face.quad - low
        return _Look(face, around, grey, tone)

    def _restore(self, cut: list[RestoredFace]) -> None:
        for task, batches in self._batches.items():
            run_network(batches, [face for face in cut if face.task == task and face.given is not None], self._clock)

    def _decided(self, track: Track, shape: tuple[int, ...], looks: list[_Look]) -> Decision:
        decision = Decision(side_of(track, shape))
        through = [look for look in looks if look.face.restored is not None]
        if not through:
            face = looks[0].face
            return self._told(decision, face, track)
        with self._clock.step("check"):
            return self._judged(decision, track, through)

    def _judged(self, decision: Decision, track: Track, looks: list[_Look]) -> Decision:
        options, middle = self._options, looks[len(looks) // 2].face
        decision.grey = all(look.grey for look in looks)
        tones = [look.tone for look in looks]
        if not decision.grey and all(tone is not None for tone in tones):
            decision.tone = np.mean([tone.curve for tone in tones], axis=0).round(3).tolist()
        every = [look.face for look in looks]
        for face in every:
            face.restored = decision.toned(face.restored)
        if options.strength == 0:
            middle.done = NOT_SEEN
            return self._told(decision, middle, track)
        others = [face for face in every if face is not middle]
        if faces.judge(middle, self._networks[middle.task].gate, options.force, others):
            decision.kept_cycles = middle.kept_cycles
            for face in others:
                face.restored, face.done = faces.fused(face.seen, face.restored, middle.kept_cycles), faces.RESTORED
            decision.kept = middle.kept = float(np.median([_kept(look) for look in looks]))
            decision.restored = self._is_still_it(middle, every)
        return self._told(decision, middle, track)

    def _is_still_it(self, middle: RestoredFace, every: list[RestoredFace]) -> bool:
        """The landmarks' check, by the look whose landmarks moved by the median of all."""
        moved = []
        for face in every:
            found = self._detectors.of_faces().find(faces.mixed(face, self._options.strength))
            moved.append((_distance(found, face.landmarks), len(moved), found))
        _, number, found = sorted(moved, key=lambda one: one[:2])[len(moved) // 2]
        middle.landmarks = every[number].landmarks
        return faces.compare_landmarks(middle, found, self._options.force)

    def _told(self, decision: Decision, face: RestoredFace, track: Track) -> Decision:
        said = faces.record(replace(face, side_px=decision.side_px, face=None), self._names)
        del said["number"]
        seen = track.faces[track.seen[len(track.seen) // 2] - track.first]
        decision.record = {
            "frames": [track.first, track.last],
            "found_in": len(track.seen),
            "box_midway": [round(value, 1) for value in seen.box],
            "score": round(float(np.median([one.score for one in track.faces])), 4),
            **said,
        }
        return decision

    @property
    def _names(self) -> dict[str, str]:
        return {task: network.name for task, network in self._networks.items()}


def side_of(track: Track, shape: tuple[int, ...]) -> int:
    """Side of the square around a track's face, the median of its frames; shape: of a frame."""
    height, width = shape[:2]
    return int(np.median([square_around(face.box, geometry.MARGIN, width, height)[2] for face in track.faces]))


def cut_at(
    frame: np.ndarray, at: int, number: int, track: Track, side_px: int, networks: dict[str, RunnableNetwork]
) -> RestoredFace:
    """The face of a track in frame `at`, cut out as `face.cut_out`; number: it is known by. side_px: `side_of` the track.

    A small face's square has that side in all its frames: by their own it would be the film's own pixels in one frame and
    not in the next (`geometry.OWN_PIXELS`).
    """
    found = track.faces[at - track.first]
    if side_px < faces.SMALL_PX:
        x, y, width, height = found.box
        side = side_px / geometry.MARGIN
        found = replace(found, box=(x + (width - side) / 2, y + (height - side) / 2, side, side))
    return faces.cut_out(frame, number, found, networks, side_px)


def run_network(batches: FittingBatches, cut: list[RestoredFace], clock: Clock) -> None:
    """Set `restored` of faces of one task. Raises RuntimeError with the network's words where it failed."""
    failed: list[str] = []

    def done(number: int, restored) -> None:
        if isinstance(restored, str):
            failed.append(restored)
        else:
            cut[number].restored = restored

    with clock.step("network"):
        batches([face.given for face in cut], done)
    if failed:
        raise RuntimeError(failed[0])


def _spread(seen: list[int]) -> list[int]:
    """Up to LOOKS of the frames, evenly spread, the ends half as far from the first and the last."""
    count = min(LOOKS, len(seen))
    return [seen[int((number + 0.5) * len(seen) / count)] for number in range(count)]


def _kept(look: _Look) -> float:
    face = look.face
    return geometry.kept_share(look.around, face.quad, face.cut, face.seen, face.restored)


def _distance(found: np.ndarray | None, landmarks: np.ndarray) -> float:
    if found is None:
        return _NEVER
    try:
        return landmark_distance(found, landmarks)
    except ValueError:  # eyes in one point; said where this one is the median
        return _NEVER
