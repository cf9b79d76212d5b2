"""Params files that tests change. Written as JSON, which is YAML too: a form that keeps comments takes 0.1 s each time."""

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.params.file import PARAMS_FILE


def edit_params(edit: Callable[[dict], object]) -> None:
    """Change params.yaml of the working folder, which loses its comments."""
    values = _read(PARAMS_FILE)
    edit(values)
    PARAMS_FILE.write_text(json.dumps(values))


def edited_demo(edit: Callable[[dict], object], path: Path) -> Path:
    """Write the profile demo with a change; returns `path`."""
    values = copy.deepcopy(_demo())
    edit(values)
    path.write_text(json.dumps(values))
    return path


@cache
def _demo() -> dict:
    return _read(ROOT / "profiles/demo.yaml")


def _read(path: Path) -> dict:
    return YAML(typ="safe").load(path)
