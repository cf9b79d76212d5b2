"""Sources -> one list of photos, each read once to see whether it can be read.

Files stay where they are and are named by their path below the set's root. Photos that exist nowhere as a file (generated,
packaged) are written to shards, so that everything downstream treats them as it treats any photo.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline import images
from pipeline.manifest import kept, rejected
from pipeline.shards import ShardWriter
from pipeline.sources import folder as folder_source
from pipeline.sources import packaged

# A generated face is stored as a camera would store it.
SYNTHETIC_JPEG_QUALITY = 95


def list_photos(root: Path, sources: list) -> tuple[list[dict], list[dict]]:
    """What the sources hold, unread: ([{"key", "kind", ...}], [rejected rows of what could not even be listed]).

    A key is the path below the root, or kind/name. A file that two sources name is taken once.
    """
    photos: dict[str, dict] = {}
    problems = []
    for number, source in enumerate(sources):
        if source.kind == "synthetic":
            prefix = f"synthetic_{number}" if number else "synthetic"
            for i in range(source.count):
                key = f"{prefix}/{i:06d}"
                photos[key] = {
                    "key": key,
                    "kind": "synthetic",
                    "seed": source.seed,
                    "index": i,
                    "size_px": source.size_px,
                }
        elif source.kind == "skimage":
            photos |= {f"skimage/{name}": {"key": f"skimage/{name}", "kind": "skimage"} for name in packaged.names()}
        else:
            files, unlisted = folder_source.list_files(root, source.path, source.take)
            photos |= {path: {"key": path, "kind": source.kind} for path in files}
            problems += [rejected(key, "unlisted", why, kind=source.kind) for key, why in unlisted]
    return list(photos.values()), problems


@dataclass(frozen=True)
class IngestTask:
    """Reads (or makes) the photos of one unit and returns their rows.

    root: where files lie. out: where shards go.
    """

    root: Path
    out: Path

    def __call__(self, unit: dict) -> list[dict]:
        made = [row for row in unit["rows"] if row["kind"] in ("synthetic", "skimage")]
        rows = {row["key"]: self._file(row) for row in unit["rows"] if row["kind"] not in ("synthetic", "skimage")}
        if made:
            with ShardWriter(self.out / unit["shard"]) as shard:
                for number, row in enumerate(made):
                    rows[row["key"]] = self._made(shard, number, row)
        return [rows[row["key"]] for row in unit["rows"]]

    def _file(self, row: dict) -> dict:
        nowhere = {"path": row["key"], "shard": "", "offset": -1, "size": -1, "sha256": "", "width": 0, "height": 0}
        try:
            data = (self.root / row["key"]).read_bytes()
            found = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            height, width = images.decode_photo(data).shape[:2]
        except OSError as error:
            return rejected(row["key"], "unreadable", f"{error.strerror}", kind=row["kind"], **nowhere)
        except images.UnreadableImage as error:
            return rejected(row["key"], "unreadable", str(error), kind=row["kind"], **nowhere | found)
        return kept(row["key"], kind=row["kind"], **nowhere | found | {"width": width, "height": height})

    def _made(self, shard: ShardWriter, number: int, row: dict) -> dict:
        if row["kind"] == "synthetic":
            # Imported where it is needed: sets of files need no renderer.
            from pipeline.sources.synthetic import draw_spec, render_face

            image, _ = render_face(draw_spec(row["seed"], row["index"]), row["size_px"])
            name, data = f"{number:06d}.jpg", images.encode_jpeg(image, SYNTHETIC_JPEG_QUALITY)
        else:
            image = packaged.photo(row["key"].removeprefix("skimage/"))
            name, data = f"{number:06d}.png", images.encode_png(image)
        place = shard.add(name, data)
        return kept(
            row["key"], kind=row["kind"], path="", **place, width=int(image.shape[1]), height=int(image.shape[0])
        )
