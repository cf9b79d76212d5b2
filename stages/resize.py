"""resize: the kept faces cut out of their photos, at the set's HR size."""

import sys

from pipeline import layout, parallel
from pipeline.faces.cut import ResizeTask
from pipeline.manifest import read_kept, write_counts, write_manifest
from pipeline.params import load, runtime

PARAMS = ("data.{key}.root", "data.{key}.resize")


def main(key: str) -> None:
    root, resize = load(PARAMS, key=key)
    ingested = layout.stage_folder("ingest", key)
    out = layout.paired_folder("resize", key)
    faces = read_kept(layout.stage_folder("filter", key))
    task = ResizeTask(parallel.absolute(root), parallel.absolute(ingested), parallel.absolute(out), resize)
    rows = parallel.run_units(task, faces, runtime(), f"resize {key}")
    write_counts(layout.counts_file("resize", key), write_manifest(out, rows, [row["key"] for row in faces]))


if __name__ == "__main__":
    main(sys.argv[1])
