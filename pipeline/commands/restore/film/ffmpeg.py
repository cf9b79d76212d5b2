"""What ffmpeg, where it is on the PATH, is asked of a film, and the words it is called with."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Containers that hold H.264 and whatever sound they came with; a film in another becomes Matroska, which holds any.
_KEPT = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_ELSE = ".mkv", "matroska"
_QUALITY = {"libx264": ["-crf", "16", "-preset", "medium"], "mpeg4": ["-q:v", "2"]}
_SECONDS = 60  # for a question
_STREAMS = {"sound": "a", "subtitles": "s"}


@dataclass(frozen=True)
class Asked:
    """ffmpeg and what it says of a film.

    encoder: the best it has. streams: kinds of what is copied beside the pictures, of those that are there. lost: kinds that
    are there and that the container does not take. offset_s: how much later than the film's beginning its pictures begin.
    colours: matrix, primaries and transfer as the film names them, "" where it names none. range: of levels, "tv" or "pc".
    """

    program: str
    version: str
    encoder: str
    streams: tuple[str, ...]
    lost: tuple[str, ...]
    offset_s: float
    colours: tuple[str, str, str]
    range: str

    @property
    def words(self) -> str:
        """Which program wrote, for the record."""
        return f"ffmpeg {self.version}, {' '.join([self.encoder, *_QUALITY[self.encoder]])}"

    def command(self, source: Path, target: Path, container: str, width: int, height: int, rate: float) -> list[str]:
        """Reads rgb24 frames from its standard input; sound, subtitles, chapters and metadata are the source's."""
        matrix, primaries, transfer = self.colours
        scaled = f"scale=out_color_matrix={_MATRICES.get(matrix, 'bt601')}:out_range={self.range}"
        # An untagged film stays one: OpenCV took it for BT.601 and it goes back as such.
        tags = ["-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer] if matrix else []
        return [
            *(self.program, "-v", "error", "-y"),
            *("-itsoffset", f"{self.offset_s:.6f}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
            *("-framerate", f"{rate:.6f}", "-i", "-", "-i", file(source), "-map", "0:v"),
            *(word for kind in self.streams for word in ("-map", f"1:{_STREAMS[kind]}")),
            *("-map_metadata", "1", "-map_chapters", "1", "-vf", scaled),
            *("-c:v", self.encoder, *_QUALITY[self.encoder], "-pix_fmt", "yuv420p", "-color_range", self.range, *tags),
            # Without random numbers and versions: the same film gives the same bytes.
            *("-c:a", "copy", "-c:s", "copy", "-fflags", "+bitexact", "-f", container, file(target)),
        ]


_MATRICES = {"bt709": "bt709", "bt2020nc": "bt2020", "bt2020c": "bt2020", "smpte240m": "smpte240m"}


def container_of(source: Path) -> tuple[str, str]:
    """Suffix of what is written, and ffmpeg's name of that container."""
    suffix = source.suffix.lower()
    return (suffix, _KEPT[suffix]) if suffix in _KEPT else _ELSE


def program() -> str | None:
    """Where ffmpeg is, None without one."""
    return shutil.which("ffmpeg")


def ask(source: Path) -> Asked | None:
    """What is there to work with; None without ffmpeg."""
    found = program()
    if found is None:
        return None
    version = run(found, "-version").stdout.partition(" version ")[2].partition(" ")[0]
    encoder = "libx264" if " libx264 " in run(found, "-hide_banner", "-encoders").stdout else "mpeg4"
    said = run(found, "-hide_banner", "-i", file(source)).stderr
    there = [kind for kind, word in (("sound", "Audio"), ("subtitles", "Subtitle")) if f": {word}: " in said]
    kept = next(kinds for kinds in (there, there[:1], []) if not kinds or _copies(found, source, kinds))
    lost = tuple(kind for kind in there if kind not in kept)
    return Asked(found, version, encoder, tuple(kept), lost, _offset_s(found, source), *_colours(said))


def _copies(found: str, source: Path, kinds: list[str]) -> bool:
    """Whether the container takes these streams: tried with the first second, into nothing, which no full disk refuses."""
    maps = [word for kind in kinds for word in ("-map", f"0:{_STREAMS[kind]}")]
    written = ("-c", "copy", "-t", "1", "-f", container_of(source)[1], os.devnull)
    return run(found, "-v", "error", "-y", "-i", file(source), *maps, *written).returncode == 0


def _offset_s(found: str, source: Path) -> float:
    """How much later than the sound the pictures begin, where they do."""
    words = ("-v", "error", "-i", file(source), "-map", "0:v:0", "-c", "copy", "-frames:v", "1", "-f", "framecrc", "-")
    said = run(found, *words).stdout
    base = re.search(r"^#tb 0: (\d+)/(\d+)", said, re.MULTILINE)
    first = re.search(r"^0,\s*-?\d+,\s*(-?\d+),", said, re.MULTILINE)
    if base is None or first is None:
        return 0.0
    return max(int(first[1]) * int(base[1]) / int(base[2]), 0.0)


def _colours(said: str) -> tuple[tuple[str, str, str], str]:
    """From "Video: h264, yuv420p(tv, bt709, progressive)", or "(pc, bt2020nc/bt2020/smpte2084)" where they differ."""
    inside = re.search(r": Video: .*?\b(?:yuv|nv|gbr|gray|p0)\w*\(([^)]*)\)", said)
    parts = [part.strip() for part in inside[1].split(",")] if inside else []
    levels = "pc" if "pc" in parts else "tv"
    for names in (part.split("/") for part in parts):
        if names[0] in ("bt709", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c"):
            return (tuple(names) if len(names) == 3 else (names[0],) * 3), levels
    return ("", "", ""), levels


def file(path: Path) -> str:
    """As a file, whatever its name looks like to ffmpeg."""
    return f"file:{path.resolve()}"


def run(*command: str, limit_s: float | None = _SECONDS) -> subprocess.CompletedProcess:
    """A command to its end, with what it says. Raises subprocess.TimeoutExpired after `limit_s`."""
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
    return subprocess.run(command, **pipes, check=False, timeout=limit_s)
