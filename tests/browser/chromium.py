"""A real Chromium for the tests: one that is there, else one that can be brought; else a reason that says what was tried."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "google-chrome", "chromium-browser")
LAUNCH_S = 60
INSTALL_S = 240  # of each way to bring one


class NoChromium(RuntimeError):
    """No Chromium runs here; the message lists what was tried."""


def launch(playwright):
    """A headless browser: CHROME's executable, or one on PATH, or playwright's own, or one brought now, in this order.

    Raises NoChromium where none starts, and where CHROME is set to one that does not.
    """
    tried = []
    for name, executable in _executables(playwright, tried):
        try:
            # Chromium's sandbox needs rights that root in a container does not have; the page is our own file.
            return playwright.chromium.launch(
                executable_path=executable, args=["--no-sandbox"], timeout=1000 * LAUNCH_S
            )
        except Exception as error:  # playwright's errors share no narrower public class with those of a missing file
            tried.append(f"{name}: {str(error).splitlines()[0]}")
    raise NoChromium("no Chromium could be started; tried " + "; ".join(tried))


def _executables(playwright, tried: list[str]) -> Iterator[tuple[str, str]]:
    if named := os.environ.get("CHROME"):
        yield f"CHROME={named}", named
        return
    for name in NAMES:
        if found := shutil.which(name):
            yield found, found
        else:
            tried.append(f"{name}: not on PATH")
    own = playwright.chromium.executable_path
    if Path(own).exists():
        yield "playwright's own", own
    else:
        tried.append("playwright's own: not installed")
    if _brought([sys.executable, "-m", "playwright", "install", "chromium"], tried):
        yield "playwright's own, brought now", own
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _brought(["apt-get", "update"], tried)
        if _brought(["apt-get", "install", "-y", "chromium"], tried) and (found := shutil.which("chromium")):
            yield f"{found}, brought now", found
    else:
        tried.append("apt-get: not there, or not root")


def _brought(command: list[str], tried: list[str]) -> bool:
    name = " ".join(command[-3:])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        tried.append(f"{name}: not done after {INSTALL_S} s")
        return False
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()
        tried.append(f"{name}: {last[-1] if last else f'exit status {done.returncode}'}")
    return done.returncode == 0
