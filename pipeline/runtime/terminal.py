"""What is said to people, on whatever terminal they have."""

import sys

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def say(text: str, to_stderr: bool = False) -> None:
    """Print a sentence in which names of other people's files may stand: what a terminal would obey is escaped."""
    print(text.translate(_CONTROLS), file=sys.stderr if to_stderr else sys.stdout, flush=to_stderr)


def counted(number: int, what: str) -> str:
    """A number of things: "1 photo", "2 photos"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def print_anything() -> None:
    """Let print say every name: what the terminal's encoding lacks, or what is no valid UTF-8, is escaped from now on."""
    for stream in (sys.stdout, sys.stderr):
        # None without a console; what a caller put in their place may encode nothing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
