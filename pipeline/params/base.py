"""What every part of params.yaml's schema is made of."""

import argparse
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Task = Literal["x8", "blind"]  # 16 to 128 px, and faces spoilt by Eq. (28)
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]  # of training runs, a run each
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

PACKAGE = Path(__file__).resolve().parents[1]


class Section(BaseModel):
    """A part of params.yaml: immutable, no unknown keys, finite numbers; true and false are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, values: Any) -> Any:
        """Python takes true for 1."""
        for name, field in cls.model_fields.items() if isinstance(values, dict) else ():
            if not _takes_truth(field.annotation) and any(isinstance(one, bool) for one in _each(values.get(name))):
                raise ValueError(f"{name} cannot be true or false")
        return values


def _takes_truth(annotation: Any) -> bool:
    """Whether a field may be true or false, among others or in a list."""
    return annotation in (bool, Any) or any(map(_takes_truth, get_args(annotation)))


def _each(value: Any) -> list | tuple:
    return value if isinstance(value, list | tuple) else [value]


def validated(section: type[Section], values: dict, problem: str) -> Any:
    """A section from its values. Raises ValueError with `problem` before the first thing that does not fit."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{problem}: {where}: {first['msg']} (seen: {first['input']!r:.80})") from None


def told(section: Section, settings: Sequence[str]) -> Any:
    """The section as a command says it, as DVC spells one: `--batch_size 8 --metrics kid lpips`, `--score.min 0.9` for what
    lies deeper; without settings as it is.

    Where there are some, nothing but them and the schema's defaults counts: DVC caches what comes out under the command, and
    params.yaml may have been edited since. What does not fit ends the process with a sentence, as a command's arguments do.
    """
    if not settings:
        return section
    parser = argparse.ArgumentParser(prog="settings", allow_abbrev=False)
    for name, value in _leaves(section.model_dump()):
        several = "*" if isinstance(value, list | tuple) else None
        parser.add_argument(f"--{name}", nargs=several, type=_none_or_text, default=argparse.SUPPRESS)
    values: dict[str, Any] = {}
    for name, value in vars(parser.parse_args(settings)).items():
        *above, last = name.split(".")
        reduce(lambda inner, key: inner.setdefault(key, {}), above, values)[last] = value
    try:
        return validated(type(section), values, "settings")
    except ValueError as error:
        parser.error(str(error))


def _leaves(values: dict, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _none_or_text(word: str) -> str | None:
    return None if word == "None" else word  # DVC's word for YAML's null


def has_room(floor: str, name: str) -> bool:
    """Whether pipeline/<floor>/<name> is the room of a network or a loss; `units` is what networks share."""
    return name != "units" and (PACKAGE / floor / name / "__init__.py").is_file()
