"""bicubic: the networks' input itself on all test sets, the row that every network is compared with."""

from pipeline.evaluation import evaluate_bicubic
from pipeline.params import load

PARAMS = ("evaluate",)


def main() -> None:
    (evaluate,) = load(PARAMS)
    evaluate_bicubic(evaluate)


if __name__ == "__main__":
    main()
