"""`restore --page` in a real browser: a photo in, looked at, restored in another way, and the file out."""

import json
from pathlib import Path
from urllib.parse import urlunsplit

import numpy as np
import pytest
from browser.conftest import Opened, pixels_of
from commands.restore.made import crowd, gate_file, model_folder
from commands.restore.page.started import Started
from PIL import Image

from pipeline.commands.restore import cli
from pipeline.commands.restore.words import IDENTITY

pytestmark = pytest.mark.slow

DESKTOP, PHONE = (1280, 860), (375, 760)
REFUSED = "the server responded with a status of 422"  # what a browser says of each refusal by itself
WAIT_MS = 30_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos, and a network that is expected to help each face and leaves it one."""
    folder = tmp_path_factory.mktemp("page")
    gate_file(model_folder(folder / "models/hr"), cut=8)
    Image.fromarray(crowd(3, 1, 200)).save(folder / "Three faces.JPG", "JPEG", quality=85)
    Image.fromarray(np.full((90, 160, 3), 120, np.uint8)).save(folder / "nobody.png")
    (folder / "notes.jpg").write_text("no photo at all")
    (folder / "many pixels.ppm").write_bytes(b"P6\n20000 20000\n255\n")
    with open(folder / "many bytes.tif", "wb") as file:
        file.truncate(600_000_000)  # a hole: it takes no room
    return folder


@pytest.fixture(scope="module")
def started(folder):
    started = Started(folder / "temporary", "--weights", folder / "models/hr")
    yield started
    started.process.kill()
    started.process.communicate()


@pytest.fixture
def opened(browser, started):
    """Opens the page, which may ask 127.0.0.1 alone; it holds no photo at first, and at the end nothing went wrong."""
    for photo in json.loads(started.ask("photos")):
        started.ask(f"photos/{photo['id']}", "DELETE")
    pages = []
    address = urlunsplit(started.address)

    def open_page(width=DESKTOP[0], height=DESKTOP[1], **options):
        pages.append(Opened(browser, (address, "data:"), viewport={"width": width, "height": height}, **options))
        page = pages[-1].page
        page.goto(address)
        return page

    yield open_page
    for found in pages:
        found.context.close()
    assert [wrong for found in pages for wrong in found.wrong if REFUSED not in wrong] == []


def expect(locator):
    """playwright's; imported here, so that without it these tests are skipped like the others."""
    from playwright.sync_api import expect as expecting

    return expecting(locator)


def give(page, *photos: Path):
    page.locator("#files").set_input_files(photos)


def restored(page, words: str):
    expect(page.locator("#outcome")).to_have_text(words, timeout=WAIT_MS)
    expect(page.locator("#busy")).to_be_hidden(timeout=WAIT_MS)
    expect(page.locator(".closer canvas").first).to_be_visible()


def fetched(page, link: str) -> tuple[str, bytes]:
    """Name and content of a download."""
    with page.expect_download() as waiting:
        page.locator(link).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def commands(folder, monkeypatch, *options: str) -> tuple[bytes, bytes]:
    """Picture and record as the command writes them, of the photo in the folder that it runs in."""
    monkeypatch.chdir(folder)
    out = folder / "_".join(["out", *options])
    arguments = ["Three faces.JPG", "-o", str(out), "--weights", str(folder / "models/hr"), *options]
    assert cli.main(arguments) == 0
    return (out / "Three faces.JPG").read_bytes(), (out / "Three faces.JPG.json").read_bytes()


def stage(page) -> np.ndarray:
    return pixels_of(page.locator(".stage").screenshot())


