"""How many pixels of photos are in memory at once: a photo waits before it is decoded, and before it is written."""

import threading

from pipeline.photos.decode import MAX_PIXELS

# Photos in work at a time, those aside that wait for their faces' batch to fill. The largest photo goes alone.
MOST_PIXELS = MAX_PIXELS


class Room:
    """Counts the pixels of photos that are being read and of those being written. Safe for threads.

    Nobody waits for what waits itself: readers enter in the photos' order, which is that in which photos are taken from
    them, and writers wait for nothing. As a context manager it lets all through in the end.
    """

    def __init__(self, most: int | None = None):
        self._most = MOST_PIXELS if most is None else most
        self._changed = threading.Condition()
        self._next = self._reading = self._writing = 0
        self._open = False

    def enter(self, number: int, pixels: int) -> None:
        """Wait until photo `number` can be read: all before it have entered, and it fits beside them or goes alone."""

        def fits() -> bool:
            busy = self._reading + self._writing
            return self._open or (number == self._next and (busy == 0 or busy + pixels <= self._most))

        with self._changed:
            self._changed.wait_for(fits)
            self._next, self._reading = number + 1, self._reading + pixels
            self._changed.notify_all()

    def rest(self, pixels: int) -> None:
        """A photo that was read is out of work for a while."""
        with self._changed:
            self._reading -= pixels
            self._changed.notify_all()

    def write(self, pixels: int, read: int) -> None:
        """Wait until a photo can be written beside the others that are. read: of its pixels those that count as read."""

        def fits() -> bool:
            return self._open or self._writing == 0 or self._writing + pixels <= self._most

        with self._changed:
            self._changed.wait_for(fits)
            self._reading, self._writing = self._reading - read, self._writing + pixels
            self._changed.notify_all()

    def leave(self, pixels: int) -> None:
        """A photo is written."""
        with self._changed:
            self._writing -= pixels
            self._changed.notify_all()

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *exc) -> None:
        with self._changed:
            self._open = True
            self._changed.notify_all()
