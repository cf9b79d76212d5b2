"""What a reader sees first, in a real browser: faces and figures at once, and tables that need no scrolling to be read."""

import itertools

import pytest
from browser.conftest import drawn_face, pixels_of
from report import conftest as small

from pipeline.store import paths

pytestmark = pytest.mark.slow

DESKTOP, PHONE = (1280, 800), (390, 844)
SCREENS = 1.5  # of a table, at most
TABLES = [f"table_{number}" for number in range(2, 8)]


@pytest.fixture
def report_file(monkeypatch, request):
    """report.html with all six tables, all their rows and columns; every network of the first two is ours."""
    monkeypatch.setattr(small, "picture", drawn_face)
    monkeypatch.setattr(small, "TABLES", {name: table.model_dump() for name, table in small.DEMO.report.tables.items()})
    project = request.getfixturevalue("drawn_project")
    for name in ("dic", "sparnet", "sfmnet", "swinir", "mambair"):
        project.add_peer(name, {"psnr_y": 24.0, "ssim_y": 0.75}, ms_per_image=123.4)
    for name in ("swinir_hr", "mambair_hr", "sparnethd"):
        project.add_peer(name, {"lpips_alex": 0.5}, ms_per_image=123.4)
    project.build()
    return (paths.REPORTS / "report.html").resolve()


def bottom(locator) -> float:
    """How far below the top of the page something ends, in pixels."""
    box = locator.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.parametrize(("screen", "share"), [(DESKTOP, 1.0), (PHONE, SCREENS)])
def test_faces_and_figures_are_seen_at_once(opened, screen, share):
    page = opened(*screen)
    for teaser in page.locator(".teaser").all():
        assert bottom(teaser.locator(".tiles")) <= share * screen[1]
        assert bottom(teaser.locator(".headline")) <= share * screen[1]
        boxes = [tile.bounding_box() for tile in teaser.locator(".tiles img").all()]
        assert len(boxes) == 4
        assert {box["y"] for box in boxes} == {boxes[0]["y"]}  # one strip, from left to right
        assert all(one["x"] + one["width"] < other["x"] for one, other in itertools.pairwise(boxes))
    assert page.locator(".teaser").count() == 2
    assert bottom(page.locator(".warning").last) < page.locator(".teaser").first.bounding_box()["y"]


def test_the_input_is_shown_in_single_pixels(opened):
    page = opened(*DESKTOP)
    first, second = page.locator("#teaser-helen .tiles img").all()[:2]
    rendering = "image => getComputedStyle(image).imageRendering"
    assert [image.evaluate(rendering) for image in (first, second)] == ["pixelated", "auto"]
    for image in (first, second):
        assert pixels_of(image.screenshot()).std() > 5


@pytest.mark.parametrize("screen", [DESKTOP, PHONE])
def test_a_table_takes_no_more_than_a_screen_and_a_half(opened, screen):
    page = opened(*screen)
    assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]
    ends = [page.locator(f"#{name}_printed").bounding_box()["y"] for name in TABLES]
    ends.append(bottom(page.locator("#tables > details").last))
    for top, below in itertools.pairwise(ends):
        assert below - top <= SCREENS * screen[1]
    for name in TABLES:
        box = page.locator(f"#{name}_printed .scroll")
        assert screen == PHONE or box.evaluate("box => box.scrollWidth <= box.clientWidth")
        assert page.locator(f"#{name}_printed table").is_visible()
        assert not page.locator(f"#{name}").is_visible()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE])
def test_the_long_form_opens_below_its_table_and_shows_the_differences(opened, screen):
    page = opened(*screen)
    for name in TABLES:
        page.locator(f"#{name}_printed + details > summary").click()
        assert page.locator(f"#{name} table").is_visible()
        assert page.locator(f"#{name}_recipes table").is_visible()
    assert page.locator("#table_2 th", has_text="difference to bicubic").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]


def test_a_wide_table_moves_in_its_box_and_its_metrics_stay(opened):
    page = opened(*PHONE)
    box = page.locator("#table_2_printed .scroll")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    head = box.locator("tbody th").first
    before = head.bounding_box()["x"]
    box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    assert head.bounding_box()["x"] == pytest.approx(before, abs=1)
    assert box.locator("thead th").last.bounding_box()["x"] < PHONE[0]


def test_a_mark_leads_to_its_note(opened):
    page = opened(*DESKTOP)
    page.locator("#table_3_printed sup a").first.click()
    note = page.locator("#table_3_printed-note-1")
    assert 0 <= note.bounding_box()["y"] <= DESKTOP[1]


def test_on_paper_nothing_is_folded_away(opened):
    page = opened(*DESKTOP)
    page.emulate_media(media="print")
    assert page.locator("#table_2").bounding_box()["height"] > 100
