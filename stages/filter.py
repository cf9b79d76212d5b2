"""filter: which faces go on, by the set's rules."""

import sys

from pipeline.filter.rules import count_flags, faces_of_tests, judge
from pipeline.filter.samples import write_samples
from pipeline.params.base import told
from pipeline.params.file import load
from pipeline.photos.reader import PhotoReader
from pipeline.resize.cut import FaceReader
from pipeline.runtime import parallel
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.manifest import count, read_kept, write_manifest

PARAMS = ("data.{key}.root", "data.{key}.filter")


def main(key: str, root: str | None = None, *settings: str) -> None:
    own_root, params = load(PARAMS, key=key)
    root, rules = root or own_root, told(params, settings)
    out = paths.stage_folder("filter", key)
    crops = read_kept(paths.stage_folder("crop", key))
    rows, findings = judge(crops, rules, faces_of_tests(key, rules))
    frame = write_manifest(out, rows, [row["key"] for row in crops])
    with PhotoReader(parallel.absolute(root), parallel.absolute(paths.stage_folder("ingest", key))) as photos:
        write_samples(out, crops, findings, FaceReader(photos))
    write_json(paths.counts_file("filter", key), count(frame) | {"flags": count_flags(findings)})


if __name__ == "__main__":
    main(*sys.argv[1:])
