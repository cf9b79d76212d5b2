"""What lies below a folder: files and members of archives, named and not yet read."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or a member of an archive.

    key: the path below the set's root; for a member the archive's, a slash, and its own. path: the file or the archive.
    member: the name inside a zip. offset, size: of the bytes inside an uncompressed tar. order: which member of a
    compressed tar, -1 elsewhere.
    """

    key: str
    path: str
    member: str = ""
    offset: int = -1
    size: int = -1
    order: int = -1

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def in_archive(self) -> bool:
        """Whether it is a member of an archive."""
        return self.key != self.path


@dataclass(frozen=True, slots=True)
class Problem:
    """What lies there and cannot be taken."""

    key: str
    reason: str
    detail: str


@dataclass
class Finds:
    """What one place holds, what of it cannot be taken, and sentences worth telling."""

    found: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def columns(kind: str, found: Found, number: int = -1, partition: str = "") -> dict:
    """The columns of ingest's manifest beside key, kept, reason and detail, as far as they are known unread."""
    return {
        "kind": kind,
        "number": number,
        "partition": partition,
        "path": found.path,
        "member": found.member,
        "shard": "",
        "offset": found.offset,
        "size": found.size,
        "sha256": "",
        "width": 0,
        "height": 0,
        "format": "",
    }
