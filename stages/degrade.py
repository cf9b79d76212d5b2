"""degrade: the low-resolution image of each HR image, by bicubic shrinking or Eq. (28)."""

import sys

from pipeline import layout, parallel
from pipeline.degradation.stage import DegradeTask
from pipeline.manifest import read_kept, write_counts, write_manifest
from pipeline.params import load, runtime

PARAMS = ("data.{key}.degrade",)


def main(key: str) -> None:
    (degrade,) = load(PARAMS, key=key)
    resized = layout.paired_folder("resize", key)
    out = layout.paired_folder("degrade", key)
    faces = read_kept(resized)
    task = DegradeTask(parallel.absolute(resized), parallel.absolute(out), degrade)
    rows = parallel.run_units(task, faces, runtime(), f"degrade {key}")
    write_counts(layout.counts_file("degrade", key), write_manifest(out, rows, [row["key"] for row in faces]))


if __name__ == "__main__":
    main(sys.argv[1])
