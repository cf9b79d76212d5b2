"""Photos that were listed, each read once: its digest, its size, whether it begins as an image does.

Files and members of archives stay where they are. Photos that lie nowhere as a file (generated, packaged) or cannot be
reached at random (in compressed tars) are written to shards, so that everything downstream treats them as any photo.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.images import pixels
from pipeline.ingest.files.archives import stream_members
from pipeline.ingest.files.found import Found, columns
from pipeline.ingest.listing import MADE
from pipeline.photos import decode, packaged
from pipeline.photos.reader import PhotoReader
from pipeline.store import images
from pipeline.store.manifest import kept, rejected
from pipeline.store.shards import ShardWriter

# A generated face is stored as a camera would store it.
SYNTHETIC_JPEG_QUALITY = 95
COPIED_PER_SHARD = 128


def copy_compressed(root: Path, photos: list[dict], out: Path) -> list[dict]:
    """The rows, those of members of compressed tars copied into shards in `out` and lying there."""
    wanted = defaultdict(dict)
    for row in photos:
        if row.get("order", -1) >= 0:
            wanted[row["path"]][row["order"]] = row
    copied, shards = {}, 0
    for path, rows in wanted.items():
        members = stream_members(root / path, rows.keys())
        for _ in range(0, len(rows), COPIED_PER_SHARD):
            with ShardWriter(out / f"copied_{shards:05d}.tar") as shard:
                for order, data in islice(members, COPIED_PER_SHARD):
                    place = shard.add(f"{order:06d}", data)
                    copied[rows[order]["key"]] = rows[order] | {"path": "", **place}
            shards += 1
    if len(copied) != sum(map(len, wanted.values())):
        raise OSError(f"archives changed while they were read, one of {', '.join(wanted)}: run again")
    return [copied.get(row["key"], row) for row in photos]


@dataclass(frozen=True)
class ReadPhotos:
    """Reads (or makes) the photos of one unit and returns their rows.

    root: where files lie. out: where shards go.
    """

    root: Path
    out: Path

    def __call__(self, unit: dict) -> list[dict]:
        made = [row for row in unit["rows"] if row["kind"] in MADE]
        with PhotoReader(self.root, self.out) as photos:
            rows = {row["key"]: _lying(photos, row) for row in unit["rows"] if row["kind"] not in MADE}
        if made:
            with ShardWriter(self.out / unit["shard"]) as shard:
                rows |= {row["key"]: _made(shard, number, row) for number, row in enumerate(made)}
        return [rows[row["key"]] for row in unit["rows"]]


def _lying(photos: PhotoReader, row: dict) -> dict:
    place = {name: row[name] for name in columns(row["kind"], Found("", ""))}
    try:
        data = photos.read_bytes(row)
        place |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        header = decode.read_header(data)
    except images.UnreadableImage as error:
        return rejected(row["key"], "unreadable", str(error), **place)
    except OSError as error:
        return rejected(row["key"], "unreadable", error.strerror or str(error), **place)
    except Exception as error:
        # One strange photo must not cost the other 200,000; it is recorded, not swallowed.
        return rejected(row["key"], "failed", f"{type(error).__name__}: {error}", **place)
    size = {"width": header.width, "height": header.height, "format": header.format}
    return kept(row["key"], **place | size)


def _made(shard: ShardWriter, number: int, row: dict) -> dict:
    if row["kind"] == "synthetic":
        # Imported where it is needed: sets of files need no renderer.
        from pipeline.ingest.synthetic.faces import draw_spec, render_face

        image, _ = render_face(draw_spec(row["seed"], row["index"]), row["size_px"])
        ending, data = "jpg", pixels.encode_jpeg(image, SYNTHETIC_JPEG_QUALITY)
    else:
        image = packaged.photo(row["key"].removeprefix("skimage/"))
        ending, data = "png", images.encode_png(image)
    place = columns(row["kind"], Found(row["key"], "")) | shard.add(f"{number:06d}.{ending}", data)
    size = {"width": image.shape[1], "height": image.shape[0], "format": "JPEG" if ending == "jpg" else "PNG"}
    return kept(row["key"], **place | size)
