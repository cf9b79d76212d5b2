"""The images that each metric finds best, in the middle and worst, as the paper's network itself restored them."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from pipeline.images.pairs import open_test_set, set_size
from pipeline.metrics.statistics import per_image
from pipeline.report.blocks.blocks import Block
from pipeline.report.blocks.grid import Cell, Grid, Line, heads, words
from pipeline.report.blocks.pictures import GAP_PX, INK, LABEL_PX, PAPER, SOFT, png, write
from pipeline.report.faces.strips import FaceRow, TileColumn, network_itself, paste_rows, read_faces, tile_rows
from pipeline.report.results import PAPERS, Result, Run
from pipeline.store import paths

TEXT_PX = 300  # width of the text in the figure
PLACES = ("best", "median", "worst")


@dataclass(frozen=True)
class Metric:
    """How a metric is told, and which way is better."""

    name: str
    higher: bool
    decimals: int
    unit: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} {'↑' if self.higher else '↓'}"

    def text(self, value: float) -> str:
        """A value with its unit; identical images have an infinite PSNR."""
        shown = "∞" if math.isinf(value) else f"{value:.{self.decimals}f}"
        return f"{shown}\u00a0{self.unit}" if self.unit else shown


METRICS = {
    "psnr_y": Metric("PSNR (Y)", True, 2, "dB"),
    "ssim_y": Metric("SSIM (Y)", True, 4),
    "lpips_alex": Metric("LPIPS (AlexNet)", False, 4),
    "lpips_vgg": Metric("LPIPS (VGG16)", False, 4),
    "landmark_distance": Metric("landmark distance", False, 4),
}


@dataclass(frozen=True)
class Role:
    """Why an image is shown: its place by a metric, its value, and the plain enlargement's (None: it has none)."""

    metric: str
    place: str
    value: float
    bicubic: float | None

    @property
    def told(self) -> str:
        """The place in words, e.g. "best PSNR 27.10 dB"."""
        metric = METRICS[self.metric]
        return f"{self.place} {metric.name} {metric.text(self.value)}"

    @property
    def beside(self) -> str:
        """What the plain enlargement reaches, e.g. "bicubic 25.02 dB"; empty where it has no value."""
        return "" if self.bicubic is None else f"bicubic {METRICS[self.metric].text(self.bicubic)}"


@dataclass(frozen=True)
class Extremes(Block):
    """A test set's extremes, each image once.

    hr_px: side of the restored images. total: images of the set. columns: what is shown. counted: metric -> images with a
    value. roles: an image's name -> why it is shown.
    """

    key: str
    hr_px: int
    total: int
    columns: list[TileColumn]
    faces: list[FaceRow]
    counted: dict[str, int]
    roles: dict[str, list[Role]]

    def figures(self) -> dict[str, bytes]:
        return {f"extremes_{self.key}.png": png(draw_extremes(self))}


def read_extremes(run: Run) -> list[Extremes]:
    """The extremes of every test set with HR images, by the paper's network without changes.

    The mean over seeds decides, the images shown are the first seed's.
    """
    found = []
    for key, (task, split) in paths.SETS.items():
        name = network_itself(task, run)
        if split != "test" or name is None or not set_size(key):
            continue
        pairs = open_test_set(key)
        values, bicubic = (_means(run.results[of], key, pairs.keys) for of in (name, paths.BICUBIC))
        roles = _roles(values, bicubic)
        if pairs.has_hr and roles:
            faces = read_faces(pairs, [pairs.keys.index(image) for image in roles], key, [name], run.seeds[0])
            columns = [TileColumn(label) for label in ("LR", "bicubic", PAPERS[task], "HR")]
            counted = {metric: int(values[metric].notna().sum()) for metric in values}
            found.append(Extremes(key, pairs.size_px, len(pairs), columns, faces, counted, roles))
    return found


def _means(result: Result, key: str, keys: list[str]) -> pd.DataFrame:
    """Values per image, the mean over seeds, in the set's order."""
    frame = result.values[key]  # noqa: PD011 (a dict of tables)
    means = {metric: per_image(frame, metric) for metric in METRICS if metric in frame}
    return pd.DataFrame(means, index=keys)


def _roles(values: pd.DataFrame, bicubic: pd.DataFrame) -> dict[str, list[Role]]:
    roles: dict[str, list[Role]] = {}
    for metric in values:
        for place, image in zip(PLACES, ranked(values[metric], METRICS[metric].higher), strict=False):
            plain = bicubic[metric].get(image) if metric in bicubic else None
            plain = None if plain is None or math.isnan(plain) else float(plain)
            roles.setdefault(image, []).append(Role(metric, place, float(values[metric][image]), plain))
    return roles


def ranked(values: pd.Series, higher: bool) -> list[str]:
    """Names of the best, the median and the worst image; none where no image has a value.

    Of equals the first in the set's order stands first. Of an even number the better of the two in the middle is the median.
    """
    names = values.dropna().sort_values(ascending=not higher, kind="stable").index
    return [names[place] for place in (0, (len(names) - 1) // 2, -1)] if len(names) else []


def extremes_grid(extremes: Extremes) -> Grid:
    """Value, bicubic's value and name of the best, the median and the worst image of each metric."""
    model = extremes.columns[2].label
    columns = heads(model, "bicubic", "image", prose=("image",))
    caption = f"Best, median and worst by each metric, of {extremes.total:,} images"
    grid = Grid(f"extremes_{extremes.key}", caption, "metric", columns)
    told = [(role, image) for image, roles in extremes.roles.items() for role in roles]
    for role, image in sorted(
        told, key=lambda pair: (list(METRICS).index(pair[0].metric), PLACES.index(pair[0].place))
    ):
        metric = METRICS[role.metric]
        plain = Cell() if role.bicubic is None else Cell(metric.text(role.bicubic), role.bicubic)
        cells = [Cell(metric.text(role.value), role.value), plain, words(image)]
        counted = extremes.counted[role.metric]
        basis = f"of {counted:,} with a value" if counted < extremes.total else ""
        grid.lines.append(Line(f"{metric.title}, {role.place}", cells, basis))
    return grid


def draw_extremes(extremes: Extremes) -> np.ndarray:
    """The extremes as one labelled picture on white, RGB uint8: a row per image, why it is shown before it."""
    rows = tile_rows([face.images for face in extremes.faces])
    side = max(image.shape[0] for row in rows for image in row)
    pitch, top = side + GAP_PX, 2 * LABEL_PX
    picture = Image.new("RGB", (TEXT_PX + pitch * len(extremes.columns), top + pitch * len(rows)), PAPER)
    draw = ImageDraw.Draw(picture)
    for place, column in enumerate(extremes.columns):
        middle = TEXT_PX + pitch * place + side / 2
        write(draw, (middle, top / 2), column.label, INK, LABEL_PX, "mm")
    for row, face in enumerate(extremes.faces):
        lines = [line for role in extremes.roles[face.key] for line in _lines(role)]
        step = min(LABEL_PX, side / len(lines))
        for place, (text, colour) in enumerate(lines):
            height = top + pitch * row + side / 2 + (place - (len(lines) - 1) / 2) * step
            write(draw, (2 * GAP_PX, height), text, colour, step / 1.25, "lm")
    paste_rows(picture, rows, (TEXT_PX, top), side)
    return np.asarray(picture)


def _lines(role: Role) -> list[tuple[str, tuple[int, int, int]]]:
    return [(role.told, INK), *([(f"  {role.beside}", SOFT)] if role.beside else [])]
