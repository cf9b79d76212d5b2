"""Frames into a film's file: by ffmpeg with the source's sound, or by OpenCV without any."""

import contextlib
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from pipeline.commands.restore.film.ffmpeg import Asked, container_of
from pipeline.store.files import UNFINISHED

BY_OPENCV = "OpenCV, MPEG-4"
SOUNDLESS = (
    "ffmpeg is not on the PATH, and OpenCV wrote the film: without sound, where it has any, and with colours some grey "
    "levels off"
)
_ENOUGH = 0.99  # share of the frames that a written film has to say it holds


class Unwritten(OSError):
    """A film could not be written; nothing stands under its name."""


def suffix_of(source: Path, asked: Asked | None) -> str:
    """How what is written ends."""
    return ".mp4" if asked is None else container_of(source)[0]


def even(frame: np.ndarray) -> np.ndarray:
    """The frame with even sides, as films in 4:2:0 have them: a last row or column stands twice."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


class OpenCVWriter:
    """MPEG-4 in an .mp4, without sound. file: where it is written, and is whole after `close`."""

    def __init__(self, file: Path, width: int, height: int, rate: float):
        self._file, self._count = file, 0
        self._writer = cv2.VideoWriter(
            str(file), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height)
        )
        if not self._writer.isOpened():
            raise Unwritten(f"OpenCV writes no film of {width}x{height} px at {rate:g} frames a second")

    def write(self, frame: np.ndarray) -> None:
        """RGB uint8 (height, width, 3)."""
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self._count += 1

    def close(self) -> None:
        """Raises Unwritten where the file is not whole: OpenCV says nothing of a full disk."""
        self._writer.release()
        _check(self._file, self._count)

    def abort(self) -> None:
        """Leave it unfinished."""
        self._writer.release()
        self._file.unlink(missing_ok=True)


class FfmpegWriter:
    """ffmpeg as a child that is fed frames. Arguments as `Asked.command`; the file is whole after `close`."""

    def __init__(self, asked: Asked, source: Path, file: Path, width: int, height: int, rate: float):
        self._file, self._count = file, 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 closed with the child; a pipe could fill and block it
        command = asked.command(source, file, container_of(source)[1], width, height, rate)
        # A session of its own: Ctrl-C is for the parent, which ends it.
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._said, start_new_session=True
        )

    def write(self, frame: np.ndarray) -> None:
        """RGB uint8 (height, width, 3). Raises Unwritten with ffmpeg's words where it gave up."""
        try:
            self._child.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError:
            raise self._gave_up() from None
        self._count += 1

    def close(self) -> None:
        """Raises Unwritten where ffmpeg failed or the file is not whole."""
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        if self._child.wait() != 0:
            raise self._gave_up()
        self._said.close()
        _check(self._file, self._count)

    def abort(self) -> None:
        """Leave it unfinished."""
        self._child.kill()
        self._child.wait()
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        self._said.close()
        self._file.unlink(missing_ok=True)

    def _gave_up(self) -> Unwritten:
        code = self._child.wait()
        self._said.seek(0)
        words = self._said.read().decode(errors="replace").strip().splitlines()
        why = words[-1] if words else "it says nothing; is the disk full?"
        return Unwritten(f"ffmpeg gave up (exit code {code}): {why}")


def unfinished(folder: Path, suffix: str) -> Path:
    """Where a film is written until it is whole."""
    return folder / f"film{UNFINISHED}{suffix}"


def _check(file: Path, count: int) -> None:
    """Raises Unwritten where a written film cannot be opened again or says that it holds fewer frames."""
    capture = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG)
    try:
        holds = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        if holds < _ENOUGH * count or not capture.grab():
            raise Unwritten(
                f"the film that was written is not whole ({holds:.0f} of {count} frames): is the disk full?"
            )
    finally:
        capture.release()
