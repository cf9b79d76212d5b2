"""How a step of a network is called in a picture, and of which kind, that is colour, it is."""

import re

from torch import nn

from pipeline.commands.diagrams.traced import Step
from pipeline.losses.composite.discriminator import Discriminator
from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.aru import ARU
from pipeline.networks.units.gam import GAM

NAMES = {
    nn.BatchNorm2d: "batch norm",
    nn.InstanceNorm2d: "instance norm",
    nn.GroupNorm: "layer norm",  # the networks' only use of it: one group (pipeline/networks/units/acon.py)
    nn.ReLU: "ReLU",
    MetaAconC: "meta-ACON",
    GAM: "GAM",
    "acon_c": "ACON-C",
    "mean": "mean over pixels",
    "mul": "product",
    "add": "sum",
}
KINDS = {
    nn.Conv2d: "conv",
    nn.Linear: "conv",
    nn.Upsample: "up",
    nn.ReLU: "activation",
    MetaAconC: "activation",
    GAM: "attention",
    Discriminator: "judge",
    "acon_c": "activation",
    "sigmoid": "activation",
    "input": "image",
}


def called(step: Step) -> str:
    """A step's name: "Conv 3×3", "meta-ACON"; an ARU's says whether it changes the size."""
    match step.what:
        case nn.Conv2d(kernel_size=(height, width)):
            return f"Conv {height}×{width}"
        case nn.Upsample(scale_factor=factor, mode=mode):
            return f"{mode} ×{factor:g}"
        case nn.Linear():
            return "Linear"
        case ARU():
            return {"down": "DARU", "up": "UARU"}.get(scaling(step), "ARU")
        case Discriminator():
            return f"D_{{{int(step.path.rsplit('.', 1)[1]) + 1}}}"
        case str(operation):
            return NAMES.get(operation, operation)
    return NAMES.get(type(step.what), type(step.what).__name__)


def detail(step: Step) -> str:
    """What is to be said of a step beside its name: the channels of a convolution or linear layer and its stride, the order
    that a permutation leaves, the parameters that an operation reads."""
    match step.what:
        case nn.Conv2d(in_channels=before, out_channels=after, stride=(stride, _)):
            return f"{before}→{after}" + (f", /{stride}" if stride > 1 else "")
        case nn.Linear(in_features=before, out_features=after):
            return f"{before}→{after}"
        case "permute":
            return size(step.shape)
    return ", ".join(re.sub(r"(\d+)$", r"_{\1}", name) for name in step.attributes)


def kind(step: Step) -> str:
    """The step's kind, one of those that pipeline.commands.diagrams.svg has colours for."""
    if step.group == "attention":
        return "attention"
    if isinstance(step.what, ARU | nn.Conv2d) and scaling(step):
        return scaling(step)
    if isinstance(step.what, ARU):
        return "extract"
    return KINDS.get(step.what if isinstance(step.what, str) else type(step.what), "plain")


def size(shape: tuple[int, ...]) -> str:
    """The shape of one image's map: "144×16×16"."""
    return "×".join(map(str, shape[1:]))


def scaling(step: Step) -> str:
    """Whether a step makes maps smaller, "down", or larger, "up"; else nothing."""
    before, after = step.in_shape[-1], step.shape[-1]
    return "down" if after < before else "up" if after > before else ""


def amount(count: float) -> str:
    """A count in three digits: 504, 629 k, 13.2 M, 30.4 G."""
    for unit in ("", " k", " M", " G"):
        if count < 999.5:
            digits = 0 if not unit or count >= 99.95 else 1 if count >= 9.995 else 2
            return f"{count:.{digits}f}{unit}"
        count /= 1000
    return f"{count:.3g} T"


def cost(parameters: int, macs: int) -> str:
    """Both costs of a block in words."""
    return f"{amount(parameters)} parameters, {amount(macs)} MAC"
