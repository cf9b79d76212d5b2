"""Films that are marked as interlaced: OpenCV reads none of their frames, and says nothing of it.

OpenCV 4.14 hands on whatever its buffer holds in place of a frame that FFmpeg marks as interlaced: the frame before, or
what lay in memory. ffmpeg, where it is there, makes whole frames of their fields first.
"""

import os
import re
from pathlib import Path

from pipeline.commands.restore.film import ffmpeg
from pipeline.commands.restore.film.reel import UnreadableFilm
from pipeline.commands.restore.film.timeline import Timeline
from pipeline.store.files import UNFINISHED

MADE_WHOLE = "it is interlaced: ffmpeg made whole frames of its fields (bwdif)"
_ASKED_FRAMES = 250  # of which ffmpeg says whether they are marked
_MARKED = re.compile(r"\bi:[TB]\b")
_MANY = 0.2  # share of frames that are the one before to the bit, above which something may be missing
_HELP = "ffmpeg on the PATH reads interlaced film"


def readable(source: Path, folder: Path) -> Path:
    """Where the film's pictures can be read: the film itself, or a lossless copy in `folder` with whole frames.

    The copy is made once; it is there whole or not at all. Raises UnreadableFilm where ffmpeg cannot make it.
    """
    copy = folder / "whole.mkv"
    program = ffmpeg.program()
    if copy.exists() or program is None or not _is_marked(program, source):
        return copy if copy.exists() else source
    unfinished = copy.with_name(f"whole{UNFINISHED}.mkv")
    # Progressive frames among them stay as they are.
    words = (
        "-map",
        "0:v:0",
        "-vf",
        "bwdif=mode=send_frame:deint=interlaced",
        "-fps_mode",
        "passthrough",
        "-c:v",
        "ffv1",
    )
    done = ffmpeg.run(
        program, "-v", "error", "-y", "-i", ffmpeg.file(source), *words, ffmpeg.file(unfinished), limit_s=None
    )
    if done.returncode != 0:
        unfinished.unlink(missing_ok=True)
        why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise UnreadableFilm(f"it is interlaced, and ffmpeg could not make whole frames of it: {why}")
    os.replace(unfinished, copy)
    return copy


def check(timeline: Timeline) -> list[str]:
    """What is to be said of frames that may not have been read. Raises UnreadableFilm where that is all of them.

    Nothing where ffmpeg is there, which was asked.
    """
    count = len(timeline.times_ms)
    if ffmpeg.program() is not None or count < 2:
        return []
    if timeline.repeats == count - 1:
        raise UnreadableFilm(f"all its frames are the same to the bit: it stands still, or is interlaced; {_HELP}")
    if timeline.repeats > _MANY * count:
        return [f"{timeline.repeats} of its frames are the one before to the bit; if it is interlaced: {_HELP}"]
    return []


def _is_marked(program: str, source: Path) -> bool:
    shown = ("-map", "0:v:0", "-frames:v", str(_ASKED_FRAMES), "-vf", "showinfo", "-f", "null", "-")
    return _MARKED.search(ffmpeg.run(program, "-hide_banner", "-i", ffmpeg.file(source), *shown).stderr) is not None