def halves(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right of the middle, clear of the line and the labels."""
    height, width = picture.shape[:2]
    return picture[height // 4 :, : int(0.4 * width)], picture[height // 4 :, int(0.6 * width) :]


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.abs(one - other).max() < 3


def test_a_photo_goes_in_and_the_file_comes_out_as_the_commands(opened, folder, monkeypatch):
    page = opened()
    give(page, folder / "Three faces.JPG")
    restored(page, "3 of 3 faces restored.")
    picture, record = commands(folder, monkeypatch)
    assert fetched(page, "#download") == ("Three faces.JPG", picture)
    assert fetched(page, "#record") == ("Three faces.JPG.json", record)
    assert picture != (folder / "Three faces.JPG").read_bytes()


def test_the_line_shows_before_and_after_by_keyboard_and_mouse(opened, folder):
    page = opened()
    give(page, folder / "Three faces.JPG")
    restored(page, "3 of 3 faces restored.")
    page.get_by_label("Show faces found").uncheck()
    line = page.get_by_label("Before and after")
    line.focus()
    page.keyboard.press("Home")
    after = halves(stage(page))
    page.keyboard.press("End")
    before = halves(stage(page))
    assert line.get_attribute("aria-valuetext") == "100 % before, 0 % after"
    assert not same(before[0], after[0])
    assert not same(before[1], after[1])
    box = page.locator(".stage").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    page.mouse.up()
    assert abs(int(line.input_value()) - 50) <= 1
    left, right = halves(stage(page))
    assert same(left, before[0])
    assert same(right, after[1])


def test_a_face_is_looked_at_closer_and_moved_by_keys(opened, folder):
    page = opened()
    give(page, folder / "Three faces.JPG")
    restored(page, "3 of 3 faces restored.")
    assert page.locator(".box").count() == page.locator(".closer").count() == 3
    for canvas in page.locator(".closer canvas").all():
        assert pixels_of(canvas.screenshot()).std() > 10
    whole, zoom = stage(page), page.get_by_label("Zoom")
    page.locator(".closer").first.press("Enter")
    assert float(zoom.input_value()) > 0
    near = stage(page)
    assert not same(whole, near)
    page.locator(".stage").focus()
    page.keyboard.press("ArrowLeft")
    assert not same(stage(page), near)
    at_first = float(zoom.input_value())
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.press("-")
    assert float(zoom.input_value()) > at_first
    page.get_by_role("button", name="Whole photo").click()
    assert zoom.input_value() == "0"
    zoom.focus()
    page.keyboard.press("ArrowRight")
    assert zoom.get_attribute("aria-valuetext") == "1.1 times"


def test_it_is_restored_again_with_another_strength_and_the_faces_that_are_chosen(opened, folder, monkeypatch):
    page = opened()
    give(page, folder / "Three faces.JPG")
    restored(page, "3 of 3 faces restored.")
    again, faces = page.get_by_role("button", name="Restore again"), page.locator("#faces input")
    assert again.is_disabled()  # nothing is asked for that is not there
    for face in faces.all():
        face.press("Space")
    assert again.is_disabled()
    expect(page.locator("#hint")).to_have_text("Choose a face.")
    faces.nth(1).check()
    page.get_by_label("Strength").focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#percent")).to_have_text("60 %")
    again.click()
    restored(page, "1 of 3 faces restored.")
    expect(page.locator("#faces li").first).to_contain_text("left alone: not among the faces that were asked for")
    picture, record = commands(folder, monkeypatch, "--strength", "0.6", "--faces", "1")
    assert fetched(page, "#download") == ("Three faces.JPG", picture)
    assert fetched(page, "#record") == ("Three faces.JPG.json", record)


def test_what_is_no_photo_or_too_large_is_refused_with_a_sentence_and_the_others_are_done(opened, folder):
    page = opened()
    give(page, *(folder / name for name in ("notes.jpg", "many bytes.tif", "many pixels.ppm", "nobody.png")))
    restored_ = page.locator("#photos .state")
    expect(restored_).to_have_text("no face found", timeout=WAIT_MS)
    said = page.locator("#messages li span")
    expect(said).to_have_count(3)
    assert sorted(said.all_inner_texts()) == [
        "many bytes.tif: 600 MB, and the page takes photos of up to 500 MB",
        "many pixels.ppm: 20,000 x 20,000 pixels: more pixels than the 250,000,000 that are read, in some 4 GB of memory: "
        "save it smaller",
        "notes.jpg: text and not an image, beginning with 'no photo at all'",
    ]
    page.locator("#messages button").first.click()
    expect(said).to_have_count(2)
    expect(page.locator("#remarks li")).to_have_text("no face found of 20 px and a score of 0.7 or more")
    assert fetched(page, "#download") == ("nobody.png", (folder / "nobody.png").read_bytes())
    page.get_by_role("button", name="Remove nobody.png").click()
    expect(page.locator("#photos li")).to_have_count(0)
    expect(page.locator("#shown")).to_be_hidden()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_width_and_what_a_restored_face_is_stays_in_view(opened, folder, screen, scheme):
    page = opened(*screen, color_scheme=scheme)

    def fits():
        assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]
        for place in ("0", "document.documentElement.scrollHeight"):
            page.evaluate(f"window.scrollTo(0, {place})")
            expect(page.locator("#identity")).to_have_text(IDENTITY)
            box = page.locator("#identity").bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= screen[1] + 1

    fits()
    give(page, folder / "Three faces.JPG", folder / "notes.jpg", folder / "nobody.png")
    restored(page, "3 of 3 faces restored.")
    expect(page.locator("#messages li")).to_have_count(1)
    fits()
    assert page.locator(".stage").bounding_box()["height"] >= 160
    ground = pixels_of(page.screenshot())[1, 1].mean()
    assert ground > 200 if scheme == "light" else ground < 60


def test_the_keyboard_reaches_everything_and_is_seen(opened, folder):
    page = opened(color_scheme="dark")
    give(page, folder / "Three faces.JPG")
    restored(page, "3 of 3 faces restored.")
    page.get_by_label("Strength").fill("50")
    reached = {}
    page.evaluate("document.activeElement.blur()")
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(({id, dataset, className}) => id || dataset.of || className.split(' ')[0])(document.activeElement)"
        )
        outlines = page.evaluate(
            "[document.activeElement, document.activeElement.parentElement].map(one => getComputedStyle(one).outlineStyle)"
        )
        reached[name] = outlines != ["none", "none"]
    expected = {"end", "files", "choose", "away", "stage", "line", "zoom", "boxes", "download", "record", "closer"}
    expected |= {"strength", "upscale", "force", "again"}
    assert expected <= reached.keys()
    assert all(reached[name] for name in expected)


def test_a_photo_dropped_on_the_page_is_taken_and_a_page_opened_anew_shows_it(opened, folder):
    page = opened()
    data = (folder / "nobody.png").read_bytes()
    transfer = page.evaluate_handle(
        "bytes => { const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(bytes)], 'dropped.png')); return data; }",
        list(data),
    )
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    expect(page.locator("#photos .name")).to_have_text("dropped.png", timeout=WAIT_MS)
    expect(page.locator("#photos .state")).to_have_text("no face found", timeout=WAIT_MS)
    other = opened()
    expect(other.locator("#name")).to_have_text("dropped.png")


def test_it_ends_from_the_page_and_says_so(browser, folder):
    own = Started(folder / "other temporary", "--weights", folder / "models/hr")
    found = Opened(browser, (urlunsplit(own.address),))
    found.page.goto(urlunsplit(own.address))
    give(found.page, folder / "nobody.png")
    expect(found.page.locator("#photos .state")).to_have_text("no face found", timeout=WAIT_MS)
    found.page.once("dialog", lambda dialog: dialog.accept())
    found.page.get_by_role("button", name="End and delete").click()
    expect(found.page.locator(".ended[role=alert]")).to_contain_text("what it held is deleted")
    assert own.ended()[0] == 0
    assert list(own.temporary.iterdir()) == []
    assert found.wrong == []
    found.context.close()
