"""reference: the HR images of the test sets as metrics see them, looked at once for all networks."""

import sys

from pipeline.evaluate.instruments import Instruments
from pipeline.evaluate.reference import make_reference
from pipeline.params.base import told
from pipeline.params.file import load
from pipeline.runtime.device import pick_device, use_threads
from pipeline.store import paths

PARAMS = ("evaluate",)


def main(*settings: str) -> None:
    (params,) = load(PARAMS)
    params = told(params, settings)
    use_threads(params.threads)
    make_reference(Instruments(params, pick_device(params.device)), paths.TEST_SETS)


if __name__ == "__main__":
    main(*sys.argv[1:])
