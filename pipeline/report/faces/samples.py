"""Some of the faces that broke a rule of the filter, as pictures: what was removed and what was flagged, and why."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pipeline.report.blocks.blocks import Block
from pipeline.report.blocks.grid import Grid, Line, heads, number, words
from pipeline.report.blocks.pictures import GAP_PX, INK, LABEL_PX, PAPER, SOFT, png, write
from pipeline.report.results import Run, heading, require
from pipeline.report.tables.counts import in_order
from pipeline.store import images, manifest, paths
from pipeline.store.shards import ShardReader

FILE = "samples.parquet"
ACTIONS = {"removed": "reasons", "flagged": "flags"}  # what became of a face -> where the filter counts those
NAME_PX = 240  # width of the labels in the figure


@dataclass(frozen=True)
class Sample:
    """A face that broke a rule. detail: the value seen and the bound, or the face that it is near. jpeg: a small picture."""

    key: str
    detail: str
    jpeg: bytes


@dataclass(frozen=True)
class Group:
    """Samples of one rule and action. total: how many faces met the same."""

    rule: str
    action: str
    total: int
    samples: list[Sample]


@dataclass(frozen=True)
class Samples(Block):
    """The samples of a set, rule by rule."""

    key: str
    groups: list[Group]

    def figures(self) -> dict[str, bytes]:
        return {f"rejected_{self.key}.png": png(draw_samples(self.groups))}


def read_samples(key: str, run: Run) -> list[Group]:
    """The samples of a set, rule by rule, removed before flagged; no group for a rule that nothing broke."""
    folder = paths.stage_folder("filter", key)
    frame = manifest.read_table(require(folder / FILE, f"filter@{key}"))
    groups = []
    with ShardReader(folder) as shards:
        for rule in in_order(frame["rule"].unique()):
            for action, counted in ACTIONS.items():
                rows = frame[(frame["rule"] == rule) & (frame["action"] == action)].to_dict("records")
                samples = [
                    Sample(row["key"], row["detail"], shards.read(row["shard"], row["offset"], row["size"]))
                    for row in rows
                ]
                if samples:
                    groups.append(Group(rule, action, run.counts[key]["filter"][counted][rule], samples))
    return groups


def samples_grid(groups: dict[str, list[Group]]) -> Grid:
    """The names and values of all samples shown, for the table beside the figures."""
    columns = heads("rule", "action", "picture", "name", "seen", prose=("rule", "action", "name", "seen"))
    grid = Grid("samples", "Samples of faces that broke a rule", "set", columns)
    for key, of_set in groups.items():
        for group in of_set:
            for place, sample in enumerate(group.samples, 1):
                told = [words(group.rule), words(group.action), number(place), words(sample.key), words(sample.detail)]
                grid.lines.append(Line(heading(key), told))
    return grid


def draw_samples(groups: list[Group]) -> np.ndarray:
    """The samples of a set as one picture on white, RGB uint8: a row per rule and action, its name before it."""
    rows = [[Image.fromarray(images.decode(sample.jpeg)) for sample in group.samples] for group in groups]
    side = max(max(tile.size) for tiles in rows for tile in tiles)
    pitch = side + GAP_PX
    size = (NAME_PX + pitch * max(map(len, rows)), GAP_PX + pitch * len(rows))
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    for number_, (group, tiles) in enumerate(zip(groups, rows, strict=True)):
        top = GAP_PX + pitch * number_
        for line, (text, colour) in enumerate(_label(group)):
            height = top + side / 2 + (line - 0.5) * 1.4 * LABEL_PX
            write(draw, (2 * GAP_PX, height), text, colour, LABEL_PX, "lm")
        for column, tile in enumerate(tiles):
            picture.paste(tile, (NAME_PX + pitch * column, top))
    return np.asarray(picture)


def _label(group: Group) -> Iterator[tuple[str, tuple[int, int, int]]]:
    yield group.rule, INK
    yield f"{group.action}, {len(group.samples)} of {group.total:,}", SOFT
