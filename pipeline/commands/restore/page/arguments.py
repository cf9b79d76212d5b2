"""The page's part of the command line."""

import argparse

# What the page itself asks for, or has no use for.
_OTHERS = (
    "out",
    "upscale",
    "strength",
    "force",
    "aligned",
    "faces",
    "faces_only",
    "compare",
    "format",
    "every",
    "timing",
)


def add_page(parser: argparse.ArgumentParser) -> None:
    """Add --page and --port."""
    parser.add_argument("--page", action="store_true", help="open a page in the browser instead: drop photos there")
    parser.add_argument("--port", type=_port, help="the page's, on this computer alone; default: one that is free")


def check_page(command: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Refuse, as argparse does, what goes with the page alone and what does not go with it."""
    if not given.page:
        if given.port is not None:
            command.error("--port is the page's: --page")
        if not given.paths or given.out is None:
            command.error(f"the following arguments are required: {'-o/--out' if given.paths else 'PATH'}")
        return
    there = ["PATH"] if given.paths else []
    for name in _OTHERS:
        if getattr(given, name) != command.get_default(name):
            there.append(f"--{name.replace('_', '-')}")
    if there:
        command.error(f"--page takes photos in the browser, and no {', '.join(there)}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a whole number from 1 to {2**16 - 1}")
    return int(text)
