"""A film that was stopped goes on where it stopped, and its bytes are those of one that was not."""

import resource

import pytest
from commands.restore.film.clips import Sighted, moving, record, restore, saved, without_looking
from commands.restore.made import gate_file, model_folder

from pipeline.commands.restore.film import encode, ffmpeg, paste, resume
from pipeline.commands.restore.film.verdicts import Judge
from pipeline.commands.restore.inputs import Job

FRAMES = 16


@pytest.fixture
def hr(tmp_path):
    return gate_file(model_folder(tmp_path / "models/hr"))


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    without_looking(monkeypatch)
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: None)
    monkeypatch.setattr(paste, "_FACES", 4)  # so that there are several runs


class Counted(Sighted):
    """A detector that is stopped by hand after some frames."""

    left, seen = 1000, 0

    def detect(self, photo):
        if Counted.left == 0:
            raise KeyboardInterrupt
        Counted.left -= 1
        Counted.seen += 1
        return super().detect(photo)


def stopped_at(monkeypatch, where, after):
    """Ctrl-C during a pass, after so many of its steps."""
    left = iter(range(after))

    def stopping(function):
        def step(*arguments, **named):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return function(*arguments, **named)

        return step

    owner, name = where
    monkeypatch.setattr(owner, name, stopping(getattr(owner, name)))


@pytest.mark.middle
@pytest.mark.parametrize(
    ("where", "after"),
    [((Judge, "_look"), 2), ((paste, "run_network"), 2), ((encode.OpenCVWriter, "write"), 9)],
    ids=["judging", "network", "writing"],
)
def test_stopped_in_a_pass_it_ends_as_if_it_had_not_been(tmp_path, hr, monkeypatch, capsys, where, after):
    source = saved(tmp_path / "clip.mp4", moving(FRAMES))
    assert restore(source, tmp_path / "whole", "--weights", hr) == 0
    with monkeypatch.context() as during:
        stopped_at(during, where, after)
        assert restore(source, tmp_path / "out", "--weights", hr) == 130
    assert "goes on where it stopped" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".clip.mp4.restoring"]
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert "goes on where an earlier start stopped" in capsys.readouterr().out
    assert (tmp_path / "out/clip.mp4").read_bytes() == (tmp_path / "whole/clip.mp4").read_bytes()
    assert record(tmp_path / "out/clip.mp4") == record(tmp_path / "whole/clip.mp4")
    assert not (tmp_path / "out/.clip.mp4.restoring").exists()


def test_frames_that_were_searched_are_not_searched_again(tmp_path, hr, monkeypatch):
    without_looking(monkeypatch, Counted)
    monkeypatch.setattr("pipeline.commands.restore.film.run.count_threads", lambda *_: (1, 1))
    source = saved(tmp_path / "clip.mp4", moving(FRAMES))
    Counted.left, Counted.seen = 7, 0
    assert restore(source, tmp_path / "out", "--weights", hr) == 130
    found = (tmp_path / "out/.clip.mp4.restoring/found.jsonl").read_text().splitlines()
    Counted.left, Counted.seen = 1000, 0
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert 0 < len(found) == FRAMES - Counted.seen


def test_what_the_network_made_is_not_made_again(tmp_path, hr, monkeypatch):
    source = saved(tmp_path / "clip.mp4", moving(FRAMES))
    with monkeypatch.context() as during:
        stopped_at(during, (encode.OpenCVWriter, "close"), 0)
        assert restore(source, tmp_path / "out", "--weights", hr) == 130
    stopped_at(monkeypatch, (paste, "run_network"), 0)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0


@pytest.mark.middle
def test_other_options_or_another_film_begin_anew(tmp_path, hr, monkeypatch, capsys):
    source = saved(tmp_path / "clip.mp4", moving(FRAMES))
    for arguments in ((), ("--strength", "0.5")):
        with monkeypatch.context() as during:
            stopped_at(during, (paste, "run_network"), 1)
            assert restore(source, tmp_path / "out", "--weights", hr, *arguments) == 130
        assert ("begun anew" in capsys.readouterr().out) == bool(arguments)
    saved(source, moving(FRAMES - 1))
    assert restore(source, tmp_path / "out", "--weights", hr, "--strength", "0.5") == 0
    assert "begun anew" in capsys.readouterr().out
    assert record(tmp_path / "out/clip.mp4")["frames"] == FRAMES - 1


def test_a_line_that_was_cut_off_is_dropped(tmp_path):
    with resume.Lines(tmp_path / "a.jsonl") as lines:
        lines.add([1])
        lines.add([2])
    whole = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_bytes(whole[:-1])
    with resume.Lines(tmp_path / "a.jsonl") as lines:
        assert list(lines) == [[1]]
        lines.add([2])
    assert (tmp_path / "a.jsonl").read_bytes() == whole


def test_what_an_unfinished_film_left_is_no_photo(tmp_path, hr):
    """Where results are restored anew, in place."""
    source = saved(tmp_path / "clip.mp4", moving(4))
    left = resume.Scratch(Job(source, tmp_path / "out/clip.mp4"), {})
    left.keep_squares("0.png", list(moving(2)[:, :64, :64]))
    assert len(left.squares("0.png")) == 2
    assert restore(tmp_path / "out", tmp_path / "out", "--weights", hr) == 2


def test_a_film_that_cannot_be_written_whole_stands_under_no_name(tmp_path, hr):
    """A full disk, of which OpenCV says nothing: here a limit on the size of files."""
    source = saved(tmp_path / "clip.mp4", moving(FRAMES, noise=30))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
    try:
        assert restore(source, tmp_path / "out", "--weights", hr) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = record(tmp_path / "out/clip.mp4")
    assert (said["status"], said["outputs"]) == ("failed", [])
    assert "is the disk full?" in said["reason"]
    assert not (tmp_path / "out/clip.mp4").exists()
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
