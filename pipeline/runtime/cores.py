"""How many cores this process may use: of the machine's those that affinity, and a container's quota, leave it."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def usable_cores(root: Path = ROOT) -> int:
    """Cores to start workers or threads for, 1 or more; a quota of one and a half counts as 2.

    root: where /proc and /sys lie. Where the system has neither affinity nor quotas, all cores of the machine.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # macOS and Windows have none
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """The CPU quotas of this process's cgroup and of those above it, in cores."""
    mounted = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        # A container sees its own cgroup mounted at the root, whatever the path says: the root is asked as well.
        own = PurePosixPath(path.lstrip("/"))
        for group in (own, *own.parents):
            if number == "0":  # version 2
                yield from _quota(*_text(mounted / group / "cpu.max").split()[:2])
            elif "cpu" in controllers.split(","):
                for mount in dict.fromkeys((controllers, "cpu")):
                    folder = mounted / mount / group
                    yield from _quota(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _quota(quota: str = "", period: str = "") -> Iterator[float]:
    """Of microseconds in a period; nothing for "max", -1, and what is no number."""
    try:
        limit, every = int(quota), int(period)
    except ValueError:
        return
    if limit > 0 and every > 0:
        yield limit / every


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""  # no such limit here
