"""What bench-train measures on each device: networks, sizes, losses, and how many times faster is wanted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.commands.benchmarks.train_forms import Objective
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.params.losses import CompositeParams, PixelParams
from pipeline.store.features import CONV_LAYERS
from pipeline.store.pretrained import STATUS
from pipeline.train.batches import Part

TRUNK = "vgg19"


@dataclass(frozen=True)
class Case:
    """One network at one size. lr_px: sides of the low-resolution images, in turn; () where it is not measured with data.

    wanted: what is measured -> form -> at least so many times the baseline.
    """

    net: nn.Module
    px: int
    batch: int
    objective: Objective
    lr_px: tuple[int, ...] = ()
    inference: bool = True
    wanted: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def batch_on(self, device: torch.device) -> Part:
        """Random images in [-1, 1]: (N, 3, px, px)."""
        return Part(*torch.rand(2, self.batch, 3, self.px, self.px, device=device) * 2 - 1)


@dataclass(frozen=True)
class Sizes:
    """How much is measured: rounds, calls of each step in a round, steps with data, and the side of the matrix product."""

    rounds: int
    repeats: int
    data_steps: int
    matmul_side: int


SIZES = {
    "cpu": Sizes(rounds=3, repeats=1, data_steps=6, matmul_side=1024),
    "cuda": Sizes(rounds=3, repeats=2, data_steps=30, matmul_side=8192),
}


def cases_on(device: torch.device, brought: Path) -> dict[str, Case]:
    """The cases of a device. brought: a folder for the perceptual loss's weights, which `with_any_trunk` fills."""
    l2, l1 = (Objective("pixel", PixelParams(norm=norm)) for norm in ("l2", "l1"))
    if device.type == "cpu":
        training, inference = {"fast_fp32": 1.1, "fast_bf16": 1.4}, {"fast_fp32": 1.3, "fast_bf16": 2}
        wanted = {"training": training, "inference": inference}
        return {
            "agrnet": Case(AGRNet(), 128, 2, l2, lr_px=(16,), wanted=wanted),
            "agrnet_hr": Case(AGRNetHR(), 256, 1, l1, wanted=wanted),
        }
    gan = Objective("composite", gan_params(), ema=0.999, brought=with_any_trunk(brought))
    times = lambda training, **others: {"training": {"fast_bf16_recorded": training}, **others}  # noqa: E731
    restored = {"inference": {"fast_bf16_compiled_recorded": 8}}
    return {
        "agrnet": Case(AGRNet().to(device), 128, 64, l2, lr_px=(16,), wanted=times(8, **restored)),
        "agrnet_hr_256": Case(
            AGRNetHR().to(device), 256, 16, gan, lr_px=tuple(range(32, 128, 2)), inference=False, wanted=times(6)
        ),
        "agrnet_hr_512": Case(AGRNetHR().to(device), 512, 2, gan, inference=False, wanted=times(20)),
    }


def gan_params() -> CompositeParams:
    """AGRNet-HR's loss of Sec. 4.1 with SPARNetHD's discriminators, as the profiles have it."""
    return CompositeParams(
        px=100,
        adv=1,
        fm=10,
        pc=1,
        perceptual_trunk=TRUNK,
        discriminators=3,
        discriminator_width=64,
        discriminator_layers=4,
        discriminator_learning_rate=4e-4,
    )


def with_any_trunk(folder: Path) -> Path:
    """The folder, with weights of VGG19 drawn at random: they cost the time of trained ones."""
    folder.mkdir(parents=True)
    save_file(any_trunk(TRUNK), folder / "any.safetensors")
    (folder / STATUS).write_text(json.dumps({TRUNK: {"available": True, "file": "any.safetensors"}}))
    return folder


def any_trunk(name: str) -> dict[str, Tensor]:
    """Weights of a VGG's convolutions, drawn so that activations keep their size."""
    found = {}
    for number, (inputs, outputs, side) in CONV_LAYERS[name].items():
        found[f"features.{number}.weight"] = torch.randn(outputs, inputs, side, side) * (2 / (inputs * side**2)) ** 0.5
        found[f"features.{number}.bias"] = torch.zeros(outputs)
    return found
