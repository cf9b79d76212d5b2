"""`agrnet-export`, also `python -m pipeline.commands.export`: a trained network as an ONNX file, checked against PyTorch."""

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from pipeline.commands.restore.words import IDENTITY
from pipeline.runtime.terminal import print_anything

DESCRIPTION = (
    "Writes a trained network as an ONNX file, checks it against PyTorch on noise and on photographs, and writes what was "
    f"measured as JSON beside it. {IDENTITY}"
)
EXIT_BAD_CHECK, EXIT_BAD_INPUT = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, 1 where the check fails (nothing is written then), 2 for wrong input."""
    print_anything()
    args = _parser().parse_args(arguments)
    absent = [name for name in ("torch", "onnx", "onnxscript") if find_spec(name) is None]
    if absent:
        print(f"export needs {', '.join(absent)}: pip install '.[export]' in a checkout", file=sys.stderr)
        return EXIT_BAD_INPUT
    try:
        batch = None if args.dynamic_batch else args.batch
        return export(args.weights, args.onnx, args.size_px, batch, args.half, args.final_only)
    except (ValueError, OSError) as error:
        print(f"agrnet-export: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT


def export(
    weights: Path, target: Path, size_px: int | None, batch: int | None, half: bool = False, final_only: bool = False
) -> int:
    """Write `target` and, beside it, what it is and what was measured as JSON (same name, .json); returns the exit code.

    weights: a folder with card.json and weights, or the .safetensors file. size_px: None for the card's. batch: None for
    any number. half: store weights in half precision. final_only: without the smaller images of AGRNet-HR.
    Raises ValueError for weights or sizes that do not do, and where the JSON would replace what no export wrote, such as the
    weights' card.
    """
    # Here, so that --help and a wrong option need not wait for torch.
    from pipeline.commands.export.check import GREY_LEVELS, TOLERANCE, compare, holds
    from pipeline.commands.export.onnx_file import to_onnx
    from pipeline.commands.export.trained import read_trained
    from pipeline.store.files import whole_file, write_json

    if target.suffix != ".onnx":
        raise ValueError(f"{target.name}: an ONNX file ends in .onnx")
    record = target.with_suffix(".json")
    _refuse_to_replace(record)
    trained = read_trained(weights)
    size_px = size_px or trained.card["data"]["size_px"]
    data = to_onnx(trained, size_px, batch, half, final_only)
    checks = compare(data, trained, size_px, batch, final_only)
    for check in checks:
        print(
            f"{check['inputs']}, {check['images']} at once: differs from PyTorch by at most "
            f"{check['largest_difference']:.2e} ({check['grey_levels']} grey levels once rounded)"
        )
    largest = max(check["largest_difference"] for check in checks)
    allowed = f"{GREY_LEVELS} grey level" if half else f"{TOLERANCE:g}"
    if not holds(checks, half):
        print(f"NOT written: it differs by {largest:.2e}, and {allowed} is allowed", file=sys.stderr)
        return EXIT_BAD_CHECK
    with whole_file(target) as file:
        file.write(data)
    write_json(record, _record(data, largest, checks, allowed if half else TOLERANCE))
    print(f"{target}: {len(data) / 1e6:.1f} MB, largest difference {largest:.2e} (allowed: {allowed})")
    print(IDENTITY)
    return 0


def _refuse_to_replace(record: Path) -> None:
    """Raises ValueError where a file by that name is no export's, or has another meaning beside weights."""
    from pipeline.store.weights import CARD
    from pipeline.train.card import RUNS

    what = "means something else beside weights" if record.name in (CARD, RUNS) else ""
    if record.exists() and not _is_record(record):
        what = "is there already and not from an export"
    if what:
        raise ValueError(
            f"what is measured would be written to {record}, which {what}: name another .onnx file, e.g. "
            f"{record.with_name('network.onnx')}"
        )


def _is_record(path: Path) -> bool:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and {"largest_difference", "tolerance", "checks"} <= said.keys()


def _record(data: bytes, largest: float, checks: list[dict], tolerance: float | str) -> dict:
    import onnx
    import torch

    from pipeline.commands.export.onnx_file import metadata, opset
    from pipeline.runtime.quiet import onnxruntime

    versions = {part.__name__: part.__version__ for part in (torch, onnx, onnxruntime)}
    measured = {"largest_difference": largest, "tolerance": tolerance, "checks": checks}
    return {**metadata(data), **measured, "opset": opset(data), "versions": versions}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agrnet-export", description=DESCRIPTION)
    parser.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the file to write, ending in .onnx")
    parser.add_argument(
        "--weights",
        type=Path,
        required=True,
        metavar="PATH",
        help="models/<network>, or a .safetensors file beside its card.json",
    )
    parser.add_argument("--size-px", type=_positive, metavar="N", help="the images' side (default: the card's)")
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--batch", type=_positive, default=1, metavar="N", help="images at once (default: 1)")
    how_many.add_argument("--dynamic-batch", action="store_true", help="any number of images at once")
    parser.add_argument(
        "--half", action="store_true", help="store weights in half precision: half of the room, one grey level at most"
    )
    parser.add_argument("--final-only", action="store_true", help="without the smaller images of AGRNet-HR")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}; expected 1 or more")
    return number
