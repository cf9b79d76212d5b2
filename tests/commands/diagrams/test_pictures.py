"""The pictures show the networks as they are, and can be read."""

import functools
import re
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from PIL import ImageFont
from small_networks import TINY, TINY_HR
from tests_root import ROOT

from pipeline.commands.diagrams.__main__ import PROFILE
from pipeline.commands.diagrams.draw import draw_agrnet, draw_agrnet_hr, draw_units, pictures
from pipeline.commands.diagrams.svg import COLOURS, PAGE
from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.networks.units.aru import ARU
from pipeline.params.file import parse

PUBLISHED = ("agrnet", "aru", "agrnet_hr")
BASELINE = {"activation": "relu", "attention": False}


@functools.cache
def published() -> dict[str, str]:
    return pictures(parse(ROOT / PROFILE))


# Networks this small are run sooner than followed on the device "meta", as the published ones are.
@functools.cache
def agrnet(**changes) -> str:
    return draw_agrnet(AGRNet(**TINY | changes).eval(), 32, 8)


@functools.cache
def units(**changes) -> str:
    return draw_units(AGRNet(**TINY | changes).eval(), 32)


@functools.cache
def agrnet_hr(scales: int = 3, **changes) -> str:
    return draw_agrnet_hr(AGRNetHR(**TINY_HR | changes).eval(), MultiScaleDiscriminator(scales, 4, 2).eval(), 64)


PICTURES = {
    **{name: lambda name=name: published()[name] for name in PUBLISHED},
    "agrnet_tiny": agrnet,
    "agrnet_deep": lambda: agrnet(num_arus=12, **BASELINE),
    "units_tiny": units,
    "units_baseline": lambda: units(**BASELINE),
    "units_acon": lambda: units(attention=False),
    "units_gam": lambda: units(activation="relu"),
    "agrnet_hr_tiny": lambda: agrnet_hr(norm="instance"),
    "agrnet_hr_baseline": lambda: agrnet_hr(1, **BASELINE),
}


def words(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in elements(svg, "text")]


