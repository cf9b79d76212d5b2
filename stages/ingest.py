"""ingest: what the sources of a set hold; each photo is read once, and kept or rejected with the reason."""

import sys

from pipeline.ingest.boxes import boxes_of
from pipeline.ingest.listing import list_photos
from pipeline.ingest.read import ReadPhotos, copy_compressed
from pipeline.params.file import load, runtime
from pipeline.runtime import parallel
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.manifest import write_counts, write_manifest, write_table

PARAMS = ("data.{key}.root", "data.{key}.sources")


def main(key: str) -> None:
    root, sources = load(PARAMS, key=key)
    root, out = parallel.absolute(root), parallel.absolute(paths.stage_folder("ingest", key))
    listing = list_photos(root, sources)
    boxes, notes = boxes_of(root, sources, [row["key"] for row in listing.photos])
    photos = copy_compressed(root, listing.photos, out)
    rows, seen = listing.in_order(parallel.run_units(ReadPhotos(root, out), photos, runtime(), f"ingest {key}"))
    write_counts(paths.counts_file("ingest", key), write_manifest(out, rows, seen))
    if boxes is not None:
        write_table(out / paths.BOXES, boxes)
    if listing.notes or notes:
        write_json(out / "notes.json", [*listing.notes, *notes])  # which the report shows


if __name__ == "__main__":
    main(sys.argv[1])
