"""crop: where the face is in each photo (the pixels are cut by resize, so nothing is stored twice)."""

import sys

from pipeline import layout, parallel
from pipeline.faces.crop import CropTask
from pipeline.manifest import read_kept, write_counts, write_manifest
from pipeline.params import load, runtime

PARAMS = ("data.{key}.root", "data.{key}.crop")


def main(key: str) -> None:
    root, crop = load(PARAMS, key=key)
    ingested, out = layout.stage_folder("ingest", key), layout.stage_folder("crop", key)
    photos = read_kept(ingested)
    task = CropTask(parallel.absolute(root), parallel.absolute(ingested), crop)
    rows = parallel.run_units(task, photos, runtime(), f"crop {key}")
    write_counts(layout.counts_file("crop", key), write_manifest(out, rows, [row["key"] for row in photos]))


if __name__ == "__main__":
    main(sys.argv[1])
