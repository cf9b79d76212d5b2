"""Some faces of every rule that found any, small, so that the report can show what fell to it.

A table `samples.parquet`, one row per picture, and the pictures in `samples.tar`.
"""

from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.filter.rules import WORDS, Finding
from pipeline.images import pixels
from pipeline.resize.cut import FaceReader
from pipeline.store.manifest import write_table
from pipeline.store.shards import ShardWriter

FILE, SHARD = "samples.parquet", "samples.tar"
COLUMNS = ("rule", "action", "key", "detail", "shard", "offset", "size")
PER_RULE = 6
SIZE_PX, QUALITY = 96, 85


def spread(findings: list[Finding]) -> list[Finding]:
    """At most `PER_RULE` findings of each rule and action, spread evenly over the set's order."""
    order = sorted(findings, key=lambda found: (WORDS.index(found.words), found.action, found.index))
    some = []
    for _, group in groupby(order, key=lambda found: (found.words, found.action)):
        alike = list(group)
        places = np.linspace(0, len(alike) - 1, min(len(alike), PER_RULE)).round().astype(int)
        some += [alike[place] for place in places]
    return some


def write_samples(folder: Path, rows: list[dict], findings: list[Finding], faces: FaceReader) -> None:
    """Write the table and, where there is any picture, the shard. A face that cannot be cut is left out: resize says why."""
    pictures = [(found, _picture(faces, rows[found.index])) for found in spread(findings)]
    pictures = [(found, jpeg) for found, jpeg in pictures if jpeg]
    table = []
    if pictures:
        with ShardWriter(folder / SHARD) as shard:
            for number, (found, jpeg) in enumerate(pictures):
                row = {"rule": found.words, "action": found.action, "key": rows[found.index]["key"]}
                table.append(row | {"detail": found.detail} | shard.add(f"{number:06d}.jpg", jpeg))
    write_table(folder / FILE, pd.DataFrame(table, columns=COLUMNS))


def _picture(faces: FaceReader, row: dict) -> bytes | None:
    try:
        return pixels.encode_jpeg(faces.read(row, SIZE_PX, "bicubic"), QUALITY)
    except Exception:  # whatever it is, resize meets it again and records it; a removed face needs no picture
        return None
