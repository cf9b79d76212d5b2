"""The page as a whole: self-contained, the same each time, honest about what it is, readable without eyes."""

import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report.conftest import copied

from pipeline.report.page import page as page_module
from pipeline.report.page.page import html_data, html_document, html_prose, markdown_data
from pipeline.report.results import ReportError
from pipeline.store import paths
from pipeline.store.files import write_json

VOID = {"meta", "img", "source", "br", "input"}
PARTS = [
    *("run", "tables", "faces", "extremes", "cost", "networks-section", "training", "figures", "slices", "conventions"),
    *("images", "rules", "draws", "environment", "absent", "deviations"),
]


class Reader(HTMLParser):
    """Collects tags with their attributes and checks that they nest."""

    def __init__(self):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def all(self, *names: str) -> list[dict]:
        return [attrs for tag, attrs in self.tags if tag in names]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert not reader._open
    return reader


def test_html_loads_nothing(pages):
    _, html = pages
    page = read(html)
    loads = [attrs.get("src") or attrs.get("srcset") for attrs in page.all("img", "source")]
    assert loads
    assert all(re.match(r"data:image/(png|jpeg|webp);base64,", load) for load in loads)
    assert not page.all("link", "iframe")
    assert page.all("script") == [{}]
    assert all(attrs["href"].startswith("#") for attrs in page.all("a"))
    style = html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    script = html.split("<script>")[1].split("</script>")[0]
    assert not re.search(r"https?:|fetch|XMLHttpRequest|import|eval", script)


def test_html_is_semantic(pages):
    _, html = pages
    page = read(html)
    assert all(attrs.get("alt") for attrs in page.all("img"))
    assert all(attrs.get("scope") in ("row", "col", "rowgroup") for attrs in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in page.all("a")} <= set(ids)
    for pointer in ("aria-labelledby", "for", "data-strip"):
        assert {attrs[pointer] for _, attrs in page.tags if pointer in attrs} <= set(ids)
    assert {attrs["id"] for attrs in page.all("select", "input")} == {attrs["for"] for attrs in page.all("label")}
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert "prefers-color-scheme: dark" in html


