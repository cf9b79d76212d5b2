"""What the report is made of: sections and the blocks in them. HTML, Markdown and the files beside come from these alone.

A block is a `Grid` or one of the classes here and in printed.py, teaser.py, strips.py, samples.py and extremes.py. Both
templates hold one macro per block class, named as the class is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.report.blocks.grid import Grid


class Block:
    """Anything in a section that is no table."""

    def figures(self) -> dict[str, bytes]:
        """Files for reports/figures, by name: what report.md shows of this block."""
        return {}


@dataclass(frozen=True)
class Text(Block):
    """The report's own sentences: paragraphs, or the items of a list. **strong**, *emphasis* and `code` are markup."""

    sentences: list[str]
    listed: bool = False


@dataclass(frozen=True)
class Heading(Block):
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Picture(Block):
    """A drawing as PNG, <name>_light.png and, where there is one, <name>_dark.png. alt: for those who do not see it."""

    name: str
    alt: str
    light: bytes
    dark: bytes | None = None
    caption: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, bytes]:
        dark = {f"{self.name}_dark.png": self.dark} if self.dark else {}
        return {f"{self.name}_light.png": self.light, **dark}


@dataclass(frozen=True)
class Source(Block):
    """A whole text file behind a line to open it with. language: as code fences name it."""

    name: str
    text: str
    language: str


@dataclass(frozen=True)
class Document(Block):
    """Markdown of paragraphs and lists, with **strong**, *emphasis* and `code`; in HTML rendered, in Markdown as it is."""

    text: str


@dataclass(frozen=True)
class Folded(Block):
    """Blocks behind a line to open them with."""

    title: str
    blocks: list[Block | Grid]


@dataclass(frozen=True)
class PageSection:
    """A part of the report with its heading. id: its address on the page. beside: tables that are only written as files."""

    id: str
    title: str
    blocks: list[Block | Grid]
    beside: list[Grid] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """The whole report. about: what it is; warnings: what a reader must know before any figure; first: its first screen."""

    title: str
    about: str
    warnings: list[str]
    first: list[Block]
    sections: list[PageSection]

    @property
    def grids(self) -> list[Grid]:
        """Every table, in files if not on the page."""
        shown = [block for block in self._blocks if isinstance(block, Grid)]
        return shown + [grid for section in self.sections for grid in section.beside]

    @property
    def figures(self) -> dict[str, bytes]:
        """Every file for reports/figures, by name."""
        blocks = [block for block in self._blocks if isinstance(block, Block)]
        return {name: data for block in blocks for name, data in block.figures().items()}

    @property
    def _blocks(self) -> Iterator[Block | Grid]:
        return _unfolded([*self.first, *(block for section in self.sections for block in section.blocks)])


def _unfolded(blocks: list[Block | Grid]) -> Iterator[Block | Grid]:
    """All blocks, those that are folded away too."""
    for block in blocks:
        yield from _unfolded(block.blocks) if isinstance(block, Folded) else [block]
