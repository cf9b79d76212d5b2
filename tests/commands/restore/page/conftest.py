"""A desk whose photos are restored by hand."""

import queue
import time

import pytest

from pipeline.commands.restore.page.desk import Desk
from pipeline.commands.restore.page.wish import AFTER, BEFORE, SMALL
from pipeline.commands.restore.page.worker import NotRestored

FACE = {"number": 0, "side_px": 30, "box": [1, 2, 3, 4], "done": "restored", "warnings": []}


class Hand:
    """Stands in for the worker: an order waits until `done` or `fail` is called, and ends with `skip` and `stop`."""

    def __init__(self):
        self.orders, self._answers = [], queue.Queue()

    def restore(self, order, seen):
        for name in (BEFORE, SMALL):
            (order.folder / name).write_bytes(name.encode())
        seen([60, 40])
        self.orders.append(order)
        answer = self._answers.get()
        if isinstance(answer, str):
            raise NotRestored(answer)
        order.out.mkdir()
        for name in (*answer["outputs"], AFTER):
            (order.out / name).write_bytes(f"{name} of {order.run}".encode())
        return answer

    def done(self, **said):
        record = {"photo": "photo", "status": "restored", "reason": "", "outputs": ["photo.png"], "faces": [FACE]}
        self._answers.put(record | {"warnings": []} | said)

    def fail(self, sentence="the process ended"):
        self._answers.put(sentence)

    skip = stop = fail


def until(true) -> None:
    """Wait for something that another thread does."""
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 10 s")


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def desk(tmp_path, hand):
    root = tmp_path / "page"
    root.mkdir()
    desk = Desk(root, hand)
    yield desk
    desk.close()
