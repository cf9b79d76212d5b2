"""Which faces each frame of a film shows: the first pass, in threads, frame by frame as photos are searched."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.film.reel import Reel, UnreadableFilm
from pipeline.commands.restore.film.resume import Lines
from pipeline.commands.restore.photo import Detectors
from pipeline.faces.detect import Face

_AHEAD = 2  # frames in memory, per thread


def search(
    path: Path,
    lines: Lines,
    count: int,
    prepared: Callable[[np.ndarray], np.ndarray],
    detectors: Detectors,
    clock: Clock,
    threads: int,
    progress,
) -> list[list[Face]]:
    """The faces of each of `count` frames. lines: those known already, and more as they are found.

    prepared: what is done to a frame before anything else. A frame that is the one before to the bit is not searched again.
    """

    def found(frame: np.ndarray) -> list[Face]:
        with clock.step("detect"):
            return detectors.of_photos().detect(frame)

    with lines, ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future] = deque()

        def collect() -> None:
            lines.add([_numbers(face) for face in waiting.popleft().result()])
            progress()

        try:
            for frame, repeats in _frames(path, len(lines), count, prepared, clock):
                if repeats and waiting:
                    waiting.append(waiting[-1])
                else:
                    waiting.append(pool.submit(found, frame))
                while len(waiting) >= _AHEAD * threads:
                    collect()
            while waiting:
                collect()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [[_face(numbers) for numbers in faces] for faces in lines]


def _frames(path: Path, begin: int, count: int, prepared: Callable, clock: Clock) -> Iterator[tuple[np.ndarray, bool]]:
    """The frames from `begin` on, and whether each repeats the one before."""
    if begin >= count:
        return
    with Reel(path) as reel:
        for _ in range(begin):
            reel.skip()
        before = None
        for _ in range(begin, count):
            with clock.step("read"):
                read = reel.take()
                if read is None:
                    raise UnreadableFilm("frames could be read before and cannot now: did the file change?")
                frame = prepared(read)
            yield frame, before is not None and np.array_equal(frame, before)
            before = frame


def _numbers(face: Face) -> list[float]:
    return [float(value) for value in (*face.box, face.score, *face.landmarks.ravel())]


def _face(numbers: list[float]) -> Face:
    return Face(tuple(numbers[:4]), np.array(numbers[5:]).reshape(5, 2), numbers[4])
