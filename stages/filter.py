"""filter: which crops go on, by the set's rules."""

import sys

from pipeline import layout
from pipeline.faces.select import apply_rules
from pipeline.manifest import read_kept, write_counts, write_manifest
from pipeline.params import load

PARAMS = ("data.{key}.filter",)


def main(key: str) -> None:
    (rules,) = load(PARAMS, key=key)
    crops = read_kept(layout.stage_folder("crop", key))
    out = layout.stage_folder("filter", key)
    frame = write_manifest(out, apply_rules(crops, rules), [row["key"] for row in crops])
    write_counts(layout.counts_file("filter", key), frame)


if __name__ == "__main__":
    main(sys.argv[1])
