"""Makes README's pictures anew with the weights that ship: `python -m pipeline.commands.examples`, or `make examples`.

The captions that belong to them are printed; a test holds the READMEs to these.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pipeline.commands.restore import cli
from pipeline.degrade.draw import NO_RECORD, Record
from pipeline.degrade.eq28 import degrade
from pipeline.degrade.kernels import gaussian_kernel_px
from pipeline.examples.photographs import PORTRAIT, portraits
from pipeline.examples.run import restored
from pipeline.images.pixels import resize
from pipeline.infer.apply import applied
from pipeline.infer.count import count_parameters
from pipeline.infer.trained import Weights, WeightsError, kept_weights
from pipeline.metrics.fidelity.psnr import psnr_y
from pipeline.photos import packaged
from pipeline.runtime.device import use_threads
from pipeline.store import images, paths

FOLDER = paths.REPORTS / "examples"
TILE_PX, GAP_PX, WHITE = 256, 8, 255
# A photograph poor enough to be worth restoring, and not so poor that nothing is left.
PHOTO_PX, SIGMA_PX, NOISE_LEVEL, QUALITY = 192, 1.0, 5.0, 30


def main(folder: Path = FOLDER) -> dict[str, str]:
    """Write astronaut.png and restore.png; returns their captions, by file name.

    Raises WeightsError where no weights of AGRNet ship, RuntimeError where restore left the face alone.
    """
    use_threads(1)  # a sum's last bits depend on how it was split
    folder.mkdir(parents=True, exist_ok=True)
    captions = {}
    for name, made in (("astronaut.png", face_picture), ("restore.png", restore_picture)):
        picture, captions[name] = made()
        Image.fromarray(picture).save(folder / name, optimize=True)  # git keeps every version
    return captions


def face_picture() -> tuple[np.ndarray, str]:
    """The portrait at 16 px, enlarged, by AGRNet, and the original, side by side as RGB uint8; and its caption."""
    weights = next((weights for weights in kept_weights(paths.KEPT_WEIGHTS) if weights.task == "x8"), None)
    if weights is None:
        raise WeightsError(f"{paths.KEPT_WEIGHTS} holds no weights of AGRNet: python -m pipeline.commands.keep weights")
    net = weights.load()
    (face,) = portraits(weights)
    made = restored(face, weights, applied(net, torch.device("cpu")), {"psnr": psnr_y})
    tiles = [_tile(image) for image in (made.lr, made.bicubic, made.restored, made.original)]
    gap = np.full((len(tiles[0]), GAP_PX, 3), WHITE, np.uint8)
    row = [part for tile in tiles for part in (tile, gap)][:-1]
    bicubic, network = (f"{made.figures[side]['psnr']:.1f} dB" for side in ("bicubic", "network"))
    lr_px = made.lr.shape[0]
    return np.concatenate(row, axis=1), (
        f"{lr_px}x{lr_px} px | bicubic, {bicubic} | {weights.card['title']}, {network} | the original. The weights are in "
        f"`{weights.file.parent}`: {count_parameters(net) / 1e6:.2f} M parameters, {_training(weights)}."
    )


def restore_picture() -> tuple[np.ndarray, str]:
    """What `restore --compare` makes of the poor photograph, RGB uint8; and its caption."""
    with tempfile.TemporaryDirectory() as folder:
        photo, out = Path(folder) / "astronaut.jpg", Path(folder) / "out"
        photo.write_bytes(poor_photo())
        code = cli.main([str(photo), "-o", str(out), "--compare", "--device", "cpu"])
        record = json.loads((out / f"{photo.name}.json").read_bytes()) if code == 0 else {}
        if record.get("status") != "restored":
            raise RuntimeError(f"restore (exit code {code}) did not restore the portrait: {record.get('faces')}")
        picture = images.decode((out / f"{photo.name}_compare.png").read_bytes())
    return picture, (
        f"shrunk to {PHOTO_PX} px, blurred (sigma {SIGMA_PX:g}), with noise ({NOISE_LEVEL:g} grey levels) and saved as JPEG "
        f"of quality {QUALITY}."
    )


def poor_photo() -> bytes:
    """The portrait's whole photograph, shrunk and then spoilt by Eq. (28), as JPEG."""
    values = {"kind": "gaussian", "r": SIGMA_PX, "sigma": SIGMA_PX, "kernel_px": gaussian_kernel_px(SIGMA_PX)}
    values |= {"lr_side_px": PHOTO_PX, "interpolation": "bicubic", "noise_level": NOISE_LEVEL, "per_channel": True}
    record = Record(**NO_RECORD.columns() | values | {"quality": QUALITY, "seed": 0})
    return degrade(resize(packaged.photo(PORTRAIT), PHOTO_PX, "bicubic"), record)


def _tile(image: np.ndarray) -> np.ndarray:
    """An image enlarged by a whole number: its pixels as they are."""
    factor = TILE_PX // len(image)
    return image.repeat(factor, 0).repeat(factor, 1)


def _training(weights: Weights) -> str:
    """For how long the weights were trained, on what, in words."""
    card = weights.card
    if told := card["runs"].get("seeds"):
        minutes = told[str(card["seed"])]["training_s"] / 60
        length = f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
    else:  # kept without its times (`pipeline.commands.keep`)
        length = f"{card['steps']:,} steps"
    one_core = card["device"] == "cpu" and card["params"]["train"]["threads"] == 1
    return f"{length} of training on {'a CPU core' if one_core else card['device']}"


if __name__ == "__main__":
    for picture, caption in main().items():
        print(f"{FOLDER / picture}: {caption}")
