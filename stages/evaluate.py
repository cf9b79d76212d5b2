"""evaluate: metrics of the images that one network made."""

import sys

from pipeline.evaluate.run import evaluate
from pipeline.params.base import told
from pipeline.params.file import load
from pipeline.store import paths
from pipeline.store.restored import read_made, restored_by

PARAMS = ("evaluate",)


def main(key: str, *settings: str) -> None:
    (params,) = load(PARAMS, key=key)
    made = read_made(key)
    evaluate(key, made.seeds, paths.sets_of(made.task, "test"), restored_by(key), told(params, settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
