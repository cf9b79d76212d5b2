"""Small networks from top to bottom in panels: their layers in the middle, what goes past them left and right."""

from dataclasses import dataclass, field

from pipeline.commands.diagrams.svg import SIGN_RADIUS, WIDTH, Drawing
from pipeline.commands.diagrams.traced import Side, Step
from pipeline.commands.diagrams.words import called, detail, kind, size

PANEL = 256  # a panel's width
LANE = 92  # a box on the left of the main way
LOW, HIGH = 28, 42  # a box of one and of two lines
GAP, WIDE_GAP = 15, 30  # between boxes; where a connection leaves or a symbol stands
START = 88  # from the panel's top to the first arrow
END = 34  # from the last box to the panel's bottom


@dataclass(frozen=True)
class Panel:
    """What is drawn in a panel: the main way, of whose first step only the output counts, and the ways beside it.

    symbols are the paper's, by the name of the step whose output they stand for; the first and the last step have one.
    With `shift` the main way stands further right and narrower, so that layers fit beside it on the left.
    """

    title: str
    cost: str
    main: list[Step]
    sides: list[Side]
    symbols: dict[str, str] = field(default_factory=dict)
    shift: bool = False

    @property
    def middle(self) -> float:
        return 168 if self.shift else 128

    @property
    def width(self) -> float:
        return 130 if self.shift else 168

    def leaves_at(self, step: Step) -> bool:
        return any(side.source.name == step.name for side in self.sides)


def draw_panels(picture: Drawing, y: float, panels: list[Panel]) -> float:
    """Draw panels beside each other from y down; returns where they end."""
    gap = (WIDTH - 3 * PANEL) / 4
    ends = [_draw(picture, gap + i * (PANEL + gap), y, panel) for i, panel in enumerate(panels)]
    for i in range(len(panels)):
        picture.frame(gap + i * (PANEL + gap), y, PANEL, max(ends) - y, "panel")
    return max(ends)


def _draw(picture: Drawing, x: float, y: float, panel: Panel) -> float:
    middle = x + panel.middle
    picture.text(x + 16, y + 28, panel.title, 18, bold=True)
    picture.text(x + 16, y + 48, panel.cost, 14, quiet=True)
    first, *rest = panel.main
    picture.text(middle, y + START - 10, _symbol_and_size(panel, first), 15, "middle")
    spans = {first.name: (y + START, y + START)}  # of each step: its top and bottom
    bottom = y + START
    for before, step in zip(panel.main, rest, strict=False):
        marked = panel.leaves_at(before) or (before is not first and before.name in panel.symbols)
        top = bottom + (WIDE_GAP if marked else GAP)
        picture.line([(middle, bottom), (middle, top)])
        if before is not first and before.name in panel.symbols:
            picture.text(middle - 10, (bottom + top) / 2 + 5, panel.symbols[before.name], 15, "end")
        bottom = _step(picture, middle, top, panel.width, step)
        spans[step.name] = top, bottom
    for side in panel.sides:
        _side(picture, x, panel, side, spans)
    picture.line([(middle, bottom), (middle, bottom + GAP)])
    picture.text(middle, bottom + GAP + 16, _symbol_and_size(panel, panel.main[-1]), 15, "middle")
    return bottom + END + GAP - 4


def _symbol_and_size(panel: Panel, step: Step) -> str:
    return f"{panel.symbols[step.name]}: {size(step.shape)}"


def _step(picture: Drawing, middle: float, top: float, width: float, step: Step) -> float:
    """Draw a step with its upper edge's middle at (middle, top); returns where it ends."""
    if step.what in ("add", "mul"):
        picture.sign(middle, top + SIGN_RADIUS, step.what)
        return top + 2 * SIGN_RADIUS
    more = detail(step)
    height = HIGH if more else LOW
    picture.box(middle - width / 2, top, width, height, kind(step))
    picture.text(middle, top + 19, called(step), 15, "middle")
    if more:
        picture.text(middle, top + 35, more, 14, "middle")
    return top + height


def _side(picture: Drawing, x: float, panel: Panel, side: Side, spans: dict[str, tuple[float, float]]) -> None:
    middle = x + panel.middle
    left = side.target.what == "add"
    lane = x + LANE / 2 + 6 if left else x + PANEL - 12
    leave = spans[side.source.name][1] + 9
    top, bottom = spans[side.target.name]
    join = (top + bottom) / 2
    reach = SIGN_RADIUS if side.target.what in ("add", "mul") else panel.width / 2
    edge = middle - reach if left else middle + reach
    picture.dot(middle, leave)
    if not side.steps:
        picture.line([(middle, leave), (lane, leave), (lane, join), (edge, join)], "skip")
        return
    heights = [HIGH if detail(step) else LOW for step in side.steps]
    upper = (leave + join - sum(heights) - GAP * (len(heights) - 1)) / 2
    picture.line([(middle, leave), (lane, leave), (lane, upper)], "skip")
    picture.text(lane - 8, upper - 12, "F_{sc}", 15, "end")
    for i, step in enumerate(side.steps):
        if i:
            picture.line([(lane, upper - GAP), (lane, upper)], "skip")
        upper = _step(picture, lane, upper, LANE, step) + GAP
    picture.line([(lane, upper - GAP), (lane, join), (edge, join)], "skip")
