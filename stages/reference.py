"""reference: the HR images of the test sets as metrics see them, looked at once for all networks."""

from pipeline import layout
from pipeline.device import pick_device, use_threads
from pipeline.instruments import Instruments
from pipeline.params import load
from pipeline.reference import make_reference

PARAMS = ("evaluate",)


def main() -> None:
    (params,) = load(PARAMS)
    use_threads(params.threads)
    make_reference(Instruments(params, pick_device(params.device)), layout.TEST_SETS)


if __name__ == "__main__":
    main()
