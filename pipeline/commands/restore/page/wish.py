"""What is asked for of one photo: the page's controls as options of the command, and where its files lie."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# In the folder of a photo: the file as it came, what the browser shows of it, and a folder per run, named by its number.
PHOTO, BEFORE, SMALL, AFTER = "photo", "before.png", "small.png", "after.png"
MOST_UPSCALE = 16
MOST_FACES = 10_000


class PageError(Exception):
    """Something that the page does not do; the message is for the person in front of it. status: HTTP's."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Wish:
    """The options of that name (`restore --help`). faces: numbers as in the record, None for all."""

    strength: float = 1.0
    upscale: float = 1.0
    force: bool = False
    faces: tuple[int, ...] | None = None

    def options(self) -> dict[str, Any]:
        """Arguments for `Options`."""
        return asdict(self)


@dataclass(frozen=True)
class Order:
    """A photo to restore. folder: where it lies as PHOTO. run: a number, which no other run of the photo has."""

    folder: Path
    run: int
    wish: Wish

    @property
    def out(self) -> Path:
        """Where the picture, its record and AFTER come to lie."""
        return self.folder / str(self.run)


def read_wish(data: bytes) -> Wish:
    """The wish in a JSON object with any of Wish's fields. Raises PageError for anything else."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.keys() - Wish.__dataclass_fields__.keys():
        raise PageError(422, f"what is asked for is no JSON object of {', '.join(Wish.__dataclass_fields__)}")
    wish = Wish(**said)
    if not _is_number(wish.strength, 0, 1):
        raise PageError(422, "strength is a number from 0 to 1")
    if not _is_number(wish.upscale, 1, MOST_UPSCALE):
        raise PageError(422, f"upscale is a number from 1 to {MOST_UPSCALE}")
    if not isinstance(wish.force, bool):
        raise PageError(422, "force is true or false")
    return Wish(float(wish.strength), float(wish.upscale), wish.force, _faces(wish.faces))


def _faces(asked) -> tuple[int, ...] | None:
    if asked is None:
        return None
    numbers = isinstance(asked, list) and all(type(number) is int and number >= 0 for number in asked)
    if not numbers or not 0 < len(asked) <= MOST_FACES:
        raise PageError(422, "faces is a list of numbers as in the record, at least one")
    return tuple(sorted(set(asked)))


def _is_number(value, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high
