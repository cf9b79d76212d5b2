"""The page: what it shows, and its two forms. HTML is one file that loads nothing from anywhere."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report import prose
from pipeline.report.draws import Draws
from pipeline.report.grid import Grid
from pipeline.report.results import MODELS, Run
from pipeline.report.samples import Group, samples_grid
from pipeline.report.strips import Strip, png

SYMBOL = re.compile(r"\b([LD])_(\w+)")


@dataclass(frozen=True)
class Rules:
    """What broke a rule of the filter in a set: how many (None: nothing did), and some of them."""

    key: str
    grid: Grid | None
    groups: list[Group]


@dataclass(frozen=True)
class Spoilt:
    """What Eq. (28) drew for a set, in numbers and as pictures (ground -> PNG)."""

    draws: Draws
    grid: Grid
    pictures: dict[str, bytes]


@dataclass(frozen=True)
class Page:
    """All parts of the report in their order.

    curves: model -> ground -> PNG. papers: Tables 2 to 7. left_out: captions of those without a variant here.
    rules: a part per set. spoilt: a part per set that Eq. (28) degraded.
    """

    run: Run
    strips: list[Strip]
    curves: dict[str, dict[str, bytes]]
    papers: list[Grid]
    left_out: list[str]
    counts: list[Grid]
    rules: list[Rules]
    spoilt: list[Spoilt]
    networks: list[Grid]
    trainings: list[Grid]
    figures: list[Grid]
    absent: list[Grid]

    @property
    def grids(self) -> list[Grid]:
        """Every table, in files if not on the page."""
        return [
            *self.papers,
            *self.counts,
            *(of_set.grid for of_set in self.rules if of_set.grid),
            *([self.samples] if self.samples.lines else []),
            *(of_set.grid for of_set in self.spoilt),
            *self.networks,
            *self.trainings,
            *self.figures,
            *self.absent,
        ]

    @property
    def samples(self) -> Grid:
        """Names and values of the faces that are shown for having broken a rule."""
        return samples_grid({of_set.key: of_set.groups for of_set in self.rules})


def write_pages(folder: Path, page: Page) -> None:
    """Write report.html and report.md."""
    for name in ("report.html", "report.md"):
        template = _environment(html=name.endswith("html")).get_template(f"{name}.j2")
        text = template.render(page=page, run=page.run, prose=prose, models=MODELS)
        (folder / name).write_text(re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n", encoding="utf-8")


def _environment(html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        undefined=StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data": html_data, "prose": html_prose, "uri": data_uri, "png": png, "name": visible}
    if not html:
        environment.filters |= {"data": markdown_data, "prose": str}
    return environment


def html_data(text: str) -> Markup:
    """Text from elsewhere, escaped; L_px and its like have their index set low, an arrow stays with its metric."""
    marked = SYMBOL.sub(r"\1<sub>\2</sub>", str(escape(text)))
    return Markup(re.sub(r" ([↑↓])", r"&nbsp;\1", marked))


def html_prose(text: str) -> Markup:
    """The report's own sentences with **strong** and *emphasis*."""
    strong = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(text)))
    return Markup(re.sub(r"\*(.+?)\*", r"<em>\1</em>", strong))


def markdown_data(text: str) -> str:
    """Text from elsewhere on one line, in which nothing is markup."""
    return re.sub(r"([\\|*<>`\[\]])", r"\\\1", " ".join(text.split()))


def visible(text: str) -> str:
    """A file's name as it is: what cannot be seen or would move other text is spelled out, such as \\n."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def data_uri(data: bytes, kind: str = "png") -> str:
    """A picture as an address that carries its content."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
