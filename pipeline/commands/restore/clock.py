"""Seconds per step, over all threads."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STEPS = ("read", "detect", "align", "network", "check", "paste", "write")


class Clock:
    """Adds up the seconds spent in each of STEPS. Threads work at the same time: the sum may be more than the wall's."""

    def __init__(self):
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._lock = threading.Lock()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the block's time."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            with self._lock:
                self.seconds[name] += spent
