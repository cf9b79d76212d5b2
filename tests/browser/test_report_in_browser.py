"""The report in a real browser: the viewer by keyboard, mouse and touch, at two widths, in both schemes, without scripts."""

import numpy as np
import pytest
from browser.conftest import drawn_face, pixels_of
from PIL import Image

from pipeline.images import pixels

pytestmark = pytest.mark.slow

# Of the stage, as shares of its width: clear of the line in the middle and of the labels at the top.
LEFT, RIGHT = (0.05, 0.40), (0.60, 0.95)
SHOWN = [0, 2]  # the faces of the small project that a strip of two shows


class Viewer:
    """The viewer of a test set."""

    def __init__(self, page, key: str = "helen"):
        self.page = page
        self.box = page.locator(f'.viewer[data-strip="strip-{key}"]')
        self.stage = self.box.locator(".stage")
        self.stage.scroll_into_view_if_needed()

    def control(self, name: str):
        return self.box.locator(f'[data-of="{name}"]')

    def said(self) -> str:
        return self.box.locator(".said").inner_text()

    def pixels(self, part: tuple[float, float], high: tuple[float, float] = (0.2, 0.95)) -> np.ndarray:
        """What the stage shows in a part of its width and height, RGB as float."""
        shot = pixels_of(self.stage.screenshot())
        height, width = shot.shape[:2]
        return shot[int(high[0] * height) : int(high[1] * height), int(part[0] * width) : int(part[1] * width)]

    def place(self, x: float, y: float = 0.5) -> tuple[float, float]:
        """A point of the stage on the page."""
        box = self.stage.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the mouse between two points of the stage."""
        self.page.mouse.move(*self.place(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.place(*end), steps=5)
        self.page.mouse.up()

    def press(self, control: str, *keys: str) -> None:
        self.control(control).focus()
        for key in keys:
            self.page.keyboard.press(key)


def differ(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two pictures, in levels of 255."""
    return float(np.abs(one - other).mean())


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return differ(one, other) < 0.5


def expected(image: np.ndarray, viewer: Viewer, part: tuple[float, float]) -> np.ndarray:
    """An image enlarged to the stage, the part that `pixels` gives of it."""
    box = viewer.stage.bounding_box()
    whole = Image.fromarray(image).resize((round(box["width"]),) * 2, Image.Resampling.BILINEAR)
    height = width = whole.width
    found = np.asarray(whole, dtype=float)
    return found[int(0.2 * height) : int(0.95 * height), int(part[0] * width) : int(part[1] * width)]


def test_the_line_wipes_by_keyboard(opened):
    viewer = Viewer(opened())
    left, right = viewer.pixels(LEFT), viewer.pixels(RIGHT)
    viewer.press("line", "End")
    assert viewer.control("line").input_value() == "100"
    assert same(viewer.pixels(LEFT), left)
    assert differ(viewer.pixels(RIGHT), right) > 10
    viewer.press("line", "Home")
    assert same(viewer.pixels(RIGHT), right)
    assert differ(viewer.pixels(LEFT), left) > 10
    viewer.press("line", "ArrowRight", "ArrowRight")
    assert viewer.control("line").input_value() == "2"
    assert "line at 2 %" in viewer.said()


def test_the_line_wipes_by_mouse(opened):
    viewer = Viewer(opened())
    middle, right = (0.2, 0.4), (0.6, 0.95)
    before, kept = viewer.pixels(middle), viewer.pixels(right)
    viewer.drag((0.5, 0.5), (0.1, 0.6))
    assert viewer.control("line").input_value() == "10"
    assert differ(viewer.pixels(middle), before) > 10
    assert same(viewer.pixels(right), kept)
    viewer.drag((0.9, 0.3), (0.7, 0.3))  # off the line: nothing is enlarged, so it comes along
    assert viewer.control("line").input_value() == "70"


def test_each_side_shows_the_image_that_is_chosen(opened):
    page = opened()
    viewer = Viewer(page)
    names = viewer.control("left").locator("option").all_inner_texts()
    assert names == ["LR", "bicubic", "Baseline (Table 4)", "AGRNet", "HR"]
    for face, number in enumerate(SHOWN):
        viewer.control("face").select_option(index=face)
        viewer.control("left").select_option("AGRNet")
        viewer.control("right").select_option("HR")
        for part, level in ((LEFT, 30), (RIGHT, 10)):
            shown = expected(drawn_face(level + number), viewer, part)
            assert differ(viewer.pixels(part), shown) < 4
        assert viewer.said().startswith(f"synthetic/{number}: AGRNet left of the line, HR right of it; line at 50 %")
    viewer.control("left").select_option("LR")
    upsampled = pixels.resize(drawn_face(20 + SHOWN[-1], 4), 32, "bicubic")
    assert differ(viewer.pixels(LEFT), expected(upsampled, viewer, LEFT)) > 4  # single pixels, not smoothed
    viewer.control("right").select_option("LR")  # two of the same change places
    assert "HR left of the line, LR right of it" in viewer.said()


