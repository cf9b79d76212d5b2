"""`--every n`: frames of a film as photos, for the ordinary path."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, PngImagePlugin
from tqdm import tqdm

from pipeline.commands.restore.film import fields
from pipeline.commands.restore.film.comb import one_field
from pipeline.commands.restore.film.films import INTERLACED
from pipeline.commands.restore.film.reel import UnreadableFilm, frames_of
from pipeline.commands.restore.film.timeline import look_through
from pipeline.commands.restore.inputs import InputError
from pipeline.commands.restore.recognise import is_film
from pipeline.commands.restore.walk import SCRATCH
from pipeline.photos.names import as_key
from pipeline.runtime.terminal import say
from pipeline.store.files import NAME_BYTES, shortened


@contextmanager
def stills(paths: list[Path], out: Path, every: int | None) -> Iterator[tuple[list[Path], dict[Path, str]]]:
    """The paths with each film's every n-th frame in its place: PNG files that are gone after the block, and what each
    is called: "clip.mp4, frame 123". None: as they are.

    They are named clip_000123.png, by the number of the frame, and carry film, frame and second as text, which the restored
    photo keeps. They lie in a hidden folder of `out`. Raises InputError where there is no film, or none that can be read.
    """
    if every is None:
        yield paths, {}
        return
    if not any(is_film(path) for path in paths):
        raise InputError("--every takes stills from films, and no film is named")
    folder = out / f".stills{SCRATCH}"
    was_there = out.exists()
    if folder.exists():
        shutil.rmtree(folder)  # of a start that was killed
    try:
        taken: list[Path] = []
        names: dict[Path, str] = {}
        for path in paths:
            # A folder each: two films may have one name.
            here = _taken(path, folder / str(len(taken)), every) if is_film(path) else {path: ""}
            taken, names = [*taken, *here], names | here
        yield taken, names
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not was_there and out.exists() and not any(out.iterdir()):
            out.rmdir()


def _taken(film: Path, folder: Path, every: int) -> dict[Path, str]:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tqdm(desc=f"{as_key(film.name)}: looking through", disable=None) as bar:
            pictures = fields.readable(film, folder)
            timeline = look_through(pictures, bar.update)
        told = [*timeline.warnings, *fields.check(timeline), *([INTERLACED] if timeline.interlaced else [])]
        for sentence in (*told, *([fields.MADE_WHOLE] if pictures != film else [])):
            say(f"{film}: {sentence}")
        numbers = list(range(0, len(timeline.times_ms), every))
        prepared = one_field if timeline.interlaced else lambda frame: frame
        taken = {}
        for number, frame in frames_of(pictures, numbers, prepared):
            ending = f"_{number:06d}.png"
            still = folder / f"{shortened(film.stem, NAME_BYTES - len(ending))}{ending}"
            taken[still] = f"{as_key(str(film))}, frame {number}"
            text = PngImagePlugin.PngInfo()
            text.add_itxt("Source", as_key(f"{film.name}, frame {number}, {timeline.times_ms[number] / 1000:.3f} s"))
            Image.fromarray(frame).save(still, pnginfo=text, compress_level=1)
        return taken
    except UnreadableFilm as error:
        raise InputError(f"{film}: {error}") from None
