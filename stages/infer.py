"""infer: one network on its test sets; its images are kept, and what it cost to make them."""

import sys

from pipeline.infer.run import infer
from pipeline.params.base import told
from pipeline.params.file import load

PARAMS = ("infer",)


def main(key: str, *settings: str) -> None:
    (params,) = load(PARAMS, key=key)
    infer(key, told(params, settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
