"""Finished frames to a whole film under its name, at an even rate, and what the record says of that."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.film import encode, ffmpeg
from pipeline.commands.restore.film.timeline import Timeline
from pipeline.commands.restore.inputs import Job
from pipeline.commands.restore.walk import identity
from pipeline.photos.names import as_key


class FilmWriter:
    """Writes one film. upscale: as of the options. folder: for the file until it is whole."""

    def __init__(self, job: Job, timeline: Timeline, upscale: float, folder: Path, clock: Clock):
        self._job, self._timeline, self._clock = job, timeline, clock
        self._asked = ffmpeg.ask(job.source)
        self._file = encode.unfinished(folder, encode.suffix_of(job.source, self._asked))
        self._size = tuple(round(side * upscale) for side in (timeline.width, timeline.height))

    def write(
        self, frames: Iterable[tuple[int, np.ndarray]], taken: set, progress: Callable, warnings: list[str]
    ) -> dict:
        """Write the frames, (number, RGB uint8), each as often as it is shown.

        taken: identities of files that are not replaced. progress: called after each frame. warnings: more are added.
        Raises OSError where the film could not be written, or its name is taken; nothing stands under its name then.
        """
        path, shown = self._path(taken), self._timeline.shown()
        size = tuple(side + side % 2 for side in self._size)
        writer = self._open(*size)
        try:
            for number, frame in frames:
                with self._clock.step("write"):
                    padded = encode.even(frame)
                    for _ in range(shown[number]):
                        writer.write(padded)
                progress()
            with self._clock.step("write"):
                writer.close()
        except BaseException:
            writer.abort()
            raise
        os.replace(self._file, path)
        if size != self._size:
            before, after = ("x".join(map(str, sides)) for sides in (self._size, size))
            warnings.append(f"a film's sides are even: {before} px became {after}")
        left_out = shown.count(0)
        if left_out:
            warnings.append(f"{left_out} frames come faster than {self._timeline.rate:.4g} a second and are left out")
        return {
            "outputs": [as_key(path.name)],
            "written_size": list(size),
            "frames_written": sum(shown),
            "frames_repeated": sum(max(count - 1, 0) for count in shown),
            "frames_left_out": left_out,
            "written_by": encode.BY_OPENCV if self._asked is None else self._asked.words,
            "sound": self._sound(warnings),
        }

    def _open(self, width: int, height: int) -> encode.OpenCVWriter | encode.FfmpegWriter:
        if self._asked is None:
            return encode.OpenCVWriter(self._file, width, height, self._timeline.rate)
        return encode.FfmpegWriter(self._asked, self._job.source, self._file, width, height, self._timeline.rate)

    def _path(self, taken: set) -> Path:
        """The output's path, with an ending more where its own would name another container than is written."""
        planned, suffix = self._job.output, self._file.suffix
        path = planned if planned.suffix.lower() == suffix else self._job.beside(suffix)
        if path.exists() and identity(path) in taken:
            raise FileExistsError(f"it would be written as {as_key(str(path))}, which came in: name another -o")
        return path

    def _sound(self, warnings: list[str]) -> str:
        """What became of the sound; what is lost is a warning too."""
        if self._asked is None:
            warnings.append(encode.SOUNDLESS)
            return "not kept"
        if self._asked.lost:
            warnings.append(f"{' and '.join(self._asked.lost)} cannot be copied into the new film")
        if "sound" in self._asked.lost:
            return "not kept"
        return "kept" if "sound" in self._asked.streams else "the film has none"
