"""The page: what it shows, and its two forms. HTML is one file that loads nothing from anywhere."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report import prose
from pipeline.report.grid import Grid
from pipeline.report.results import MODELS, Run
from pipeline.report.strips import Strip, png

SYMBOL = re.compile(r"\b([LD])_(\w+)")


@dataclass(frozen=True)
class Page:
    """All parts of the report in their order.

    curves: model -> ground -> PNG. papers: Tables 2 to 7. left_out: captions of those without a variant here.
    """

    run: Run
    strips: list[Strip]
    curves: dict[str, dict[str, bytes]]
    papers: list[Grid]
    left_out: list[str]
    counts: list[Grid]
    networks: list[Grid]
    trainings: list[Grid]
    figures: list[Grid]
    absent: list[Grid]

    @property
    def grids(self) -> list[Grid]:
        """Every table."""
        return [
            *self.papers,
            *self.counts,
            *self.networks,
            *self.trainings,
            *self.figures,
            *self.absent,
        ]


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
    environment.filters |= {"data": html_data, "prose": html_prose, "uri": data_uri, "png": png}
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


def data_uri(data: bytes) -> str:
    """A PNG as an address that carries its content."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
