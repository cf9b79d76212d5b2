"""What every part of params.yaml's schema is made of."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Task = Literal["x8", "blind"]  # 16 to 128 px, and faces spoilt by Eq. (28)
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]  # of training runs, a run each
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

PACKAGE = Path(__file__).resolve().parents[1]


class Section(BaseModel):
    """A part of params.yaml: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def validated(section: type[Section], values: dict, problem: str) -> Any:
    """A section from its values. Raises ValueError with `problem` before the first thing that does not fit."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{problem}: {where}: {first['msg']} (seen: {first['input']!r:.80})") from None


def told(section: Section, settings: Sequence[str]) -> Any:
    """The section with what a command says in place of its own: as DVC spells one, `--batch_size 8 --metrics kid lpips`.

    What does not fit ends the process with a sentence, as a command's arguments do.
    """
    parser = argparse.ArgumentParser(prog="settings", allow_abbrev=False)
    for name, value in section:
        parser.add_argument(f"--{name}", nargs="*" if isinstance(value, list) else None, default=argparse.SUPPRESS)
    values = section.model_dump() | vars(parser.parse_args(settings))
    try:
        return validated(type(section), values, "settings")
    except ValueError as error:
        parser.error(str(error))


def has_room(floor: str, name: str) -> bool:
    """Whether pipeline/<floor>/<name> is the room of a network or a loss; `units` is what networks share."""
    return name != "units" and (PACKAGE / floor / name / "__init__.py").is_file()
