"""Faces side by side: the low-resolution image, its bicubic enlargement, the networks' restorations, the HR image."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline import images, layout, manifest
from pipeline.params import ReportParams
from pipeline.report.results import Result, Run, require
from pipeline.restored import open_test_set, pick_restored, restored_folder, set_size

TILE_PX = 128  # images below this side are enlarged by a whole number, nearest neighbour
MAX_TILE_PX = 256  # images above it are shrunk, so that the page stays small
GAP_PX = 8
LABEL_PX = 18
INK, PAPER = (40, 40, 40), (255, 255, 255)


@dataclass(frozen=True)
class Face:
    """One row of a strip. key: the image's name. lr_px: side of the low-resolution image. tiles: RGB uint8."""

    key: str
    lr_px: int
    tiles: list[np.ndarray]


@dataclass(frozen=True)
class Strip:
    """Some faces of a test set. hr_px: side of the restored images. total: images of the set. labels: of the columns."""

    key: str
    hr_px: int
    total: int
    labels: list[str]
    faces: list[Face]
    has_hr: bool


def read_strips(run: Run, report: ReportParams) -> list[Strip]:
    """The strips of all test sets, `report.strips` faces each; none where that is 0."""
    if not report.strips:
        return []
    keys = [key for key, (_, split) in layout.SETS.items() if split == "test"]
    for key in keys:
        for stage in ("degrade", "resize"):
            require(layout.paired_folder(stage, key) / manifest.FILE, f"{stage}@{key}")
    return [_read_strip(key, run, shown_networks(key, run, report), report.strips) for key in keys if set_size(key)]


def shown_networks(key: str, run: Run, report: ReportParams) -> dict[str, str]:
    """Variant -> label of the networks shown for a test set: those of the first table about it that has any."""
    for table in report.tables.values():
        if any(row.startswith(f"{key}.") for row in table.rows):
            shown = {c.variant: c.label for c in table.columns if _serves(run.results.get(c.variant or ""), key)}
            if shown:
                return shown
    return {}


def _serves(result: Result | None, key: str) -> bool:
    return result is not None and result.model == layout.SETS[key][0]


def spread(total: int, count: int) -> list[int]:
    """At most `count` numbers below `total`, evenly spread, first and last included."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()


def _read_strip(key: str, run: Run, networks: dict[str, str], count: int) -> Strip:
    pairs = open_test_set(key)
    chosen = spread(len(pairs), count)
    keys = [pairs.keys[index] for index in chosen]
    restored = [_restored(name, run.seeds[0], key, keys) for name in networks]
    faces = []
    for place, index in enumerate(chosen):
        lr = pairs.lr(index)
        # A set without HR images: the photo is the network's input as it is, so LR and bicubic are one picture.
        inputs = [lr, pairs.lr_up(index)] if pairs.has_hr else [lr]
        truth = [pairs.hr(index)] if pairs.has_hr else []
        shown = [*inputs, *(images_of[place] for images_of in restored), *truth]
        faces.append(Face(keys[place], lr.shape[0], [tile(image) for image in shown]))
    labels = ["LR", "bicubic", *networks.values(), "HR"] if pairs.has_hr else ["photo", *networks.values()]
    return Strip(key, pairs.size_px, len(pairs), labels, faces, pairs.has_hr)


def _restored(name: str, seed: int, key: str, keys: list[str]) -> list[np.ndarray]:
    folder = restored_folder(name, seed, key)
    require(folder / manifest.FILE, f"restore@{name}")
    return pick_restored(folder, keys)


def tile(image: np.ndarray) -> np.ndarray:
    """An image at a size fit for showing: (H, W, 3) uint8, enlarged by a whole number or shrunk, or as it is."""
    side = image.shape[0]
    if side > MAX_TILE_PX:
        return images.resize(image, MAX_TILE_PX, "bicubic")
    factor = max(1, TILE_PX // side)
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def png(image: np.ndarray) -> bytes:
    """RGB uint8 as PNG, small rather than quick; the same bytes each time."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", optimize=True)
    return out.getvalue()


def draw_strip(strip: Strip) -> np.ndarray:
    """The strip as one labelled picture on white, RGB uint8."""
    side = max(image.shape[0] for face in strip.faces for image in face.tiles)
    pitch = side + GAP_PX
    font = ImageFont.load_default(size=LABEL_PX * side / TILE_PX)
    top = int(2 * LABEL_PX * side / TILE_PX)
    size = (GAP_PX + pitch * len(strip.labels), top + pitch * len(strip.faces))
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    for column, label in enumerate(strip.labels):
        draw.text((GAP_PX + pitch * column + side / 2, top / 2), label, INK, font, anchor="mm")
    for row, face in enumerate(strip.faces):
        for column, image in enumerate(face.tiles):
            margin = (side - image.shape[0]) // 2  # an LR image whose side does not divide the tile's is centred
            place = (GAP_PX + pitch * column + margin, top + pitch * row + margin)
            picture.paste(Image.fromarray(image), place)
    return np.asarray(picture)


def write_strip(folder: Path, strip: Strip) -> str:
    """Write <folder>/strip_<set>.png; returns the file's name."""
    name = f"strip_{strip.key}.png"
    (folder / name).write_bytes(png(draw_strip(strip)))
    return name
