"""Pixels in memory: bounded, in order, and nobody waits for ever."""

import threading
from time import sleep

import pytest
from commands.restore.made import crowd, model_folder
from PIL import Image

from pipeline.commands.restore import cli, run
from pipeline.commands.restore.room import Room

WAIT_S = 20  # for what happens at once; reached where it does not


def entering(room: Room, number: int, pixels: int) -> threading.Thread:
    thread = threading.Thread(target=room.enter, args=(number, pixels), daemon=True)
    thread.start()
    return thread


def is_waiting(thread: threading.Thread) -> bool:
    thread.join(0.05)
    return thread.is_alive()


def test_photos_enter_in_their_order_while_they_fit():
    room = Room(100)
    third, second = entering(room, 2, 10), entering(room, 1, 60)
    assert is_waiting(second)
    assert is_waiting(third)
    room.enter(0, 60)
    assert is_waiting(second)
    assert is_waiting(third)  # it would fit, and is not next
    room.rest(60)
    second.join(WAIT_S)
    third.join(WAIT_S)
    assert not second.is_alive()
    assert not third.is_alive()


def test_what_is_larger_than_the_room_goes_alone():
    room = Room(100)
    room.enter(0, 300)
    second = entering(room, 1, 0)
    assert is_waiting(second)
    room.write(300, 300)
    assert is_waiting(second)
    room.leave(300)
    second.join(WAIT_S)
    assert not second.is_alive()


def test_writing_waits_for_what_is_written_and_never_for_readers():
    room = Room(100)
    room.enter(0, 90)
    room.write(90, 0)
    writer = threading.Thread(target=room.write, args=(60, 0), daemon=True)
    writer.start()
    assert is_waiting(writer)
    room.leave(90)
    writer.join(WAIT_S)
    assert not writer.is_alive()


def test_in_the_end_all_are_let_through():
    with Room(100) as room:
        room.enter(0, 100)
        waiting = [entering(room, number, 100) for number in (3, 2, 1)]
        assert all(is_waiting(thread) for thread in waiting)
    for thread in waiting:
        thread.join(WAIT_S)
        assert not thread.is_alive()


class Counting(Room):
    """A room of one photo that remembers how many pixels were in it at most; readers are slow to begin."""

    seen = 0

    def __init__(self):
        super().__init__(128 * 256)

    def enter(self, number: int, pixels: int) -> None:
        sleep(0.02 * (number % 2))
        super().enter(number, pixels)
        Counting.seen = max(Counting.seen, self._reading)

    def write(self, pixels: int, read: int) -> None:
        super().write(pixels, read)
        Counting.seen = max(Counting.seen, self._writing)


@pytest.mark.middle
@pytest.mark.parametrize("open_pixels", [1, 60_000_000])
def test_photos_in_a_small_room_are_restored_one_by_one_and_to_the_same_bytes(tmp_path, monkeypatch, open_pixels):
    weights = model_folder(tmp_path / "hr")
    (tmp_path / "in").mkdir()
    for number in range(4):
        Image.fromarray(crowd(seed=number)).save(tmp_path / f"in/{number}.png")
    (tmp_path / "in/2a.png").write_bytes(b"no photo")
    monkeypatch.setattr(run, "OPEN_PIXELS", open_pixels)
    monkeypatch.setattr(run, "count_threads", lambda *_: (4, 3))
    for name in ("wide", "narrow"):
        arguments = [tmp_path / "in", "-o", tmp_path / name, "--weights", weights, "--device", "cpu", "--force"]
        assert cli.main([str(argument) for argument in arguments]) == 1
        monkeypatch.setattr(run, "Room", Counting)
    assert 0 < Counting.seen <= 128 * 256
    for number in range(4):
        assert (tmp_path / f"wide/{number}.png").read_bytes() == (tmp_path / f"narrow/{number}.png").read_bytes()
