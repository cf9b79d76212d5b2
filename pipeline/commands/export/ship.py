"""Writes the kept weights as the ONNX files that travel with the package: `restore` runs them without torch.

    python -m pipeline.commands.export.ship

Run it when weights, card or gate under models/pretrained changed; a test asks for it.
"""

import sys
from pathlib import Path

from pipeline.commands.export.check import TOLERANCE, compare, holds
from pipeline.commands.export.onnx_file import to_onnx
from pipeline.commands.export.trained import read_trained
from pipeline.commands.restore.networks.by_onnx import SHIPPED, SUFFIX
from pipeline.infer.trained import WeightsError, kept_weights
from pipeline.runtime.terminal import print_anything
from pipeline.store import paths
from pipeline.store.files import whole_file


def main() -> int:
    print_anything()
    try:
        for file in ship(paths.KEPT_WEIGHTS, SHIPPED):
            print(f"written: {file} ({file.stat().st_size / 1e6:.1f} MB)")
    except WeightsError as error:
        print(f"ship: {error}", file=sys.stderr)
        return 1
    return 0


def ship(shelf: Path, target: Path) -> list[Path]:
    """One ONNX file per kept network, weights in half precision, card and gate within, the final image alone; others in
    `target` go.

    Raises WeightsError where an image would differ from torch's by more than folding allows; what was there stays then.
    """
    made = {}
    for weights in kept_weights(shelf):
        trained = read_trained(weights.file)
        data = to_onnx(trained, weights.size_px, 1, half=True, final_only=True)
        checks = compare(data, trained, weights.size_px, 1, final_only=True)
        if not holds(checks, half=False):
            largest = max(check["largest_difference"] for check in checks)
            raise WeightsError(
                f"{weights.file}: onnxruntime's images differ by {largest:.2e}; {TOLERANCE:g} is allowed"
            )
        made[target / f"{weights.file.parent.name}{SUFFIX}"] = data
    for file in set(target.glob(f"*{SUFFIX}")) - made.keys():
        file.unlink()
    for file, data in made.items():
        with whole_file(file) as out:
            out.write(data)
    return list(made)


if __name__ == "__main__":
    sys.exit(main())
