"""bicubic: metrics of the networks' input itself on all test sets, the row that every network is compared with."""

from pipeline import layout
from pipeline.evaluation import evaluate
from pipeline.params import load
from pipeline.restored import open_test_set

PARAMS = ("evaluate",)


def main() -> None:
    (params,) = load(PARAMS)

    def restored(name: str, _: int):
        pairs = open_test_set(name)
        return pairs.keys, (pairs.lr_up(index) for index in range(len(pairs)))

    evaluate(layout.BICUBIC, [0], layout.TEST_SETS, restored, params)


if __name__ == "__main__":
    main()
