"""The stages of dvc.yaml, a script each: `python -m stages.<stage>`.

An error that this project has foreseen, one that a `raise` of its own makes, ends a stage with its sentence alone, as
what is asked in the wrong way does. Whatever else ends it comes with its traceback; under `python -X dev` all do.
"""

import inspect
import linecache
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

LIBRARY = Path(__file__).resolve().parents[1] / "pipeline"


def explain(kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
    """What is shown of an error that nothing has caught, for `sys.excepthook`."""
    *_, (frame, line) = traceback.walk_tb(trace)
    if _is_foreseen(frame, line):
        print(f"{_stage()}: {error}", file=sys.stderr)
    elif kind in (IndexError, TypeError) and _is_call_of_main(frame):
        print(f"usage: python -m stages.{_stage()}{_asked(frame.f_globals['main'])}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _stage() -> str:
    return Path(sys.argv[0]).stem


def _is_foreseen(frame, line: int) -> bool:
    """Whether the error was raised in words of this project's, and not by Python or a library on its behalf."""
    file = frame.f_code.co_filename
    return Path(file).is_relative_to(LIBRARY) and linecache.getline(file, line).strip().startswith("raise ")


def _is_call_of_main(frame) -> bool:
    """Whether the error arose in the last line of a stage itself, where its arguments are handed over."""
    return frame.f_code.co_name == "<module>" and Path(frame.f_code.co_filename).parent == Path(__file__).parent


def _asked(main: Callable) -> str:
    """The arguments of a stage: " KEY [ROOT] [SETTINGS ...]"."""
    said = []
    for name, one in inspect.signature(main).parameters.items():
        several = " ..." if one.kind is one.VAR_POSITIONAL else ""
        optional = several or one.default is not one.empty
        said.append(f" [{name.upper()}{several}]" if optional else f" {name.upper()}")
    return "".join(said)


if sys.argv[0] == "-m" and not sys.flags.dev_mode:  # a stage is being run, not imported
    sys.excepthook = explain
