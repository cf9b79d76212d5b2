"""Terminals that lack characters are no reason to fail."""

import io
import sys

import pytest

from pipeline.commands import keep, profiles
from pipeline.commands.export import cli as export
from pipeline.commands.restore import cli as restore
from pipeline.runtime.terminal import counted, print_anything, say


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("ascii", r"\u65e5\xe9\udce9"), ("latin-1", "\\u65e5\xe9\\udce9"), ("utf-8", "日\xe9\\udce9")],
)
def test_whatever_a_terminal_lacks_is_escaped(monkeypatch, encoding, seen):
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding, errors="strict") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    print_anything()
    for stream in streams.values():
        print("日é\udce9", end="", file=stream, flush=True)
        assert stream.buffer.getvalue().decode(encoding) == seen


def test_a_name_gives_the_terminal_no_orders(capsys):
    for to_stderr in (False, True):
        say("clear\x1b[2J, back\r, \x9b31m\nanother line", to_stderr)
    assert capsys.readouterr() == ("clear\\x1b[2J, back\\x0d, \\x9b31m\nanother line\n",) * 2


def test_no_console_is_no_trouble(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    print_anything()
    print("日\udce9")


@pytest.mark.parametrize(("number", "words"), [(0, "0 faces"), (1, "1 face"), (2, "2 faces")])
def test_one_thing_is_not_several(number, words):
    assert counted(number, "face") == words


@pytest.mark.parametrize("command", [restore, export, keep, profiles])
def test_commands_see_to_it_before_they_say_anything(monkeypatch, command):
    class Called(Exception):
        pass

    def called():
        raise Called

    monkeypatch.setattr(command, "print_anything", called)
    with pytest.raises(Called):
        command.main()
