"""The page in its two forms. HTML is one file that loads nothing from anywhere."""

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report.blocks.blocks import Page
from pipeline.report.blocks.pictures import data_uri, embedded
from pipeline.report.faces.strips import row_length
from pipeline.report.page import prose
from pipeline.report.tables.paper import INTERVAL

SYMBOL = re.compile(r"\b([LD])_(\w+)")
SIZE = "{size of the page}"  # stands for it until it is known


def write_pages(folder: Path, page: Page) -> None:
    """Write report.html and report.md."""
    for name in ("report.html", "report.md"):
        template = _environment(html=name.endswith("html")).get_template(f"{name}.j2")
        text = template.render(page=page, prose=prose, interval=INTERVAL, size=SIZE)
        text = re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
        text = text.replace(SIZE, f"{len(text.encode()) / 1e6:.1f} MB")
        (folder / name).write_text(text, encoding="utf-8")


@cache  # it keeps what it compiled
def _environment(html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report.page", "."),
        undefined=StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data": html_data, "prose": html_prose, "uri": data_uri, "embedded": embedded}
    environment.filters |= {"name": visible, "kind": kind, "document": html_document, "row_length": row_length}
    if not html:
        environment.filters |= {"data": markdown_data, "prose": str}
    return environment


def kind(block: object) -> str:
    """The name of the macro that shows a block."""
    return type(block).__name__.lower()


def html_data(text: str) -> Markup:
    """Text from elsewhere, escaped; L_px and its like have their index set low, an arrow stays with its metric."""
    marked = SYMBOL.sub(r"\1<sub>\2</sub>", str(escape(text)))
    return Markup(re.sub(r" ([↑↓])", r"&nbsp;\1", marked))


def html_prose(text: str) -> Markup:
    """The report's own sentences with **strong**, *emphasis* and `code`, in which nothing else is markup."""
    parts = re.split(r"`(.+?)`", str(escape(text)))
    for place, part in enumerate(parts):
        if place % 2:
            parts[place] = f"<code>{part}</code>"
        else:
            strong = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", part)
            parts[place] = SYMBOL.sub(r"\1<sub>\2</sub>", re.sub(r"\*(.+?)\*", r"<em>\1</em>", strong))
    return Markup("".join(parts))


def html_document(text: str) -> Markup:
    """Markdown of paragraphs and "- " lists as HTML; what is inside a line is `html_prose`."""
    found = []
    for block in re.split(r"\n{2,}", text.strip()):
        items = [" ".join(item.split()) for item in re.split(r"^- ", block, flags=re.MULTILINE)]
        if items[0]:
            found.append(f"<p>{html_prose(items[0])}</p>")
        if items[1:]:
            found.append("<ul>\n" + "\n".join(f"<li>{html_prose(item)}</li>" for item in items[1:]) + "\n</ul>")
    return Markup("\n".join(found))


def markdown_data(text: str) -> str:
    """Text from elsewhere on one line, in which nothing is markup."""
    return re.sub(r"([\\|*<>`\[\]])", r"\\\1", " ".join(text.split()))


def visible(text: str) -> str:
    """A file's name as it is: what cannot be seen or would move other text is spelled out, such as \\n."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
