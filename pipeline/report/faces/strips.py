"""Faces side by side: the low-resolution image, its bicubic enlargement, the networks' restorations, the HR image."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from pipeline.images import pixels
from pipeline.images.pairs import Pairs, open_test_set, set_size
from pipeline.params.tables import ReportParams
from pipeline.report.blocks.blocks import Block
from pipeline.report.blocks.pictures import GAP_PX, INK, LABEL_PX, MAX_TILE_PX, PAPER, SOFT, TILE_PX, png, write
from pipeline.report.results import Result, Run, require
from pipeline.store import manifest, paths
from pipeline.store.restored import pick_restored, restored_folder

ROW = 7  # tiles side by side on a wide screen; more are set in two rows
BESIDE = 3  # tiles that are no network: LR, bicubic, HR


@dataclass(frozen=True)
class TileColumn:
    """What a tile is. beside: in small print, such as the table that a network's label stands in, e.g. "Table 5".

    more: it is not in the figure, and on the page it is behind a line to open and in the viewer.
    """

    label: str
    beside: str = ""
    more: bool = False

    @property
    def name(self) -> str:
        """The label with what stands beside it."""
        return f"{self.label} ({self.beside})" if self.beside else self.label


@dataclass(frozen=True)
class FaceRow:
    """One row of a strip. key: the image's name. lr_px: side of the low-resolution image. images: RGB uint8, as they are.
    told: what stands beside the name on the page."""

    key: str
    lr_px: int
    images: list[np.ndarray]
    told: str = ""


@dataclass(frozen=True)
class Strip(Block):
    """Some faces of a test set. hr_px: side of the restored images. total: images of the set. columns: what is shown, those
    that are `more` last. about: sentences on faces of another origin, in place of those on a test set. viewer: whether two
    columns can be laid over each other on the page."""

    key: str
    hr_px: int
    total: int
    columns: list[TileColumn]
    faces: list[FaceRow]
    has_hr: bool
    about: str = ""
    viewer: bool = True

    @property
    def figure_columns(self) -> list[TileColumn]:
        """What the figure shows."""
        return [column for column in self.columns if not column.more]

    @property
    def first_two(self) -> tuple[int, int]:
        """The columns compared at first: the plain input with the last network, or without any network with HR."""
        last = len(self.figure_columns) - 1
        if not self.has_hr:
            return 0, last
        return 1, last - 1 if last > 2 else last

    def figures(self) -> dict[str, bytes]:
        return {f"strip_{self.key}.png": png(draw_strip(self))}


def read_strips(run: Run, report: ReportParams) -> list[Strip]:
    """The strips of all test sets, `report.strips` faces each; none where that is 0."""
    if not report.strips:
        return []
    keys = [key for key, (_, split) in paths.SETS.items() if split == "test"]
    for key in keys:
        for stage in ("degrade", "resize"):
            require(paths.paired_folder(stage, key) / manifest.FILE, f"{stage}@{key}")
    return [_read_strip(key, run, shown_networks(key, run, report), report.strips) for key in keys if set_size(key)]


def shown_networks(key: str, run: Run, report: ReportParams) -> dict[str, TileColumn]:
    """Network -> column of the networks shown for a test set: all of the tables that are about it, in their order.

    Each stands once, under its label in the first of those tables; the paper's itself is last, without a table's name. Where
    all do not fit into one row, those of the first table that has any, and the paper's itself, are seen at once; the others
    are `more`.
    """
    shown: dict[str, TileColumn] = {}
    for name, table in report.tables.items():
        if any(row.startswith(f"{key}.") for row in table.rows):
            for column in table.columns:
                if column.network not in shown and _serves(run.results.get(column.network or ""), key):
                    shown[column.network] = TileColumn(column.label, name.replace("_", " ").capitalize())
    itself = network_itself(paths.SETS[key][0], run)
    if itself in shown:
        shown[itself] = TileColumn(shown.pop(itself).label)
    if len(shown) + BESIDE <= ROW:
        return shown
    first = next(column.beside for column in shown.values() if column.beside)
    return {name: replace(column, more=column.beside not in ("", first)) for name, column in shown.items()}


def network_itself(task: str, run: Run) -> str | None:
    """The name of the paper's network for a task without changes; None where there is none."""
    return next((result.name for result in run.networks if result.task == task and result.itself), None)


def _serves(result: Result | None, key: str) -> bool:
    return result is not None and result.task == paths.SETS[key][0]