def test_headings_are_in_order_and_landmarks_are_there(pages):
    page = read(pages[1])
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in itertools.pairwise(levels))
    assert [len(page.all(name)) for name in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    assert page.all("a")[0]["href"] == "#content"
    contents = [attrs["href"][1:] for attrs in page.all("a")[1:] if attrs["href"][1:] in PARTS]
    assert contents[: len(PARTS)] == PARTS
    assert [attrs["id"] for attrs in page.all("section")] == PARTS


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *itertools.product(("ink", "soft", "link", "mark"), ("ground", "band")),
        ("ground", "mark"),  # the mark of a removed face
    ],
)
def test_text_stands_out_from_its_ground(scheme, ink, ground):
    """WCAG 2.1, 1.4.3: a contrast of at least 4.5 for text of any size."""
    style = Path(page_module.__file__).with_name("style.css").read_text()
    colours = [
        dict(re.findall(r"--(\w+): #(\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    light, dark = colours
    assert light.keys() == dark.keys()
    of_scheme = {"light": light, "dark": dark}[scheme]
    one, other = sorted((luminance(of_scheme[ink]), luminance(of_scheme[ground])))
    assert (other + 0.05) / (one + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance of a colour RRGGBB, as WCAG 2.1 defines it."""
    values = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_both_forms_have_the_same_sections_tables_and_figures(pages, reports):
    markdown, html = pages
    assert re.findall(r"^## (.*)$", markdown, re.MULTILINE) == re.findall(r"<h2 [^>]*>(.*?)</h2>", html)
    assert len(re.findall(r"^\| :--", markdown, re.MULTILINE)) == html.count("<table>")
    shown = set(re.findall(r"\]\(figures/(.*?)\)", markdown))
    files = {file.name for file in (reports / "figures").iterdir()}
    assert shown == {name for name in files if not name.endswith("_dark.png")}


def test_the_page_says_its_size(pages):
    _, html = pages
    told = float(re.search(r"one file of about ([\d.]+) MB", html).group(1))
    assert told == pytest.approx(len(html.encode()) / 1e6, abs=0.06)


def outputs(project) -> dict[Path, bytes]:
    """What the report writes, by its place in the project's folder."""
    project.build()
    files = [paths.REPORTS / "report.md", paths.REPORTS / "report.html"]
    files += [*(paths.REPORTS / "figures").iterdir(), *(paths.REPORTS / "tables").iterdir()]
    return {file: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def drawn(written, tmp_path_factory) -> dict[Path, bytes]:
    """The outputs with every figure drawn, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        return outputs(copied(written, tmp_path_factory.mktemp("drawn"), patch))


@pytest.mark.middle
def test_the_same_inputs_give_the_same_bytes(drawn, drawn_project, tmp_path_factory):
    assert {file.suffix for file in drawn} == {".md", ".html", ".png", ".csv"}
    assert outputs(drawn_project) == drawn  # also in another folder
    assert not any(str(tmp_path_factory.getbasetemp()).encode() in data for data in drawn.values())


@pytest.mark.middle
def test_the_demo_says_what_it_is_and_other_profiles_do_not(project):
    for text in project.build(profile="demo"):
        assert "They say nothing about the paper’s networks" in text
        assert "no evidence of anybody’s identity" in text
    for text in project.build(profile="paper"):
        assert "This is the demo" not in text
        assert "no evidence of anybody’s identity" in text


def test_one_training_run_or_the_mean_of_several_is_said(project, pages):
    assert "comes from one training run (seed 0)" in pages[0]
    project.seeds = [0, 3]
    assert "the mean of 2 training runs (seeds 0, 3)" in project.build()[0]


def test_counts_stand_beside_the_papers_with_the_reasons_of_rejection(pages):
    markdown, _ = pages
    helen = next(row for row in markdown.splitlines() if row.startswith("| Helen<br>AGRNet, test"))
    assert helen.endswith("| 3 | 3 | 3 | 7 | 4 | 3 | 3 | 3 | 50 |")
    assert "| Helen | crop | unreadable | 2 |" in markdown
    for count in ("about 179,000", "70,000", "2,824", "1,084"):
        assert f"| {count} |" in markdown


def test_what_was_not_computed_is_listed_with_its_reason(pages):
    markdown, html = pages
    assert "| FID | everything | inception weights are not there: switched off |" in markdown
    assert r"| L_pc in training | hr | vgg16 weights are not there: no \| network \<here\> |" in markdown
    assert "no | network &lt;here&gt;" in html


@pytest.mark.middle
def test_a_perceptual_network_that_stands_in_is_told(project, pages):
    said = "The perceptual loss L_pc looks through vgg16, which stands in for the paper's VGG19."
    assert said not in pages[0]
    card = paths.MODELS / "hr/card.json"
    trunk = {"perceptual_trunk": "vgg16, which stands in for the paper's VGG19"}
    write_json(card, json.loads(card.read_text()) | trunk)
    assert said in project.build()[0]


def test_training_and_networks_are_told(pages):
    markdown, _ = pages
    assert "**Training of AGRNet-HR on 3 images of 32 px**" in markdown
    assert "| hr | 4 | 8 | -1.5000 | 0.2500 | 2.0000 |" in markdown
    assert "| agrnet_baseline<br>AGRNet | model: activation relu, attention off | 16 | 10 | 0.123 | 0.500 |" in markdown
    assert "| hr<br>AGRNet-HR | nothing: the model itself | 8, 12, 16, 24 | 4 | 0.123 | 0.500 |" in markdown


@pytest.mark.parametrize(
    ("missing", "stage"),
    [
        ("reports/metrics/hr/evaluate.json", "evaluate@hr"),
        ("data/evaluate/bicubic/absent.json", "bicubic"),
        ("models/agrnet/card.json", "train@agrnet"),
        ("reports/curves/agrnet", "train@agrnet"),
        ("reports/metrics/data/ffhq/filter.json", "filter@ffhq"),
        ("data/filter/real/samples.parquet", "filter@real"),
        ("data/pairs/blind/train/degrade/ffhq/manifest.parquet", "degrade@ffhq"),
        ("data/pairs/blind/train/resize/ffhq/manifest.parquet", "resize@ffhq"),
        ("data/ingest/celeba/manifest.parquet", "ingest@celeba"),
        ("data/pairs/x8/test/degrade/helen/manifest.parquet", "degrade@helen"),
        ("data/infer/agrnet/seed_0/helen/manifest.parquet", "infer@agrnet"),
        ("reports/metrics/agrnet/cost.json", "infer@agrnet"),
    ],
)
def test_a_missing_input_names_its_stage(project, missing, stage):
    path = project.root / missing
    path.rename(path.with_name("gone"))
    with pytest.raises(ReportError, match=rf"{missing} is missing: .*dvc repro {stage}\)"):
        project.build()


def test_text_from_elsewhere_is_no_markup():
    assert str(html_data("<b> & w/o L_px")) == "&lt;b&gt; &amp; w/o L<sub>px</sub>"
    assert str(html_prose("**a** <b> *c*")) == "<strong>a</strong> &lt;b&gt; <em>c</em>"
    assert str(html_prose("`x*y*<z>` L_px")) == "<code>x*y*&lt;z&gt;</code> L<sub>px</sub>"
    assert markdown_data("a|b\n*c*") == r"a\|b \*c\*"


def test_a_document_is_paragraphs_and_lists():
    text = "First\nline.\n\n- **a** one\n  goes on\n- two <b>\n\nLast."
    assert str(html_document(text)).splitlines() == [
        "<p>First line.</p>",
        *("<ul>", "<li><strong>a</strong> one goes on</li>", "<li>two &lt;b&gt;</li>", "</ul>"),
        "<p>Last.</p>",
    ]


@pytest.mark.middle
def test_the_report_needs_no_torch():
    code = "import sys, pipeline.report.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.middle
def test_no_date_and_no_program_stands_in_the_pictures(drawn):
    for file, data in drawn.items():
        if file.suffix == ".png":
            chunks = re.findall(rb"tEXt|iTXt|tIME|zTXt", data[:4096])
            assert not chunks, file
