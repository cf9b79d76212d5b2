"""A whole network from top to bottom: every block as wide as its maps are, its numbers beside it."""

from dataclasses import dataclass

from pipeline.commands.diagrams.svg import SIGN_RADIUS, Drawing
from pipeline.commands.diagrams.traced import Side, Step, Traced, groups, runs, trace
from pipeline.commands.diagrams.words import amount, called, cost, detail, kind
from pipeline.losses.composite.discriminator import Discriminator
from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.aru import ARU
from pipeline.networks.units.gam import GAM

LEAVES = ARU, Discriminator  # stand as one block each
MIDDLE = 226  # of the blocks
WIDEST = 216  # the block of full size
BLOCK = 26  # a block's height
NAME, CHANNELS, SIZE, PARAMETERS, MACS = 372, 534, 596, 698, 780  # where the columns start or, but for names, end
TOP = 124
HEADS = ((CHANNELS, "channels"), (SIZE, "px"), (PARAMETERS, "parameters"), (MACS, "MAC"))
SIGN = 12  # from a unit's end down to the plus sign's middle
LEAVE = 12  # from where a connection past a unit leaves down to the unit
BRANCH = 52  # height of a way to an image of its own
PAST = "+ in a circle: a unit adds its input, through a convolution of its own (small box) where sizes differ"


@dataclass(frozen=True)
class Row:
    """A block, how often it stands in a row, the connection past it, and the way from it to an image of its own."""

    step: Step
    count: int = 1
    past: Side | None = None
    branch: tuple[Step, ...] = ()

    @property
    def gap_before(self) -> float:
        return (LEAVE if self.past else 6) + (8 if self.count > 1 else 0)

    @property
    def gap_after(self) -> float:
        sign = SIGN + SIGN_RADIUS + 4 if self.past else 12
        return sign + (BRANCH if self.branch else 0) + (8 if self.count > 1 else 0)


def draw_tower(traced: Traced, title: str, lr_px: int | None = None, notes: tuple[str, ...] = ()) -> str:
    """The SVG of a network traced with LEAVES: one image in; one image out, or several, each with its discriminator.

    lr_px is the size of I_LR where the picture is to show its enlargement; notes are lines below the picture.
    """
    rows = rows_of(traced)
    generator = [step for step in traced.steps.values() if not isinstance(step.what, Discriminator)]
    total = cost(sum(step.parameters for step in generator), sum(step.macs for step in generator))
    apart = ", discriminators apart" if len(generator) < len(traced.steps) else ""
    picture = Drawing(title, _in_words(rows))
    picture.text(24, 44, title, 26, bold=True)
    picture.text(24, 70, f"{total} at {rows[0].step.shape[-1]} px{apart}", 16, quiet=True)
    for x, words in HEADS:
        picture.text(x, TOP - 22, words, 15, "end", quiet=True)
    tower = _Tower(picture, WIDEST / max(row.step.shape[-1] for row in rows))
    if lr_px:
        tower.enlargement(lr_px, rows[0].step)
    for row in rows:
        tower.row(row)
    if not rows[-1].branch:
        tower.image("I_{SR}", rows[-1].step.shape)
    tower.parts(rows)
    notes = (PAST, *notes) if any(row.past for row in rows) else notes
    for i, note in enumerate(notes):
        picture.text(24, tower.y + 34 + 22 * i, note, 14, quiet=True)
    return picture.svg(tower.y + 34 + 22 * len(notes))


def rows_of(traced: Traced) -> list[Row]:
    """The blocks of the main way, equal ones in a row folded into one."""
    images = [name for name in traced.outputs if not isinstance(traced.steps[name].what, Discriminator)]
    way = traced.main_way(images[-1])
    branches = {}
    if len(images) > 1:
        way = way[:-1]
        for name in images:
            step = traced.steps[name]
            branches[step.inputs[0]] = (step, *traced.readers(name))
    return [Row(step, count, past_unit(step), branches.get(step.name, ())) for step, count in runs(way)]


def past_unit(step: Step) -> Side | None:
    """The connection past a unit that ends in an addition, as the unit itself has it."""
    if not isinstance(step.what, ARU):
        return None
    sides = trace(step.what, step.in_shape, (MetaAconC, GAM)).sides()
    return next((side for side in sides if side.target.what == "add"), None)


def _in_words(rows: list[Row]) -> str:
    said = []
    for row in rows:
        times = f"{row.count} times " if row.count > 1 else ""
        said.append(f"{times}{called(row.step)}, {row.step.shape[1]} channels at {row.step.shape[-1]} px")
        said += [f"from it an image of {step.shape[-1]} px" for step in row.branch[:1]]
        said += ["judged by " + called(step).replace("_{", "").rstrip("}") for step in row.branch[1:]]
    return "From top to bottom: " + "; ".join(said) + "."