def spread(total: int, count: int) -> list[int]:
    """At most `count` numbers below `total`, evenly spread, first and last included."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()


def _read_strip(key: str, run: Run, networks: dict[str, TileColumn], count: int) -> Strip:
    pairs = open_test_set(key)
    faces = read_faces(pairs, spread(len(pairs), count), key, networks, run.seeds[0])
    # A set without HR images: the photo is the network's input as it is, so LR and bicubic are one picture.
    inputs, truth = (["LR", "bicubic"], ["HR"]) if pairs.has_hr else (["photo"], [])
    columns = [*map(TileColumn, inputs), *networks.values(), *map(TileColumn, truth)]
    order = sorted(range(len(columns)), key=lambda place: columns[place].more)
    columns = [columns[place] for place in order]
    faces = [replace(face, images=[face.images[place] for place in order]) for face in faces]
    return Strip(key, pairs.size_px, len(pairs), columns, faces, pairs.has_hr)


def read_faces(pairs: Pairs, chosen: list[int], key: str, networks: Iterable[str], seed: int) -> list[FaceRow]:
    """Some faces of a test set by number: LR and bicubic (or the photo), as each network restored it, HR if there is one."""
    keys = [pairs.keys[index] for index in chosen]
    restored = [_restored(name, seed, key, keys) for name in networks]
    faces = []
    for place, index in enumerate(chosen):
        lr = pairs.lr(index)
        inputs = [lr, pairs.lr_up(index)] if pairs.has_hr else [lr]
        truth = [pairs.hr(index)] if pairs.has_hr else []
        shown = [*inputs, *(images_of[place] for images_of in restored), *truth]
        faces.append(FaceRow(keys[place], lr.shape[0], shown))
    return faces


def _restored(name: str, seed: int, key: str, keys: list[str]) -> list[np.ndarray]:
    folder = restored_folder(name, seed, key)
    require(folder / manifest.FILE, f"infer@{name}")
    return pick_restored(folder, keys)


def row_length(tiles: int) -> int:
    """How many tiles stand side by side on a wide screen: all, or half of them where they are too many."""
    return tiles if tiles <= ROW else -(-tiles // 2)


def tile_rows(rows: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Rows of images, all of them at a size fit for one figure: the largest one's, as far as that fits."""
    largest = max(image.shape[0] for row in rows for image in row)
    return [[tile(image, min(max(largest, TILE_PX), MAX_TILE_PX)) for image in row] for row in rows]


def tile(image: np.ndarray, side_px: int = TILE_PX) -> np.ndarray:
    """An image at a size fit for a figure: (H, W, 3) uint8, enlarged by a whole number to at most `side_px`, shrunk where
    it is above MAX_TILE_PX, or as it is."""
    side = image.shape[0]
    if side > MAX_TILE_PX:
        return pixels.resize(image, MAX_TILE_PX, "bicubic")
    factor = max(1, side_px // side)
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def draw_strip(strip: Strip) -> np.ndarray:
    """The strip as one labelled picture on white, RGB uint8."""
    return draw_faces(strip.figure_columns, strip.faces)


def draw_faces(columns: list[TileColumn], faces: list[FaceRow]) -> np.ndarray:
    """Faces as rows of one labelled picture on white, RGB uint8: of each its first images, one per column."""
    rows = tile_rows([face.images[: len(columns)] for face in faces])
    side = max(image.shape[0] for row in rows for image in row)
    pitch, scale = side + GAP_PX, side / TILE_PX
    top = int(2.4 * LABEL_PX * scale)
    picture = Image.new("RGB", (GAP_PX + pitch * len(columns), top + pitch * len(rows)), PAPER)
    draw = ImageDraw.Draw(picture)
    for place, column in enumerate(columns):
        middle = GAP_PX + pitch * place + side / 2
        lines = [(column.label, LABEL_PX, INK), *([(column.beside, 0.7 * LABEL_PX, SOFT)] if column.beside else [])]
        for line, (text, size, colour) in enumerate(lines):
            height = top / 2 if len(lines) == 1 else top * (0.36 + 0.4 * line)
            write(draw, (middle, height), text, colour, size * scale, "mm")
    paste_rows(picture, rows, (GAP_PX, top), side)
    return np.asarray(picture)


def paste_rows(picture: Image.Image, rows: list[list[np.ndarray]], corner: tuple[int, int], side: int) -> None:
    """Paste rows of square tiles, a column each `side` + GAP_PX; a tile smaller than `side` is centred."""
    pitch = side + GAP_PX
    for row, tiles in enumerate(rows):
        for column, image in enumerate(tiles):
            margin = (side - image.shape[0]) // 2  # an LR image whose side does not divide the tile's
            place = (corner[0] + pitch * column + margin, corner[1] + pitch * row + margin)
            picture.paste(Image.fromarray(image), place)
