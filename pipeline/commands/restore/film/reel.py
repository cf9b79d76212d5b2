"""A film's frames, one after the other, each with its time; read by OpenCV, whose wheel brings FFmpeg."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

# FFmpeg's tags of pixel formats with more than 8 bits: "Y3", "G3", ..., subsampling, bits; and some by name.
_DEEP = re.compile(rb"[YG][1-4].[\x09-\x10]|P01[06]|RGB0|BGR0|RBA@|BRA@", re.DOTALL)


class UnreadableFilm(ValueError):
    """A film from which no frame can be had; the message says why."""


class Reel:
    """A film, open at its beginning. As a context manager it closes.

    width, height: upright, as the file's rotation says. rate: frames a second as the file says, 0 where it says none.
    duration_s: by the same source, 0 where unknown. is_deep: whether it has more than 8 bits, of which 8 are read.
    Raises UnreadableFilm for what FFmpeg does not open, and for a file without pictures.
    """

    def __init__(self, path: Path):
        # What OpenCV and FFmpeg print of a broken film is said here in one sentence.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture()
        try:
            # An absolute path and FFmpeg by name: "img%03d.mp4" is no series of pictures, "concat:a.ts" no protocol.
            opened = self._capture.open(str(path.resolve()), cv2.CAP_FFMPEG)
        except UnicodeEncodeError:
            raise UnreadableFilm("its name is no UTF-8, and OpenCV opens no such film: rename it") from None
        if not opened:
            raise UnreadableFilm(self._why_not(path))
        asked = self._capture.get
        self.width, self.height = (round(asked(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.rate = _finite(asked(cv2.CAP_PROP_FPS))
        self.duration_s = max(_finite(asked(cv2.CAP_PROP_FRAME_COUNT)), 0) / self.rate if self.rate > 0 else 0.0
        tag = int(asked(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)).to_bytes(8, "little")[:4]
        self.is_deep = _DEEP.fullmatch(tag) is not None

    @staticmethod
    def _why_not(path: Path) -> str:
        try:
            with open(path, "rb") as file:
                empty = not file.read(1)
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        if empty:
            return "the file is empty"
        return "no film can be read in it: it is damaged, cut off, sound alone or of a kind that is not read"

    def skip(self) -> bool:
        """Go on by one frame without its pixels; False at the end."""
        return self._capture.grab()

    def take(self) -> np.ndarray | None:
        """The next frame, RGB uint8 (height, width, 3), None at the end.

        A film whose frames change their size midway ends there.
        """
        if not self._capture.grab():
            return None
        return self.look()

    def look(self) -> np.ndarray | None:
        """The pixels of the frame that `skip` went to."""
        read, bgr = self._capture.retrieve()
        if not read or bgr.shape[:2] != (self.height, self.width):
            return None
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

    @property
    def time_ms(self) -> float:
        """When the last frame is shown, from the first one's time on."""
        return _finite(self._capture.get(cv2.CAP_PROP_POS_MSEC))

    def __enter__(self) -> "Reel":
        return self

    def __exit__(self, *exc) -> None:
        self._capture.release()


def frames_of(
    path: Path, wanted: list[int], prepared: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[int, np.ndarray]]:
    """Those frames of a film by their numbers, rising. prepared: what is done to each.

    Read from the beginning, since seeking is not exact in every container. Raises UnreadableFilm where the film ends before.
    """
    with Reel(path) as reel:
        at = -1
        for number in wanted:
            while at < number and reel.skip():
                at += 1
            frame = reel.look() if at == number else None
            if frame is None:
                raise UnreadableFilm(f"frame {number} could be read before and cannot now: did the file change?")
            yield number, prepared(frame)


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0
