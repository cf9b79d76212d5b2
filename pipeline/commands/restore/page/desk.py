"""The photos that the page holds: they wait, one at a time is restored, and what comes out is kept until it is removed."""

import secrets
import shutil
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.commands.restore.page.wish import AFTER, Order, PageError, Wish
from pipeline.commands.restore.page.worker import NotRestored, Worker

MOST_BYTES = 500_000_000  # of a photo: the page holds it in a temporary folder, which may be memory
MOST_HELD_BYTES = 4_000_000_000  # with what became of them, and what is shown
MOST_HELD = 200
MOST_WAITING = 50

ARRIVING, WAITING, WORKING, DONE = "arriving", "waiting", "working", "done"
GONE = "this photo is not here any more"


@dataclass
class RunResult:
    """What came out of a run. record: as the command writes it. compared: whether there is an AFTER."""

    run: int
    wish: Wish
    record: dict[str, Any]
    compared: bool


@dataclass
class Held:
    """A photo on the desk. size: bytes. format: Pillow's name. seen: width and height in pixels, once it can be shown.

    error: why the last run came to nothing; the result is then that of the one before, if any.
    """

    id: str
    name: str
    folder: Path
    size: int
    format: str = ""
    state: str = ARRIVING
    wish: Wish = field(default_factory=Wish)
    runs: int = 0
    since: float = 0.0
    seen: list[int] | None = None
    result: RunResult | None = None
    error: str = ""


class Desk:
    """Holds photos below `root` and has `worker` restore them, in the order they came. Safe for threads."""

    def __init__(self, root: Path, worker: Worker):
        self._root, self._worker = root, worker
        self._held: dict[str, Held] = {}
        self._line: deque[Held] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def place(self, name: str, size: int) -> Held:
        """A place, with a folder, for a photo of so many bytes that is to come. Raises PageError where there is none."""
        if size > MOST_BYTES:
            raise PageError(
                413, f"{name}: {_megabytes(size)}, and the page takes photos of up to {_megabytes(MOST_BYTES)}"
            )
        with self._changed:
            coming = sum(one.state in (ARRIVING, WAITING) for one in self._held.values())
            if coming >= MOST_WAITING:
                raise PageError(503, f"{name}: {coming} photos wait already; drop it again when some of them are done")
            held = sum(one.size for one in self._held.values() if one.state == ARRIVING) + _bytes_below(self._root)
            if len(self._held) >= MOST_HELD or held + size > MOST_HELD_BYTES:
                raise PageError(
                    503,
                    f"{name}: the page holds {len(self._held)} photos ({_megabytes(held)}) already; remove some first",
                )
            id = secrets.token_hex(8)
            self._held[id] = Held(id, name, self._root / id, size)
        self._held[id].folder.mkdir()
        return self._held[id]

    def arrived(self, held: Held) -> None:
        """The photo lies in its folder: it gets into the line."""
        with self._changed:
            if held.id not in self._held:
                shutil.rmtree(held.folder, ignore_errors=True)
                raise PageError(404, GONE)
            self._append(held)

    def again(self, id: str, wish: Wish) -> Held:
        """Restore a photo once more, in another way; one that waits is restored that way at once."""
        with self._changed:
            held = self.find(id)
            if held.state not in (WAITING, DONE):
                raise PageError(409, "this photo is in work: wait until it is done")
            held.wish = wish
            if held.state == DONE:
                self._append(held)
            return held

    def remove(self, id: str) -> None:
        """Forget a photo and delete its files; work on it ends."""
        with self._changed:
            held = self.find(id)
            del self._held[id]
            if held.state == WORKING:
                self._worker.skip()  # its files go once the process has ended
                return
            if held in self._line:
                self._line.remove(held)
        shutil.rmtree(held.folder, ignore_errors=True)

    def find(self, id: str) -> Held:
        """A photo that is there. Raises PageError."""
        try:
            return self._held[id]
        except KeyError:
            raise PageError(404, GONE) from None

    def told(self) -> list[tuple[Held, int, float]]:
        """The photos in the order they came; of each how many are restored before it, and its seconds in work so far."""
        with self._changed:
            busy = any(one.state == WORKING for one in self._held.values())
            places = {one.id: place for place, one in enumerate(self._line, int(busy))}
            now = time.monotonic()
            return [
                (one, places.get(one.id, 0), now - one.since if one.state == WORKING else 0.0)
                for one in self._held.values()
            ]

    def close(self) -> None:
        """End the work, also that under way."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._worker.stop()
        self._thread.join()

    def _append(self, held: Held) -> None:
        held.state = WAITING
        self._line.append(held)
        self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._line)
                if self._closed:
                    return
                held = self._line.popleft()
                held.state, held.since, held.runs = WORKING, time.monotonic(), held.runs + 1
            self._restore(held, Order(held.folder, held.runs, held.wish))

    def _restore(self, held: Held, order: Order) -> None:
        def seen(size: list[int]) -> None:
            held.seen = size

        earlier, record = held.result, None
        try:
            record = self._worker.restore(order, seen)
            error = record["reason"] if record["status"] == "failed" else ""
        except NotRestored as what:
            error = str(what)
        with self._changed:
            held.state, held.error = DONE, error
            if not error:
                held.result = RunResult(order.run, order.wish, record, (order.out / AFTER).exists())
            removed = held.id not in self._held
        if removed:
            shutil.rmtree(held.folder, ignore_errors=True)
        elif error:
            shutil.rmtree(order.out, ignore_errors=True)
        elif earlier is not None:
            shutil.rmtree(held.folder / str(earlier.run), ignore_errors=True)


def _bytes_below(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a run that ends meanwhile
            total += file.lstat().st_size
    return total


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
