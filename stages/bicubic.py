"""bicubic: metrics of the networks' input itself on all test sets, the row that every network is compared with."""

import sys

from pipeline.evaluate.run import evaluate
from pipeline.images.pairs import open_test_set
from pipeline.params.base import told
from pipeline.params.file import load
from pipeline.store import paths

PARAMS = ("evaluate",)


def main(*settings: str) -> None:
    (params,) = load(PARAMS)
    params = told(params, settings)

    def restored(name: str, _: int):
        pairs = open_test_set(name)
        return pairs.keys, (pairs.lr_up(index) for index in range(len(pairs)))

    evaluate(paths.BICUBIC, [0], paths.TEST_SETS, restored, params)


if __name__ == "__main__":
    main(*sys.argv[1:])
