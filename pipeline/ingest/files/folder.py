"""Photos below a folder: every file once, whatever its nesting, and every member of the archives among them."""

import os
import stat
from pathlib import Path

from pipeline.ingest.files.archives import UnreadableArchive, archive_kind, list_members
from pipeline.ingest.files.found import Finds, Found, Problem
from pipeline.photos.names import as_key, is_junk


def find(root: Path, path: str, skip: tuple[str, ...] = ()) -> Finds:
    """All files below root/path, archives opened, in order of key. root/path may be an archive itself.

    skip: paths below root that are no photos. Raises FileNotFoundError where root/path is neither.
    """
    top = root / path
    if top.is_dir():
        finds = _walk(root, top)
    elif top.is_file() and archive_kind(top.name):
        finds = Finds([Found(_relative(top, root), _relative(top, root))])
    else:
        raise FileNotFoundError(
            f"{top} is not {'a zip or tar archive' if top.exists() else 'there'}: correct `root` and `path` of the set in "
            "params.yaml, or put the photos there"
        )
    opened = Finds(notes=finds.notes, problems=finds.problems)
    for found in finds.found:
        if is_junk(found.key) or found.path in skip:
            continue
        if not archive_kind(found.name):
            opened.found.append(found)
            continue
        try:
            inside = list_members(root, found.path)
        except UnreadableArchive as error:
            opened.problems.append(Problem(found.key, "unreadable", str(error)))
        else:
            opened.found += inside.found
            opened.problems += inside.problems
    opened.found.sort(key=lambda found: found.key)
    return opened


def _walk(root: Path, top: Path) -> Finds:
    """Each folder is listed once: links to folders come last, and one that leads to a listed folder adds nothing."""
    finds, seen, followed = Finds(), set(), []
    below, links = [_relative(top, root)], []
    while below or links:
        linked = not below
        folder = links.pop() if linked else below.pop()
        try:
            status = os.stat(root / folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                folders, links_here = _sort("" if folder == "." else f"{folder}/", list(entries), finds)
        except OSError as error:
            finds.problems.append(Problem(as_key(folder), "unlisted", f"folder cannot be listed: {error.strerror}"))
            continue
        below += folders
        links = sorted([*links, *links_here], reverse=True)
        followed += [folder] if linked else []
    if followed:
        finds.notes.append(
            f"Photos behind links to folders are taken ({len(followed)} links, the first {as_key(followed[0])}). DVC does "
            "not look behind links: where something changes there, run dvc repro --force, or let root name the folder."
        )
    return finds


def _sort(prefix: str, entries: list[os.DirEntry], finds: Finds) -> tuple[list[str], list[str]]:
    """Put a folder's files into `finds`; returns its folders, and its links to folders. prefix: of all their paths."""
    folders, links = [], []
    for entry in entries:
        path = prefix + entry.name
        key, problem = as_key(path), None
        if entry.is_dir(follow_symlinks=False):
            folders.append(path)
            continue
        if not entry.is_file(follow_symlinks=False):
            try:
                mode = entry.stat().st_mode
                if stat.S_ISDIR(mode):
                    links.append(path)
                    continue
                if not stat.S_ISREG(mode):
                    problem = Problem(key, "unreadable", "a pipe, socket or device and no file")
            except OSError as error:
                problem = Problem(key, "unreadable", f"a link that leads nowhere: {error.strerror}")
        if problem is None and key != path:
            problem = Problem(key, "unlisted", "the file's name is not valid UTF-8: rename it")
        if problem is None:
            finds.found.append(Found(key, key))
        else:
            finds.problems.append(problem)
    return folders, links


def _relative(path: Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")
