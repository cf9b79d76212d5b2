"""The perceptual network on its way: half precision, without the layers that no loss looks at.

    python -m pipeline.commands.away.halves

makes of what was packed the file that the training reads.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.store import paths
from pipeline.store.features import CONV_LAYERS, vgg_blocks
from pipeline.store.pretrained import weights_path
from pipeline.store.weights import half_precision, save_weights

FOLDER = Path("away")


def main() -> None:
    for file in sorted(FOLDER.glob("*.safetensors")):
        task, trunk = file.stem.split("_")
        save_weights(weights_path(paths.PRETRAINED / task, trunk), widened(load_file(file), trunk))


def packed_name(task: str, trunk: str) -> str:
    """Where the packed trunk of a task lies."""
    return (FOLDER / f"{task}_{trunk}.safetensors").as_posix()


def unseen(trunk: str) -> list[int]:
    """Numbers of the convolutions behind relu5_1, the last that Eq. (25) looks at here."""
    return vgg_blocks(trunk)[-1][1:]


def narrowed(features: dict[str, torch.Tensor], trunk: str) -> dict[str, torch.Tensor]:
    """The layers that are looked at, in half precision."""
    left_out = {f"features.{number}." for number in unseen(trunk)}
    kept = {name: value for name, value in features.items() if not name.startswith(tuple(left_out))}
    return half_precision(kept, trunk)


def widened(features: dict[str, torch.Tensor], trunk: str) -> dict[str, torch.Tensor]:
    """All layers in float32; those that were left out are zero."""
    whole = {name: value.float() for name, value in features.items()}
    for number in unseen(trunk):
        inputs, outputs, side = CONV_LAYERS[trunk][number]
        whole[f"features.{number}.weight"] = torch.zeros(outputs, inputs, side, side)
        whole[f"features.{number}.bias"] = torch.zeros(outputs)
    return whole


if __name__ == "__main__":
    main()
