"""resize: the kept faces cut out of their photos, at the set's HR size."""

import sys

from pipeline.params.base import told
from pipeline.params.file import load, runtime
from pipeline.resize.cut import CutFaces
from pipeline.runtime import parallel
from pipeline.store import paths
from pipeline.store.manifest import read_kept, write_counts, write_manifest

PARAMS = ("data.{key}.root", "data.{key}.resize")


def main(key: str, root: str | None = None, *settings: str) -> None:
    own_root, params = load(PARAMS, key=key)
    root, resize = root or own_root, told(params, settings)
    ingested = paths.stage_folder("ingest", key)
    out = paths.paired_folder("resize", key)
    faces = read_kept(paths.stage_folder("filter", key))
    work = CutFaces(parallel.absolute(root), parallel.absolute(ingested), parallel.absolute(out), resize)
    rows = parallel.run_units(work, faces, runtime(), f"resize {key}")
    write_counts(paths.counts_file("resize", key), write_manifest(out, rows, [row["key"] for row in faces]))


if __name__ == "__main__":
    main(*sys.argv[1:])
