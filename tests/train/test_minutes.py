"""Trainings of a length in minutes, by a clock of which every step takes a second."""

import math
from types import SimpleNamespace

import pytest
import stage_project

from pipeline.params.file import parse
from pipeline.store import paths
from pipeline.store.curves import read_curve
from pipeline.store.weights import read_card, weights_file
from pipeline.train import checkpoint, loop
from pipeline.train.run import train_network
from pipeline.train.schedule import Minutes, Steps
from pipeline.train.trainer import Trainer

pytestmark = pytest.mark.middle
SECONDS = 10


@pytest.fixture
def clock(monkeypatch):
    """Stands still but for steps. seconds: what each takes."""
    clock, step = SimpleNamespace(now=100.0, seconds=1.0), Trainer.step
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def slow(self, batch):
        clock.now += clock.seconds
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", slow)
    return clock


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A project. No images are held out: nobody looks at what is measured of them."""
    place = tmp_path_factory.mktemp("written") / "place"
    return stage_project.written(place, steps=None, minutes=SECONDS / 60, validation_images=0, save_every_steps=4)


@pytest.fixture
def recipe(written, tmp_path, monkeypatch):
    stage_project.go_to_copy(written, tmp_path, monkeypatch)
    return parse().recipe("agrnet")


def test_the_rate_follows_the_time_and_the_last_step_ends_within_it(recipe, clock):
    train_network("mine", recipe, [0])
    curve = read_curve(paths.CURVES / "mine/seed_0")
    assert list(curve["step"]) == [2, 4, 6, 8, 10]
    began_s = [step - 1 for step in curve["step"]]
    expected = [recipe.train.learning_rate * 0.5 * (1 + math.cos(math.pi * s / SECONDS)) for s in began_s]
    assert list(curve["learning_rate"]) == pytest.approx(expected)


def test_a_slower_machine_does_fewer_steps_and_ends_at_the_same_rate(recipe, clock):
    clock.seconds = 4
    train_network("mine", recipe, [0])
    curve = read_curve(paths.CURVES / "mine/seed_0")
    assert list(curve["step"]) == [2]  # a third would end after 12 s
    assert weights_file(paths.MODELS / "mine", 0).is_file()


def test_there_is_one_step_however_short_the_time(recipe, clock):
    clock.seconds = 100
    train_network("mine", recipe, [0])
    assert read_card(paths.MODELS / "mine")["steps"] == 1


def test_the_card_says_how_far_it_came_and_that_the_clock_ended_it(recipe, clock):
    clock.seconds = 3
    train_network("mine", recipe, [0, 1])
    card = read_card(paths.MODELS / "mine")
    assert (card["steps"], card["images_seen"], card["weights_of_step"]) == (3, 6, {"0": 3, "1": 3})
    assert card["ended_by"].startswith("the clock, after 0.166667 minutes and 3 steps")


def test_an_interrupted_run_has_the_time_that_was_left(recipe, clock, monkeypatch):
    save = checkpoint.save

    def stop(path, state, run):
        save(path, state, run)
        if state["step"] == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            train_network("cut", recipe, [0])
    clock.now += 1000
    train_network("cut", recipe, [0])
    train_network("whole", recipe, [0])
    files = [weights_file(paths.MODELS / name, 0) for name in ("cut", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_finished_run_does_nothing_more(recipe, clock):
    clock.seconds = 3
    train_network("mine", recipe, [0])
    before, weights = clock.now, weights_file(paths.MODELS / "mine", 0).read_bytes()
    train_network("mine", recipe, [0])
    assert clock.now == before
    assert weights_file(paths.MODELS / "mine", 0).read_bytes() == weights


def test_longer_goes_on_at_a_constant_rate_and_begins_anew_at_a_falling_one(recipe, clock, capsys):
    clock.seconds = 2
    for schedule, seconds in (("constant", 2), ("cosine", 12)):
        for minutes in (SECONDS / 60, (SECONDS + 2) / 60):
            train = recipe.train.model_copy(update={"minutes": minutes, "schedule": schedule})
            before = clock.now
            train_network(schedule, recipe.model_copy(update={"train": train}), [0])
        assert clock.now - before == seconds
    assert "params changed since this state was saved" in capsys.readouterr().out


def test_more_batches_are_asked_for_than_are_known_at_once(monkeypatch):
    monkeypatch.setattr(loop, "AT_A_TIME", 3)
    asked = []

    class Counted:
        def run(self, first, end):
            asked.append((first, end))
            return iter(range(first, end))

    assert list(loop.read_on(Counted(), 2, 9)) == [2, 3, 4, 5, 6, 7, 8]
    assert asked == [(2, 5), (5, 8), (8, 9)]
    assert next(loop.read_on(Counted(), 5, Minutes.most)) == 5


def test_lengths_say_what_has_gone_by():
    steps = Steps(4)
    assert [steps.gone(done, 99.0) for done in (0, 3)] == [0, 3]
    assert [steps.over(done, done) for done in (3, 4, 5)] == [False, True, True]
