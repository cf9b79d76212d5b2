"""The last pass: faces cut out of a film's frames, through the network in batches, back into the frames."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from pipeline.commands.restore import geometry
from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.face import RestoredFace
from pipeline.commands.restore.film.resume import Scratch
from pipeline.commands.restore.film.tracks import Track
from pipeline.commands.restore.film.verdicts import Decision, cut_at, run_network
from pipeline.commands.restore.finish import enlarged
from pipeline.commands.restore.networks.runnable import FittingBatches, RunnableNetwork
from pipeline.commands.restore.options import Options

# A run of frames that is in memory at once: so many pixels of them, and so many faces; one frame at least.
_PIXELS, _FACES = 60_000_000, 64


class Paster:
    """Frames with their restored faces. tracks, decisions: by number, of all tracks. networks, batches: by task."""

    def __init__(
        self,
        tracks: dict[int, Track],
        decisions: dict[int, Decision],
        networks: dict[str, RunnableNetwork],
        batches: dict[str, FittingBatches],
        options: Options,
        clock: Clock,
        scratch: Scratch,
    ):
        self._tracks, self._decisions = tracks, decisions
        self._networks, self._batches = networks, batches
        self._options, self._clock, self._scratch = options, clock, scratch
        self._here: dict[int, list[int]] = defaultdict(list)
        for number, track in tracks.items():
            if decisions[number].restored:
                for frame in range(track.first, track.last + 1):
                    self._here[frame].append(number)

    def frames(
        self, count: int, read: Callable[[list[int]], Iterator], pixels: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Each of `count` frames by its number, RGB uint8, enlarged where that was asked for.

        read: gives (number, frame) of the numbers asked for. pixels: of a frame.
        """
        runs = list(self._runs(count, pixels))
        every = read(list(range(count)))
        for run in runs:
            frames = []
            for _ in run:
                with self._clock.step("read"):
                    frames.append(next(every)[1])
            restored = self._restored(run, frames)
            for place, number in enumerate(run):
                with self._clock.step("paste"):
                    finished = self._pasted(frames[place], restored[number])
                yield number, finished
                frames[place] = restored[number] = None

    def _runs(self, count: int, pixels: int) -> Iterator[range]:
        begin, held = 0, 0
        for number in range(count):
            more = len(self._here[number])
            if number > begin and ((number - begin + 1) * pixels > _PIXELS or held + more > _FACES):
                yield range(begin, number)
                begin, held = number, 0
            held += more
        yield range(begin, count)

    def _restored(self, run: range, frames: list[np.ndarray]) -> dict[int, list[RestoredFace]]:
        """The faces of each frame of a run: from what an earlier start left, or by the network."""
        by_frame: dict[int, list[RestoredFace]] = {}
        with self._clock.step("align"):
            for number, frame in zip(run, frames, strict=True):
                cut = [
                    cut_at(frame, number, one, self._tracks[one], self._decisions[one].side_px, self._networks)
                    for one in self._here[number]
                ]
                by_frame[number] = [face for face in cut if face.given is not None]
        for task, batches in self._batches.items():
            part = [face for cut in by_frame.values() for face in cut if face.task == task]
            if part:
                self._through(f"{run.start:07d}_{task}.png", batches, part)
        return by_frame

    def _through(self, name: str, batches: FittingBatches, part: list[RestoredFace]) -> None:
        stored = self._scratch.squares(name)
        if stored is None or len(stored) != len(part):
            run_network(batches, part, self._clock)
            with self._clock.step("check"):
                stored = [self._decisions[face.number].finished(face) for face in part]
            self._scratch.keep_squares(name, stored)
        for face, square in zip(part, stored, strict=True):
            face.restored = square

    def _pasted(self, frame: np.ndarray, cut: list[RestoredFace]) -> np.ndarray:
        before = enlarged(frame, self._options.upscale)
        canvas = before.copy()
        sizes = [(array.shape[1], array.shape[0]) for array in (frame, before)]
        # The largest last, on top where squares overlap: it is the one in front.
        for face in sorted(cut, key=lambda face: face.face.box[2] * face.face.box[3]):
            quad = geometry.enlarged(face.quad, *sizes)
            kept, strength = self._decisions[face.number].kept, self._options.strength
            geometry.paste(canvas, before, quad, face.seen, face.restored, kept, strength, face.task)
        return canvas
