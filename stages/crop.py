"""crop: where the faces are in each photo (the pixels are cut by resize, so nothing is stored twice)."""

import sys

from pipeline.crop.find import FindFaces, ambiguous, count_photos
from pipeline.crop.given import with_given
from pipeline.params.base import told
from pipeline.params.file import load, runtime
from pipeline.runtime import parallel
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.manifest import read_kept, write_manifest
from pipeline.store.pretrained import detector_file

PARAMS = ("data.{key}.root", "data.{key}.crop")


def main(key: str, root: str | None = None, *settings: str) -> None:
    own_root, params = load(PARAMS, key=key)
    root, crop = root or own_root, told(params, settings)
    ingested, out = paths.stage_folder("ingest", key), paths.stage_folder("crop", key)
    photos = read_kept(ingested)
    keys = [row["key"] for row in photos]
    detector = "none" if crop.mode == "none" else crop.detector
    if detector == "given":
        photos = with_given(photos, ingested, landmarks_needed=crop.mode == "ffhq")
    yunet = parallel.absolute(detector_file()) if detector == "yunet" else None
    work = FindFaces(parallel.absolute(root), parallel.absolute(ingested), crop, yunet, ambiguous(keys))
    rows = parallel.run_units(work, photos, runtime(), f"crop {key}")
    write_json(paths.counts_file("crop", key), count_photos(write_manifest(out, rows, keys, by="photo")))


if __name__ == "__main__":
    main(*sys.argv[1:])
