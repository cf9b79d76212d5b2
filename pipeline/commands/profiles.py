"""Puts a profile in place as params.yaml: `python -m pipeline.commands.profiles NAME`, or `make profile NAME=cpu`."""

import subprocess
import sys
from pathlib import Path

from pipeline.params.file import PARAMS_FILE, ParamsError, parse
from pipeline.runtime.terminal import print_anything

FOLDER = Path("profiles")


def names(folder: Path = FOLDER) -> list[str]:
    """The shipped profiles."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def put_in_place(name: str, folder: Path = FOLDER, target: Path = PARAMS_FILE) -> None:
    """Copy profiles/<name>.yaml over params.yaml, byte for byte.

    Refuses where params.yaml holds edits that nobody saved: it equals no profile and git has no copy of it as it is.
    Raises ParamsError for that, for an unknown name, and for a profile that does not fit the schema.
    """
    source = folder / f"{name}.yaml"
    if not source.is_file():
        raise ParamsError(f"no profile {name!r}; there are {', '.join(names(folder))}")
    parse(source)
    if target.is_file() and not _saved(target, folder):
        raise ParamsError(
            f"{target} holds edits that are saved nowhere else: commit it, or copy it to {folder}/<name>.yaml, "
            "then ask again"
        )
    target.write_bytes(source.read_bytes())


def _saved(target: Path, folder: Path) -> bool:
    data = target.read_bytes()
    if any(data == file.read_bytes() for file in folder.glob("*.yaml")):
        return True
    committed = subprocess.run(
        ["git", "show", f"HEAD:./{target.name}"], cwd=target.absolute().parent, capture_output=True, check=False
    )
    return committed.returncode == 0 and committed.stdout == data


def main() -> None:
    print_anything()
    if len(sys.argv) != 2:
        sys.exit(f"usage: make profile NAME={'|'.join(names())}")
    try:
        put_in_place(sys.argv[1])
    except ParamsError as error:
        sys.exit(str(error))
    print(
        f"{PARAMS_FILE} is now profiles/{sys.argv[1]}.yaml; `dvc repro` runs what it changes, `dvc params diff` shows it"
    )


if __name__ == "__main__":
    main()
