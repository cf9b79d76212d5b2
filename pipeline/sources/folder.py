"""Photos below a folder: every file once, in order of name, whatever its nesting."""

import os
from pathlib import Path

# Files that are no photos and that nobody expects in a count of photos.
NOT_PHOTOS = ("README.md", ".gitkeep", ".DS_Store", "Thumbs.db")


def list_files(root: Path, path: str, take: int | None = None) -> tuple[list[str], list[tuple[str, str]]]:
    """All files below root/path, as POSIX paths relative to root, sorted; at most the first `take`.

    Links to folders are not followed, so a loop of links ends. Returns (files, problems); a problem is the relative path
    of a folder that could not be listed or a name that is no text, and why.
    Raises FileNotFoundError where root/path is no folder.
    """
    top = root / path
    if not top.is_dir():
        raise FileNotFoundError(f"{top} is not a folder: correct `root` and `path` of the set in params.yaml")
    problems: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        problems.append((_relative(error.filename, root), f"folder cannot be listed: {error.strerror}"))

    files = []
    for folder, folders, names in os.walk(top, onerror=note):
        folders.sort()
        for name in names:
            if name in NOT_PHOTOS or name.startswith("._"):
                continue
            relative = _relative(os.path.join(folder, name), root)
            try:
                relative.encode()
            except UnicodeEncodeError:
                problems.append((relative.encode("utf-8", "backslashreplace").decode(), "file name is not valid UTF-8"))
                continue
            files.append(relative)
    return sorted(files)[:take], sorted(problems)


def _relative(path: str, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")
