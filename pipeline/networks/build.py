"""Which class a network is; each module is imported for its own network alone."""

import torch
from torch import nn

from pipeline.params.base import Section
from pipeline.params.models import AGRNetHRNetwork, AGRNetNetwork


def peer_class(model: str, sets: str) -> type[nn.Module]:
    """The network `model` in its form for AGRNet's sets (x8) or AGRNet-HR's (at one size). Its attribute `takes` names its
    input: "lr", the low-resolution image, or "lr_up", the same at output size.

    Raises ValueError for a form that there is not.
    """
    hr = sets == "agrnet_hr"
    if model == "sparnet":
        from pipeline.networks.sparnet.network import SPARNet, SPARNetHD

        return SPARNetHD if hr else SPARNet
    if model == "swinir":
        from pipeline.networks.swinir.network import SwinIR, SwinIRHR

        return SwinIRHR if hr else SwinIR
    if model == "mambair":
        from pipeline.networks.mambair.network import MambaIR, MambaIRHR

        return MambaIRHR if hr else MambaIR
    if model == "dic" and not hr:
        from pipeline.networks.dic.network import DIC

        return DIC
    if model == "sfmnet" and not hr:
        from pipeline.networks.sfmnet.network import SFMNet

        return SFMNet
    raise ValueError(f"{model} has no form for {sets}'s sets")


def build_network(
    model_name: str, network: AGRNetNetwork | AGRNetHRNetwork | Section, sets: str | None = None
) -> torch.nn.Module:
    """The generator of a model, untrained. Each model's module is imported for it alone.

    sets: for a peer, whose sets it restores.
    """
    if model_name == "agrnet":
        from pipeline.networks.agrnet.network import AGRNet

        return AGRNet(**network.model_dump())
    if model_name == "agrnet_hr":
        from pipeline.networks.agrnet_hr.network import AGRNetHR

        return AGRNetHR(**network.model_dump())
    return peer_class(model_name, sets)(**network.model_dump())


def network_input(model_name: str, sets: str | None) -> str:
    """I_LR-UP, "lr_up" (Sec. 3.1), or the low-resolution image itself, "lr", as some peers do. sets: a peer's."""
    if sets in (None, model_name):
        return "lr_up"
    return peer_class(model_name, sets).takes
