"""crop: where the faces are in each photo (the pixels are cut by resize, so nothing is stored twice)."""

import sys

from pipeline import layout, parallel
from pipeline.faces.crop import CropTask, ambiguous, count_photos
from pipeline.faces.given import with_given
from pipeline.manifest import read_kept, write_json, write_manifest
from pipeline.params import load, runtime
from pipeline.pretrained_detector import detector_file

PARAMS = ("data.{key}.root", "data.{key}.crop")


def main(key: str) -> None:
    root, crop = load(PARAMS, key=key)
    ingested, out = layout.stage_folder("ingest", key), layout.stage_folder("crop", key)
    photos = read_kept(ingested)
    keys = [row["key"] for row in photos]
    detector = "none" if crop.mode == "none" else crop.detector
    if detector == "given":
        photos = with_given(photos, ingested, landmarks_needed=crop.mode == "ffhq")
    yunet = parallel.absolute(detector_file()) if detector == "yunet" else None
    task = CropTask(parallel.absolute(root), parallel.absolute(ingested), crop, yunet, ambiguous(keys))
    rows = parallel.run_units(task, photos, runtime(), f"crop {key}")
    write_json(layout.counts_file("crop", key), count_photos(write_manifest(out, rows, keys, by="photo")))


if __name__ == "__main__":
    main(sys.argv[1])
