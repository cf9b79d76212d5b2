"""The page's end of the process that restores: started, asked, and ended at any time."""

import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.commands.restore.options import Options
from pipeline.commands.restore.page.wish import Order


class CannotStart(Exception):
    """Nothing can be restored with what was given; the message is the command's own."""


class NotRestored(Exception):
    """A photo on which something went wrong; the message says what."""


class Worker:
    """One process, which restores a photo at a time and can be killed: its memory and its files are nobody else's.

    root: the page's folder. given: weights, as the command takes them. base: how photos are restored where nothing else is
    asked for. `start` and `restore` are one thread's; `stop` is any's.
    """

    def __init__(self, root: Path, given: list[Path], base: Options):
        self._arguments = (root, given, base)
        self._process = self._connection = None
        self._usable = self._stopped = False

    def start(self) -> list[str]:
        """Start the process; returns sentences on the networks. Raises CannotStart."""
        self._usable = True
        # Spawned: a fork would share locks of the page's threads.
        context = multiprocessing.get_context("spawn")
        self._connection, others = context.Pipe()
        self._process = context.Process(target=_serve, args=(others, *self._arguments), daemon=True)
        self._process.start()
        others.close()  # or its end would never be heard of
        if self._stopped:
            self.stop()
        kind, said = self._received()
        if kind != "ready":
            raise CannotStart(said)
        return said

    def restore(self, order: Order, seen: Callable[[list[int]], None]) -> dict[str, Any]:
        """The record of a photo. seen: gets its width and height once it can be shown.

        Raises NotRestored for a photo that cannot be restored, and where the process ends on it.
        """
        try:
            if not (self._usable and self._process.is_alive()):
                self.start()
            self._connection.send(order)
            while (message := self._received())[0] == "seen":
                seen(message[1])
        except (CannotStart, OSError) as error:
            raise NotRestored(str(error)) from None
        if message[0] != "done":
            raise NotRestored(message[1])
        return message[1]

    def stop(self) -> None:
        """End the process at once, whatever it does."""
        self._stopped = True
        self.skip()
        if self._process is not None:
            self._process.join()  # what it was writing is written, and can be deleted

    def skip(self) -> None:
        """End it for the sake of the photo at hand: the next one starts another."""
        self._usable = False
        if self._process is not None:
            self._process.kill()

    def _received(self) -> tuple[str, Any]:
        try:
            return self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
        return "failed", f"the process that restores ended (exit code {code}): it may need more memory than there is"


def _serve(*arguments) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which reaches every process of a terminal: the page's ends this one
    # In the other process alone: networks, and all that restores.
    from pipeline.commands.restore.page.restoring import serve

    serve(*arguments)
