"""Which class a peer is; each module is imported for its own peer alone."""

from torch import nn


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
