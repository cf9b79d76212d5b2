"""ingest: what the sources of a set hold; each photo is read once, and kept or rejected with the reason."""

import sys

from pipeline import layout, parallel
from pipeline.manifest import write_counts, write_manifest
from pipeline.params import load, runtime
from pipeline.sources.ingest import IngestTask, list_photos

PARAMS = ("data.{key}.root", "data.{key}.sources")


def main(key: str) -> None:
    root, sources = load(PARAMS, key=key)
    out = layout.stage_folder("ingest", key)
    photos, unlisted = list_photos(parallel.absolute(root), sources)
    task = IngestTask(parallel.absolute(root), parallel.absolute(out))
    rows = parallel.run_units(task, photos, runtime(), f"ingest {key}")
    seen = [row["key"] for row in photos + unlisted]
    write_counts(layout.counts_file("ingest", key), write_manifest(out, rows + unlisted, seen))


if __name__ == "__main__":
    main(sys.argv[1])
