"""A picture as SVG: boxes of a kind, words, lines; readable on light and dark pages. The same calls give the same bytes."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH = 800
# fill and line of each kind, (light, dark): far enough from the words' colour, and apart in lightness or hue for all eyes.
COLOURS = {
    "down": (("#cfe4f8", "#1f6fb2"), ("#17395a", "#6fb1ea")),
    "extract": (("#d3ecd2", "#2c8038"), ("#173d20", "#6cc57a")),
    "up": (("#fde0bf", "#b8620a"), ("#4d2f0d", "#eda65a")),
    "attention": (("#e5daf6", "#7548b3"), ("#37245a", "#b493ea")),
    "activation": (("#fbd8e2", "#bd3565"), ("#511f34", "#ee8db0")),
    "judge": (("#cdeeee", "#0f7a83"), ("#0f3d42", "#5cc8d1")),
    "conv": (("#dfe5ec", "#55667a"), ("#2b3542", "#9fb0c3")),
    "plain": (("#f3f5f7", "#8793a0"), ("#1b222b", "#77838f")),
    "image": (("#ffffff", "#24292f"), ("#0d1117", "#e6edf3")),
}
PAGE = {  # the same for what is no box
    "paper": ("fill:#ffffff", "fill:#0d1117"),
    "panel": ("fill:none;stroke:#d0d7de", "fill:none;stroke:#3d444d"),
    "text": ("fill:#1f2328", "fill:#e6edf3"),
    ".quiet": ("fill:#59636e", "fill:#9aa5b1"),
    "flow": ("stroke:#3b4652", "stroke:#b3bfcb"),
    "skip": ("stroke:#3b4652", "stroke:#b3bfcb"),
    "head": ("fill:#3b4652", "fill:#b3bfcb"),
    "sign": ("fill:#ffffff;stroke:#3b4652", "fill:#0d1117;stroke:#b3bfcb"),
    "frame": ("stroke:#8793a0", "stroke:#77838f"),
    "bracket": ("stroke:#8793a0", "stroke:#77838f"),
}
FIXED = """text{font-family:-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.bold{font-weight:600}
.box{stroke-width:1.5}
.panel{stroke-width:1}
.flow,.skip{fill:none;stroke-width:1.6}
.sign{stroke-width:1.6}
.frame,.bracket{fill:none;stroke-width:1.5}
.frame{stroke-dasharray:5 4}
"""
CORNER = 7  # radius of a line's corners
SIGN_RADIUS = 7


class Drawing:
    """Collects what is drawn, 800 units wide, y downwards. title and description are for who cannot see it."""

    def __init__(self, title: str, description: str):
        self.title = title
        self.description = description
        self._parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """A rounded rectangle with its upper left corner at (x, y)."""
        size = f'width="{_n(width)}" height="{_n(height)}"'
        self._parts.append(f'<rect class="box {kind}" x="{_n(x)}" y="{_n(y)}" {size} rx="{_n(min(5, height / 5))}"/>')

    def taper(self, x: float, y: float, height: float, widths: tuple[float, float], kind: str) -> None:
        """A box around the middle x that is widths[0] wide at the top and widths[1] at the bottom."""
        top, bottom = (width / 2 for width in widths)
        points = [(x - top, y), (x + top, y), (x + bottom, y + height), (x - bottom, y + height)]
        listed = " ".join(f"{_n(a)},{_n(b)}" for a, b in points)
        self._parts.append(f'<polygon class="box {kind}" points="{listed}" stroke-linejoin="round"/>')

    def frame(self, x: float, y: float, width: float, height: float, look: str = "frame") -> None:
        """An empty rounded rectangle: dashed for what is repeated ("frame"), thin around a part of a picture ("panel")."""
        size = f'width="{_n(width)}" height="{_n(height)}"'
        self._parts.append(f'<rect class="{look}" x="{_n(x)}" y="{_n(y)}" {size} rx="9"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int = 16,
        anchor: str = "start",
        bold: bool = False,
        quiet: bool = False,
    ) -> None:
        """Words on the base line y; "_{...}" is set as a subscript. anchor: what of them is at x, start, middle or end."""
        look = " ".join(name for name, given in (("bold", bold), ("quiet", quiet)) if given)
        attributes = f'x="{_n(x)}" y="{_n(y)}" font-size="{size}"'
        attributes += f' text-anchor="{anchor}"' if anchor != "start" else ""
        attributes += f' class="{look}"' if look else ""
        self._parts.append(f"<text {attributes}>{_with_subscripts(words, size)}</text>")

    def line(self, points: Sequence[tuple[float, float]], look: str = "flow", arrow: bool = True) -> None:
        """A line with rounded corners over the points. look: "flow", "skip" for a connection past a block, or "bracket"."""
        end = ' marker-end="url(#head)"' if arrow else ""
        self._parts.append(f'<path class="{look}" d="{_path(points)}"{end}/>')

    def sign(self, x: float, y: float, operation: str) -> None:
        """A circled plus ("add") or cross ("mul") around (x, y)."""
        r = SIGN_RADIUS
        a = r if operation == "add" else r * 0.7071
        bars = f"M{_n(x - a)} {_n(y)}H{_n(x + a)}M{_n(x)} {_n(y - a)}V{_n(y + a)}"
        if operation == "mul":
            bars = f"M{_n(x - a)} {_n(y - a)}L{_n(x + a)} {_n(y + a)}M{_n(x - a)} {_n(y + a)}L{_n(x + a)} {_n(y - a)}"
        self._parts.append(f'<circle class="sign" cx="{_n(x)}" cy="{_n(y)}" r="{r}"/><path class="flow" d="{bars}"/>')

    def dot(self, x: float, y: float) -> None:
        """Where a line leaves another."""
        self._parts.append(f'<circle class="head" cx="{_n(x)}" cy="{_n(y)}" r="2.6"/>')

    def svg(self, height: float) -> str:
        """The file's text."""
        opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {_n(height)}" width="{WIDTH}" '
        opening += f'height="{_n(height)}" role="img" aria-labelledby="title description">'
        words = f'<title id="title">{escape(self.title)}</title>\n'
        words += f'<desc id="description">{escape(self.description)}</desc>'
        head = '<path class="head" d="M0 0L8 4L0 8Z"/>'
        marker = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        marker += f'markerUnits="userSpaceOnUse" orient="auto">{head}</marker>'
        # A ground of its own: a page's theme need not be the one that the browser tells pictures of.
        paper = f'<rect class="paper" width="{WIDTH}" height="{_n(height)}" rx="10"/>'
        parts = [opening, words, f"<style>{_style()}</style>", f"<defs>{marker}</defs>", paper, *self._parts, "</svg>"]
        return "\n".join(parts) + "\n"


def _style() -> str:
    light, dark = (_rules(theme) for theme in (0, 1))
    return f"{FIXED}{light}@media (prefers-color-scheme:dark){{\n{dark}}}\n"


def _rules(theme: int) -> str:
    kinds = [f".{kind}{{fill:{pair[theme][0]};stroke:{pair[theme][1]}}}\n" for kind, pair in COLOURS.items()]
    page = [f"{_selector(name)}{{{pair[theme]}}}\n" for name, pair in PAGE.items()]
    return "".join(kinds + page)


def _selector(name: str) -> str:
    return name if name == "text" or name.startswith(".") else f".{name}"


def _with_subscripts(words: str, size: int) -> str:
    pieces = re.split(r"_\{(.*?)\}", words)
    drop = _n(size * 0.25)
    out = escape(pieces[0])
    for subscript, rest in zip(pieces[1::2], pieces[2::2], strict=True):
        out += f'<tspan dy="{drop}" font-size="{_n(size * 0.8)}">{escape(subscript)}</tspan>'
        out += f'<tspan dy="-{drop}">{escape(rest)}</tspan>' if rest else ""
    return out


def _path(points: Sequence[tuple[float, float]]) -> str:
    path = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (ax, ay), (bx, by) = _towards(corner, before), _towards(corner, after)
        path += f"L{_n(ax)} {_n(ay)}Q{_n(corner[0])} {_n(corner[1])} {_n(bx)} {_n(by)}"
    return path + f"L{_n(points[-1][0])} {_n(points[-1][1])}"


def _towards(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """The point a corner's radius from start towards end, along x or y; no further than half way."""
    (x, y), (to_x, to_y) = start, end
    length = abs(to_x - x) + abs(to_y - y)
    share = min(CORNER, length / 2) / length
    return x + (to_x - x) * share, y + (to_y - y) * share


def _n(number: float) -> str:
    return f"{round(number, 1):g}"
