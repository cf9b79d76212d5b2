"""What is said to people, on whatever terminal they have."""

import sys


def print_anything() -> None:
    """Let print say every name: what the terminal's encoding lacks, or what is no valid UTF-8, is escaped from now on."""
    for stream in (sys.stdout, sys.stderr):
        # None without a console; what a caller put in their place may encode nothing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
