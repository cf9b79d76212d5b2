"""Weights that SPARNet's authors trained, under the names of `pipeline.networks.sparnet.network`."""

import re

from torch import Tensor

_STAGES = {"encoder": "down", "res_layers": "features", "decoder": "up"}
_LAYERS = {
    "shortcut_func.conv2d": "shortcut",
    "preact_func.0.norm": "norm0",
    "conv1.conv2d": "conv1",
    "conv1.norm.norm": "norm1",
    "conv2.conv2d": "conv2",
    "conv2.norm.norm": "norm2",
    "att_func.out_block.0.conv2d": "score",
}
_BRANCHES = {"b1": "beside", "b2": "down", "b2_plus": "inner", "b3": "up"}
_SPECTRAL = {"weight_orig": "parametrizations.weight.original"} | {
    f"weight_{vector}": f"parametrizations.weight.0._{vector}" for vector in "uv"
}


def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state_dict of SPARNet or SPARNetHD from one that the authors' code saved (their net G or H).

    The tensors are the given ones, under other names; load_state_dict then says where arguments do not fit the weights.
    A "module." that data parallelism puts before names is dropped. A state_dict with our names comes back as it is. Raises
    ValueError for a name that SPARNet does not have.
    """
    if "head.weight" in state or "head.parametrizations.weight.original" in state:
        return state
    names = [name.removeprefix("module.") for name in state]
    depths: dict[str, int] = {}  # of the hourglass in each unit: the number in b1_<number> counts from its inmost level
    for name in names:
        if found := re.fullmatch(r"(\w+\.\d+)\.att_func\.b1_(\d+)\..+", name):
            depths[found[1]] = max(depths.get(found[1], 0), int(found[2]))
    return {_our_name(name, depths): tensor for name, tensor in zip(names, state.values(), strict=True)}


def _our_name(name: str, depths: dict[str, int]) -> str:
    layer, _, parameter = name.rpartition(".")
    parameter = _SPECTRAL.get(parameter, parameter)
    ends = {"encoder.0.conv2d": "head", "out_conv.conv2d": "tail"}
    if layer in ends:
        return f"{ends[layer]}.{parameter}"
    unit = re.fullmatch(r"((encoder|res_layers|decoder)\.(\d+))\.(.+)", layer)
    if unit:
        stage = f"{_STAGES[unit[2]]}.{int(unit[3]) - (unit[2] == 'encoder')}"
        if unit[4] in _LAYERS:
            return f"{stage}.{_LAYERS[unit[4]]}.{parameter}"
        branch = re.fullmatch(r"att_func\.(b1|b2|b2_plus|b3)_(\d+)\.(conv2d|norm\.norm)", unit[4])
        if branch:
            inwards = "inner." * (depths.get(unit[1], 0) - int(branch[2]))
            part = 0 if branch[3] == "conv2d" else 1
            return f"{stage}.hourglass.{inwards}{_BRANCHES[branch[1]]}.{part}.{parameter}"
    raise ValueError(f"{name!r} is no name of SPARNet's released code; is this a state_dict of its net G or H?")
