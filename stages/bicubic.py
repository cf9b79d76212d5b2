"""bicubic: the networks' input itself on all test sets, the row that every network is compared with."""

from pipeline import layout
from pipeline.evaluation import evaluate
from pipeline.params import load

PARAMS = ("evaluate",)


def main() -> None:
    (params,) = load(PARAMS)
    sets = [key for key, (_, split) in layout.SETS.items() if split == "test"]
    evaluate(layout.BICUBIC, sets, [(0, lambda batch: batch)], {}, params)


if __name__ == "__main__":
    main()
