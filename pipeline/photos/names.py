"""Names of photos as text, and what is no photo."""

# Files that are no photos and that nobody expects in a count of photos.
_JUNK = frozenset(("README.md", ".gitkeep", ".gitignore", ".DS_Store", "Thumbs.db", "desktop.ini"))


def as_key(name: str) -> str:
    """The name as UTF-8 text: bytes of it that are none are written as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def is_junk(key: str) -> bool:
    """Whether the file is what systems leave beside photos."""
    name = key.rpartition("/")[2]
    return name in _JUNK or name.startswith("._") or "/__MACOSX/" in f"/{key}"
