"""degrade: the low-resolution images of each HR image, by bicubic shrinking or Eq. (28)."""

import sys

from pipeline.degrade.write import DegradeFaces, count_images
from pipeline.params.base import told
from pipeline.params.file import load, runtime
from pipeline.runtime import parallel
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.manifest import read_kept, write_manifest

PARAMS = ("data.{key}.degrade",)


def main(key: str, *settings: str) -> None:
    (params,) = load(PARAMS, key=key)
    degrade = told(params, settings)
    resized = paths.paired_folder("resize", key)
    out = paths.paired_folder("degrade", key)
    faces = read_kept(resized)
    work = DegradeFaces(parallel.absolute(resized), parallel.absolute(out), degrade)
    rows = parallel.run_units(work, faces, runtime(), f"degrade {key}")
    frame = write_manifest(out, rows, seen=[row["key"] for row in faces], by="hr_key")
    write_json(paths.counts_file("degrade", key), count_images(frame))


if __name__ == "__main__":
    main(*sys.argv[1:])
