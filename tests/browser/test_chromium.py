"""Where the browser comes from, and what is said where there is none."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from browser import chromium


class Playwright:
    """Stands in for playwright: launches what is in `works`."""

    def __init__(self, *works: str):
        self.works = works
        self.chromium = SimpleNamespace(executable_path="/no/such/own", launch=self._launch)

    def _launch(self, executable_path, **_):
        if executable_path not in self.works:
            raise RuntimeError(f"{executable_path} does not start\nand more")
        return executable_path


@pytest.fixture
def bare(monkeypatch):
    """A machine without a browser, on which nothing can be installed; returns the commands tried."""
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no network\nE: cannot reach it")

    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.setattr(shutil, "which", {"apt-get": "/usr/bin/apt-get"}.get)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_without_any_the_reason_says_what_was_tried(bare):
    with pytest.raises(chromium.NoChromium) as error:
        chromium.launch(Playwright())
    for name in (*chromium.NAMES, "playwright's own", "playwright install chromium", "install -y chromium"):
        assert name in str(error.value)
    assert "E: cannot reach it" in str(error.value)
    assert [command[-2:] for command in bare] == [["install", "chromium"], ["apt-get", "update"], ["-y", "chromium"]]


def test_one_on_path_is_taken_and_nothing_installed(bare, monkeypatch):
    monkeypatch.setattr(shutil, "which", {"google-chrome": "/opt/chrome", "chromium": "/snap/stub"}.get)
    assert chromium.launch(Playwright("/opt/chrome")) == "/opt/chrome"  # after the stub that does not start
    assert bare == []


def test_chrome_names_the_only_one_to_try(bare, monkeypatch):
    monkeypatch.setenv("CHROME", "/my/own")
    assert chromium.launch(Playwright("/my/own")) == "/my/own"
    with pytest.raises(chromium.NoChromium, match=r"CHROME=/my/own: /my/own does not start$"):
        chromium.launch(Playwright())
    assert bare == []


def test_an_installation_that_hangs_is_given_up(bare, monkeypatch):
    def hang(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(chromium.NoChromium, match="playwright install chromium: not done after 240 s"):
        chromium.launch(Playwright())
