"""A report of a small project, and a browser that reaches nothing but it."""

import colorsys
import io
import os
from pathlib import Path

import numpy as np
import pytest
from browser.chromium import NoChromium, launch
from PIL import Image, ImageDraw
from report import conftest as small
from report.conftest import changeable, drawn_project, written  # noqa: F401 (fixtures)

from pipeline.store import paths

FILES = ("file:", "data:")


def drawn_face(number: int, side: int = small.SIZE_PX) -> np.ndarray:
    """A face whose colours and eyes tell which number it is, RGB uint8 (side, side, 3)."""
    size = 8 * side
    hue = number * 0.137 % 1
    back, skin, eye = (
        tuple(int(255 * value) for value in colorsys.hsv_to_rgb((hue + turn) % 1, *shade))
        for turn, shade in ((0, (0.5, 0.45)), (0.35, (0.35, 0.9)), (0.6, (0.8, 0.3)))
    )
    picture = Image.new("RGB", (size, size), back)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((0.2 * size, 0.1 * size, 0.8 * size, 0.92 * size), skin)
    for middle in (0.37, 0.63):
        high = 0.4 + 0.004 * (number % 10)
        draw.ellipse(((middle - 0.06) * size, high * size, (middle + 0.06) * size, (high + 0.1) * size), eye)
    draw.chord((0.36 * size, 0.55 * size, 0.64 * size, 0.8 * size), 10, 170, eye)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def pixels_of(png: bytes) -> np.ndarray:
    """A screenshot as RGB, float64 (height, width, 3) in 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)


@pytest.fixture
def report_file(monkeypatch, request) -> Path:
    """report.html of a small project whose images are faces."""
    monkeypatch.setattr(small, "picture", drawn_face)
    request.getfixturevalue("drawn_project").build()
    return (paths.REPORTS / "report.html").resolve()


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the page is NOT TESTED")
    with sync_api.sync_playwright() as playwright:
        try:
            found = launch(playwright)
        except NoChromium as error:
            if os.environ.get("CHROME"):
                pytest.fail(f"CHROME is set, but {error}")
            pytest.skip(f"THE PAGE IS NOT TESTED: {error}")
        yield found
        found.close()


class Opened:
    """A page in a context of its own. wrong: requests elsewhere, errors, warnings.

    own: beginnings of the addresses that it may ask for; files and data alone, or a server of ours, too.
    """

    def __init__(self, browser, own: tuple[str, ...] = FILES, **options):
        self.wrong: list[str] = []
        self._own = own
        self.context = browser.new_context(**options)
        self.context.set_offline(own == FILES)
        self.context.route("**/*", self._route)
        self.page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))

    def _route(self, route) -> None:
        if route.request.url.startswith(self._own):
            route.continue_()
        else:
            self.wrong.append(f"request: {route.request.url}")
            route.abort()

    def _listen(self, message) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")


@pytest.fixture
def opened(browser, report_file):
    """Opens the report with a context's options; at the end nothing may have gone wrong on any page."""
    pages = []

    def open_report(width: int = 1280, height: int = 900, **options):
        pages.append(Opened(browser, viewport={"width": width, "height": height}, **options))
        page = pages[-1].page
        page.goto(report_file.as_uri())
        return page

    yield open_report
    for found in pages:
        found.context.close()
    assert [wrong for found in pages for wrong in found.wrong] == []
