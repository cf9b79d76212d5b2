"""The photos on the desk: one at a time, in their order, so many and no more."""

import pytest
from commands.restore.page.conftest import until

from pipeline.commands.restore.page import desk as desks
from pipeline.commands.restore.page.wish import PHOTO, PageError, Wish


def put(desk, name="a.png", size=10):
    held = desk.place(name, size)
    with open(held.folder / PHOTO, "wb") as file:
        file.truncate(size)
    desk.arrived(held)
    return held


def files(desk):
    return sorted(path.name for path in desk._root.iterdir())


def test_one_at_a_time_in_the_order_they_came(desk, hand):
    first, second, third = (put(desk, name) for name in "abc")
    until(lambda: hand.orders)
    assert [(held.name, held.state, ahead) for held, ahead, _ in desk.told()] == [
        ("a", "working", 0),
        ("b", "waiting", 1),
        ("c", "waiting", 2),
    ]
    hand.done()
    until(lambda: len(hand.orders) == 2)
    assert [held.state for held in (first, second, third)] == ["done", "working", "waiting"]
    assert hand.orders[1].folder == second.folder
    assert (first.seen, first.result.record["status"], first.result.compared) == ([60, 40], "restored", True)


def test_restored_again_in_another_way_the_earlier_result_goes(desk, hand):
    held = put(desk)
    hand.done()
    until(lambda: held.state == "done")
    wish = Wish(strength=0.5)
    desk.again(held.id, wish)
    hand.done()
    until(lambda: held.state == "done")
    assert hand.orders[1].wish == held.result.wish == wish
    until(lambda: [path.name for path in held.folder.iterdir() if path.is_dir()] == ["2"])


@pytest.mark.parametrize("how", ["record", "process"])
def test_a_run_that_fails_says_why_and_leaves_the_earlier_result(desk, hand, how):
    held = put(desk)
    hand.done()
    until(lambda: held.state == "done")
    desk.again(held.id, Wish(upscale=16))
    hand.done(status="failed", reason="too large", outputs=[]) if how == "record" else hand.fail("too large")
    until(lambda: held.state == "done")
    assert (held.error, held.result.run) == ("too large", 1)
    until(lambda: [path.name for path in held.folder.iterdir() if path.is_dir()] == ["1"])


def test_a_photo_in_work_is_not_asked_for_again_and_one_that_waits_takes_the_last_word(desk, hand):
    first, second = put(desk, "a"), put(desk, "b")
    until(lambda: hand.orders)
    with pytest.raises(PageError, match="in work") as error:
        desk.again(first.id, Wish())
    assert error.value.status == 409
    desk.again(second.id, Wish(force=True))
    hand.done()
    until(lambda: len(hand.orders) == 2)
    assert hand.orders[1].wish == Wish(force=True)


def test_a_removed_photo_leaves_no_file_whatever_its_state(desk, hand):
    done, working, waiting = (put(desk, name) for name in "abc")
    hand.done()
    until(lambda: working.state == "working" and len(hand.orders) == 2)
    for held in (waiting, done, working):
        desk.remove(held.id)
        with pytest.raises(PageError, match="not here any more"):
            desk.find(held.id)
    until(lambda: files(desk) == [])
    assert len(hand.orders) == 2  # the one that waited never began


def test_a_photo_removed_while_it_arrives_leaves_no_file(desk, hand):
    held = desk.place("a", 10)
    desk.remove(held.id)
    held.folder.mkdir(exist_ok=True)
    with pytest.raises(PageError):
        desk.arrived(held)
    assert files(desk) == []
    assert hand.orders == []


@pytest.mark.parametrize(
    ("bound", "value", "status", "sentence"),
    [
        ("MOST_BYTES", 9_000_000, 413, "a.png: 10 MB, and the page takes photos of up to 9 MB"),
        ("MOST_WAITING", 1, 503, "1 photos wait already"),
        ("MOST_HELD", 2, 503, r"the page holds 2 photos \(20 MB\) already; remove some first"),
        ("MOST_HELD_BYTES", 25_000_000, 503, "the page holds 2 photos"),  # by what lies on the disk
    ],
)
def test_more_than_it_holds_is_refused_with_a_sentence(desk, hand, monkeypatch, bound, value, status, sentence):
    put(desk, size=10_000_000)
    until(lambda: hand.orders)
    put(desk, size=10_000_000)
    there = files(desk)
    monkeypatch.setattr(desks, bound, value)
    with pytest.raises(PageError, match=sentence) as error:
        desk.place("a.png", 10_000_000)
    assert error.value.status == status
    assert files(desk) == there