def test_zoom_and_pan(opened):
    page = opened()
    viewer = Viewer(page)
    viewer.press("line", "Home")
    whole = viewer.pixels((0.05, 0.95))
    viewer.stage.focus()
    page.keyboard.press("ArrowRight")  # nothing is enlarged yet
    assert same(viewer.pixels((0.05, 0.95)), whole)
    viewer.press("zoom", "ArrowRight", "ArrowRight")
    assert "enlarged 2 times" in viewer.said()
    middle = viewer.pixels((0.05, 0.95))
    assert differ(middle, whole) > 5
    viewer.stage.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    right_edge = viewer.pixels((0.05, 0.95))
    assert differ(right_edge, middle) > 5
    page.keyboard.press("ArrowRight")  # no further than the image goes
    assert same(viewer.pixels((0.05, 0.95)), right_edge)
    viewer.drag((0.3, 0.5), (0.55, 0.5))  # half a step of the way back: the image comes along with the mouse
    assert differ(viewer.pixels((0.05, 0.95)), right_edge) > 5
    for key in "+" * 20:
        page.keyboard.press(key)
    assert viewer.control("zoom").input_value() == "8"
    page.keyboard.press("-")
    assert viewer.control("zoom").input_value() == "7.5"
    assert viewer.stage.locator("img").first.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"


def test_single_pixels_are_shown_from_four_times_on(opened):
    viewer = Viewer(opened())
    viewer.control("left").select_option("HR")
    rendering = "image => getComputedStyle(image).imageRendering"
    for zoom, seen in (("3.5", "auto"), ("4", "pixelated")):
        viewer.control("zoom").fill(zoom)
        assert {image.evaluate(rendering) for image in viewer.stage.locator("img").all()} == {seen}


def test_by_touch_on_a_phone(opened):
    page = opened(360, 740, has_touch=True, is_mobile=True, device_scale_factor=2)
    viewer = Viewer(page)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        at = [dict(zip("xy", viewer.place(*point), strict=True), id=number) for number, point in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    send("touchStart", (0.5, 0.5))
    for x in (0.55, 0.65, 0.8):
        send("touchMove", (x, 0.5))
    send("touchEnd")
    assert viewer.control("line").input_value() == "80"
    send("touchStart", (0.4, 0.5), (0.6, 0.5))
    send("touchMove", (0.3, 0.5), (0.7, 0.5))
    send("touchMove", (0.2, 0.5), (0.8, 0.5))
    send("touchEnd")
    assert viewer.control("zoom").input_value() == "3"
    before = viewer.pixels((0.05, 0.7))
    send("touchStart", (0.2, 0.5))
    send("touchMove", (0.3, 0.6))
    send("touchMove", (0.5, 0.7))
    send("touchEnd")
    assert viewer.control("line").input_value() == "80"
    assert differ(viewer.pixels((0.05, 0.7)), before) > 3


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_its_width_in_both_schemes(opened, width):
    grounds = {}
    for scheme in ("light", "dark"):
        page = opened(width, 800, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot = pixels_of(page.screenshot())
        assert shot.std() > 10
        grounds[scheme] = shot[5, 5].mean()
        Viewer(page)
        assert pixels_of(page.screenshot()).std() > 20
    assert grounds["light"] > 200 > 60 > grounds["dark"]


def test_the_keyboard_reaches_everything(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.of || document.activeElement.className"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if "zoom" in reached:
            break
    assert {"stage", "face", "left", "right", "line", "zoom"} <= reached


def test_every_set_has_its_viewer(opened):
    page = opened()
    for key in ("helen", "celebahq", "real"):
        viewer = Viewer(page, key)
        assert viewer.box.is_visible()
        assert viewer.pixels((0.05, 0.95)).std() > 5
    assert page.locator('input[type="range"]').count() == 6


def test_without_scripts_the_strips_show_everything(opened):
    page = opened(java_script_enabled=False)
    assert not any(viewer.is_visible() for viewer in page.locator(".viewer").all())
    shown = page.locator("#strip-helen img").all()
    assert len(shown) == len(SHOWN) * 5
    for image in shown:
        image.scroll_into_view_if_needed()
        assert pixels_of(image.screenshot()).std() > 5


def test_on_paper_the_controls_are_gone(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator(".viewer").first.is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