def elements(svg: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


@pytest.mark.middle
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_committed_pictures_are_those_of_the_networks(name):
    committed = (ROOT / f"reports/examples/{name}.svg").read_bytes()
    assert committed == published()[name].encode(), "the networks or the drawing have changed: run make diagrams"


@pytest.mark.middle
def test_numbers_of_the_network_are_read_from_it():
    assert "10 × ARU" in words(published()["agrnet"])
    assert {"3 × ARU", "20", "7"} <= set(words(agrnet(num_arus=3, width=20, head_width=7)))
    assert not any("×" in w and "ARU" in w for w in words(agrnet(num_arus=1)))
    assert agrnet(attention=False) != agrnet() != agrnet(activation="relu")
    assert "12→3" in words(agrnet_hr(widths=(8, 10, 12, 24)))


@pytest.mark.middle
def test_a_unit_shows_the_layers_that_it_has():
    assert {"meta-ACON", "GAM", "GAM, channel map", "GAM, spatial map"} <= set(words(units()))
    assert words(units()).count("meta-ACON") == 3 * 2 + 1  # two in each unit, and the panel of its own
    relu = words(units(activation="relu"))
    assert (relu.count("ReLU"), relu.count("meta-ACON")) == (3 * 2 + 2, 0)  # GAM has two of its own
    assert not {"GAM", "sigmoid", "144→1"} & set(words(units(**BASELINE)))
    assert words(units()).count("nearest ×2") == 2  # of UARU: in its residual branch and its shortcut
    assert sum(w.endswith("/2") for w in words(units())) == 2  # of DARU: the same two places


def test_the_connection_past_a_unit_is_drawn_only_where_it_is_computed(monkeypatch):
    def plus_signs(svg):
        return sum(circle.get("class") == "sign" for circle in elements(svg, "circle"))

    assert plus_signs(agrnet()) == 7  # three units down, one, three up
    monkeypatch.setattr(ARU, "forward", lambda self, x: self.residual(x))
    assert plus_signs(agrnet.__wrapped__()) == 0


def test_every_image_has_the_discriminator_that_judges_it():
    three, one = words(agrnet_hr()), words(agrnet_hr(scales=1))
    assert [w for w in three if re.match(r"D\d", w)] == ["D1: 2×2 scores", "D2: 6×6 scores", "D3: 14×14 scores"]
    assert [w for w in one if re.match(r"D\d", w)] == ["D1: 14×14 scores"]
    assert one.count("ISR") == three.count("ISR") == 3


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_said_in_words_and_has_a_dark_form(name):
    svg = PICTURES[name]()
    assert elements(svg, "title")[0].text
    assert len(elements(svg, "desc")[0].text) > 20
    assert "@media (prefers-color-scheme:dark)" in svg
    styled = set(re.findall(r"\.([a-z]+)\{", svg))
    used = {name for element in ElementTree.fromstring(svg).iter() for name in element.get("class", "").split()}
    assert used <= styled


@pytest.mark.parametrize("theme", [0, 1])
def test_words_stand_out_from_what_they_stand_on(theme):
    text, quiet, paper = (PAGE[name][theme].removeprefix("fill:") for name in ("text", ".quiet", "paper"))
    for fill, _ in (pair[theme] for pair in COLOURS.values()):
        assert contrast(text, fill) > 7
    assert contrast(quiet, paper) > 4.5  # WCAG 2.1, 1.4.3
    assert all(contrast(line, paper) > 3 for _, line in (pair[theme] for pair in COLOURS.values()))  # 1.4.11


def contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


Span = tuple[float, float, float, float]  # left, top, right, bottom


@functools.cache
def font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    # The widest of the fonts that a reader is likely to have.
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return ImageFont.truetype(folder / f"DejaVuSans{'-Bold' if bold else ''}.ttf", size)


def span(text: ElementTree.Element) -> Span:
    size, bold = float(text.get("font-size")), "bold" in text.get("class", "")
    width = font(size, bold).getlength(text.text or "")
    drop = 0.0
    for part in text:
        width += font(float(part.get("font-size", size)), bold).getlength(part.text or "")
        drop = max(drop, float(part.get("dy", 0)))
    x, y = float(text.get("x")), float(text.get("y"))
    left = x - width * {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor", "start")]
    return left, y - 0.75 * size, left + width, y + drop + 0.1 * size


def overlap(a: Span, b: Span) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def within(a: Span, b: Span) -> bool:
    return b[0] <= a[0] and a[2] <= b[2] and b[1] <= a[1] and a[3] <= b[3]


def boxes(svg: str) -> list[Span]:
    shapes = [rect for rect in elements(svg, "rect") if set(rect.get("class").split()) & {"box", "panel"}]
    sides = [[float(rect.get(key)) for key in ("x", "y", "width", "height")] for rect in shapes]
    found = [(x, y, x + width, y + height) for x, y, width, height in sides]
    for polygon in elements(svg, "polygon"):
        xs, ys = zip(*(map(float, point.split(",")) for point in polygon.get("points").split()), strict=True)
        found.append((min(xs), min(ys), max(xs), max(ys)))
    return found


def line_spans(svg: str) -> list[Span]:
    found = []
    for path in elements(svg, "path"):
        # The corners' control points too: the rounded line lies inside of them.
        points = [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)(?=[A-Z ]|$)", path.get("d"))]
        if path.get("class") in ("flow", "skip") and path.get("marker-end"):
            found += [(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
                      for a, b in pairwise(points)]  # fmt: skip
    return [(left - 1, top - 1, right + 1, bottom + 1) for left, top, right, bottom in found]


@pytest.mark.parametrize("name", PICTURES)
def test_words_are_large_enough_and_keep_clear_of_each_other_and_of_lines(name):
    svg = PICTURES[name]()
    root = ElementTree.fromstring(svg)
    texts = elements(svg, "text")
    sizes = [float(part.get("font-size")) for text in texts for part in (text, *text) if part.get("font-size")]
    assert min(sizes) >= 11
    spans = [(span(text), "".join(text.itertext())) for text in texts]
    _, _, width, height = map(float, root.get("viewBox").split())
    assert width == 800
    assert not [said for text, said in spans if not within(text, (8, 8, width - 8, height - 8))]
    clashes = [(a, b) for (s, a), (t, b) in combinations(spans, 2) if overlap(s, t)]
    assert not clashes
    lines = line_spans(svg)
    assert len(lines) > 10
    assert not [(said, line) for text, said in spans for line in lines if overlap(text, line)]


@pytest.mark.parametrize("name", PICTURES)
def test_words_stay_in_their_boxes_and_boxes_beside_each_other(name):
    svg = PICTURES[name]()
    shapes = boxes(svg)
    for text in elements(svg, "text"):
        across = [box for box in shapes if overlap(span(text), box) and not within(span(text), box)]
        assert not across, "".join(text.itertext())
    for a, b in combinations(shapes, 2):
        assert within(a, b) or within(b, a) or not overlap(a, b)