class _Tower:
    """Draws downwards; y is where the last thing drawn ends."""

    def __init__(self, picture: Drawing, px: float):
        self.picture = picture
        self.px = px  # width of a map's pixel
        self.y = float(TOP)
        self.open: float | None = None  # where the line to the next block starts
        self.ends: dict[str, tuple[float, float]] = {}

    def enlargement(self, lr_px: int, to: Step) -> None:
        self.image("I_{LR}", (1, to.shape[1], lr_px, lr_px))
        self.picture.text(MIDDLE + 14, self.y + 11, "bicubic", 15, quiet=True)
        self.y += 16

    def image(self, words: str, shape: tuple[int, ...]) -> None:
        self._down_to(self.y + (6 if self.open else 0))
        self._plate(shape[-1], shape[-1], "image")
        self._numbers(words, shape)
        self._close(12)

    def row(self, row: Row) -> None:
        if row.step.what == "input":
            self.image("I_{LR-UP}", row.step.shape)
            return
        self._down_to(self.y + row.gap_before)
        top = self.y
        if row.count > 1:
            self._repeated(row, top)
        self._plate(row.step.in_shape[-1], row.step.shape[-1], kind(row.step))
        name = called(row.step) if row.count == 1 else f"{row.count} × {called(row.step)}"
        self._numbers(name, row.step.shape, row.step.parameters * row.count, row.step.macs * row.count)
        self.ends[row.step.name] = top, top + BLOCK
        if row.past:
            self._past(row, top)
        if row.branch:
            self._branch(row)
        else:
            self._close(row.gap_after)

    def parts(self, rows: list[Row]) -> None:
        """A bracket with its name beside each part of the network that has units."""
        for name, steps in groups([row.step for row in rows]):
            if isinstance(steps[0].what, ARU):
                top, bottom = self.ends[steps[0].name][0], self.ends[steps[-1].name][1]
                self.picture.line([(84, top), (76, top), (76, bottom), (84, bottom)], "bracket", arrow=False)
                self.picture.text(66, (top + bottom) / 2 + 6, name.upper(), 17, "end", bold=True)

    def _down_to(self, y: float) -> None:
        if self.open is not None:
            self.picture.line([(MIDDLE, self.open), (MIDDLE, y)])
        self.y = y

    def _plate(self, in_px: int, out_px: int, look: str) -> None:
        self.picture.taper(MIDDLE, self.y, BLOCK, (in_px * self.px, out_px * self.px), look)
        self.open = self.y + BLOCK

    def _close(self, gap: float) -> None:
        self.y += BLOCK + gap

    def _numbers(self, name: str, shape: tuple[int, ...], parameters: int = 0, macs: int = 0) -> None:
        line = self.y + BLOCK / 2 + 6
        self.picture.text(NAME, line, name, 19, bold=True)
        cells = [(CHANNELS, str(shape[1])), (SIZE, str(shape[-1]))]
        if parameters:
            cells += [(PARAMETERS, amount(parameters)), (MACS, amount(macs))]
        for x, words in cells:
            self.picture.text(x, line, words, 17, "end")

    def _repeated(self, row: Row, top: float) -> None:
        half = row.step.shape[-1] * self.px / 2 + 28
        self.picture.frame(MIDDLE - half, top - LEAVE - 6, 2 * half, BLOCK + LEAVE + SIGN + SIGN_RADIUS + 12)
        self.picture.text(MIDDLE + half + 8, top + BLOCK / 2 + 6, f"× {row.count}", 18, bold=True)

    def _past(self, row: Row, top: float) -> None:
        x = MIDDLE - max(row.step.in_shape[-1], row.step.shape[-1]) * self.px / 2 - 14
        leave, join = top - LEAVE + 2, top + BLOCK + SIGN
        self.picture.dot(MIDDLE, leave)
        self.picture.line([(MIDDLE, leave), (x, leave), (x, join), (MIDDLE - SIGN_RADIUS, join)], "skip")
        if row.past.steps:
            self.picture.box(x - 6, top + BLOCK / 2 - 6, 12, 12, kind(row.step))
        self.picture.line([(MIDDLE, self.open), (MIDDLE, join - SIGN_RADIUS)], arrow=False)
        self.picture.sign(MIDDLE, join, "add")
        self.open = join + SIGN_RADIUS

    def _branch(self, row: Row) -> None:
        to_image, *judges = row.branch
        y = self.open + 4 + BRANCH / 2
        self.picture.line([(MIDDLE, self.open), (MIDDLE, y), (300, y)])
        self._two_lines(300, y, 104, (called(to_image), detail(to_image)), kind(to_image))
        self.picture.line([(404, y), (436, y)])
        self._two_lines(436, y, 104, ("I_{SR}", f"{to_image.shape[-1]} px"), "image")
        for judge in judges:
            self.picture.line([(540, y), (572, y)])
            costs = f"{amount(judge.parameters)}, {amount(judge.macs)} MAC"
            rows, columns = judge.shape[-2:]
            self._two_lines(572, y, 208, (f"{called(judge)}: {rows}×{columns} scores", costs), kind(judge))
        self._close(row.gap_after)

    def _two_lines(self, x: float, y: float, width: float, words: tuple[str, str], look: str) -> None:
        """A box whose left edge has its middle at (x, y)."""
        self.picture.box(x, y - 22, width, 44, look)
        self.picture.text(x + width / 2, y - 3, words[0], 15, "middle", bold=True)
        self.picture.text(x + width / 2, y + 15, words[1], 14, "middle")
