"""filter: which faces go on, by the set's rules."""

import sys

from pipeline import layout, parallel
from pipeline.faces.cut import FaceReader
from pipeline.faces.rules import count_flags, faces_of_tests, judge
from pipeline.faces.samples import write_samples
from pipeline.manifest import count, read_kept, write_json, write_manifest
from pipeline.params import load
from pipeline.photos import PhotoReader

PARAMS = ("data.{key}.root", "data.{key}.filter")


def main(key: str) -> None:
    root, rules = load(PARAMS, key=key)
    out = layout.stage_folder("filter", key)
    crops = read_kept(layout.stage_folder("crop", key))
    rows, findings = judge(crops, rules, faces_of_tests(key, rules))
    frame = write_manifest(out, rows, [row["key"] for row in crops])
    with PhotoReader(parallel.absolute(root), parallel.absolute(layout.stage_folder("ingest", key))) as photos:
        write_samples(out, crops, findings, FaceReader(photos))
    write_json(layout.counts_file("filter", key), count(frame) | {"flags": count_flags(findings)})


if __name__ == "__main__":
    main(sys.argv[1])
