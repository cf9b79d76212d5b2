"""The state of a run: written whole or not at all, and used by the run it belongs to alone."""

import resource

import pytest
import torch

from pipeline.store.files import DiskFull
from pipeline.train import checkpoint

CPU = torch.device("cpu")
RUN = {"params": "1", "the training set": "2", "the code": "3"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scratch/x_seed_0.pt"


def test_a_state_comes_back(path):
    state = {"step": 4, "trainer": {"net": torch.arange(3)}, "curve": [{"step": 2, "train/loss": 0.5}], "best": None}
    checkpoint.save(path, state, RUN)
    found = checkpoint.resume(path, RUN, 10, CPU)
    assert torch.equal(found["trainer"].pop("net"), torch.arange(3))
    assert found == {"step": 4, "trainer": {}, "curve": [{"step": 2, "train/loss": 0.5}], "best": None}


@pytest.mark.parametrize("part", list(RUN))
def test_what_changed_is_said_and_the_state_set_aside(path, capsys, part):
    checkpoint.save(path, {"step": 4}, RUN)
    assert checkpoint.resume(path, RUN | {part: "new"}, 10, CPU) is None
    assert f"{part} changed since this state was saved; set aside as x_seed_0.aside" in capsys.readouterr().out
    assert path.with_suffix(".aside").is_file()
    assert not path.exists()


def test_a_state_beyond_the_length_asked_for_is_set_aside(path, capsys):
    checkpoint.save(path, {"step": 4}, RUN)
    assert checkpoint.resume(path, RUN, 3, CPU) is None
    assert "it went 4 steps, 3 are asked for" in capsys.readouterr().out


def test_who_goes_back_finds_the_state_that_was_set_aside(path, capsys):
    other = RUN | {"params": "other"}
    checkpoint.save(path, {"step": 4}, RUN)
    assert checkpoint.resume(path, other, 10, CPU) is None
    checkpoint.save(path, {"step": 2}, other)
    for run, step in ((RUN, 4), (other, 2), (RUN, 4)):
        assert checkpoint.resume(path, run, 10, CPU) == {"step": step}
        assert f"goes on from the state of step {step}" in capsys.readouterr().out
    assert checkpoint.resume(path, RUN, 10, CPU) == {"step": 4}
    assert capsys.readouterr().out == ""


def test_a_longer_run_goes_on_from_the_longest_that_there_was(path):
    checkpoint.save(path, {"step": 8}, RUN)
    assert checkpoint.resume(path, RUN, 3, CPU) is None
    checkpoint.save(path, {"step": 3}, RUN)
    assert checkpoint.resume(path, RUN, 10, CPU) == {"step": 8}


def test_no_state_is_no_state(path):
    assert checkpoint.resume(path, RUN, 10, CPU) is None


def test_what_a_killed_process_left_is_removed_and_others_files_are_not(path):
    path.parent.mkdir()
    mine, other = path.parent / ".x_seed_0.pt.77.unfinished", path.parent / ".y_seed_0.pt.77.unfinished"
    mine.write_bytes(b"half")
    other.write_bytes(b"half")
    checkpoint.save(path, {"step": 4}, RUN)
    assert not mine.exists()
    assert other.exists()


def test_without_room_the_last_state_stays_and_the_error_says_so(path):
    checkpoint.save(path, {"step": 4, "net": torch.zeros(10)}, RUN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(DiskFull, match=r"no room to write .*free space on that disk"):
            checkpoint.save(path, {"step": 8, "net": torch.zeros(100_000)}, RUN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoint.resume(path, RUN, 10, CPU)["step"] == 4
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_digests_follow_values_and_files(tmp_path):
    file = tmp_path / "a"
    file.write_text("1")
    first = checkpoint.digest({"x": 1}, [file])
    assert first == checkpoint.digest({"x": 1}, [file])
    assert first != checkpoint.digest({"x": 2}, [file])
    file.write_text("2")
    assert first != checkpoint.digest({"x": 1}, [file])
