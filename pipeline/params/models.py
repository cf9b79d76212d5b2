"""Other people's networks in params.yaml: which, of what size, trained how."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Count, Positive, Section


class SPARNetNetwork(Section):
    """Arguments of `pipeline.networks.sparnet.network.SPARNet`; what is not given is as published, here and below."""

    widths: Annotated[tuple[Count, ...], Field(min_length=2)] = (32, 64, 128, 128)
    num_units: Count = 10
    attention_width: Count = 64
    attention_levels: Count = 2
    attention: Literal["2d", "3d"] = "2d"
    norm: Literal["batch", "instance"] = "batch"
    spectral: bool = False


class SPARNetHDNetwork(SPARNetNetwork):
    """Arguments of `pipeline.networks.sparnet.network.SPARNetHD`."""

    widths: Annotated[tuple[Count, ...], Field(min_length=2)] = (102, 204, 408, 512, 512)
    num_units: Count = 9
    attention_levels: Count = 1
    norm: Literal["batch", "instance"] = "instance"
    spectral: bool = True


class DICNetwork(Section):
    """Arguments of `pipeline.networks.dic.network.DIC`, which has as many heat maps as the pipeline has landmarks."""

    width: Count = 48
    num_steps: Annotated[int, Field(ge=2)] = 4
    num_groups: Count = 6
    num_fusion_blocks: Count = 7
    alignment_width: Annotated[int, Field(ge=4, multiple_of=4)] = 256
    alignment_levels: Count = 4


class SFMNetNetwork(Section):
    """Arguments of `pipeline.networks.sfmnet.network.SFMNet`."""

    width: Count = 64
    heads: Count = 8
    group_blocks: Count = 2


class SwinIRNetwork(Section):
    """Arguments of `pipeline.networks.swinir.network.SwinIR`."""

    width: Count = 180
    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6)
    heads: Count = 6
    window: Annotated[int, Field(ge=2)] = 8
    mlp_ratio: Positive = 2
    up_width: Count = 64
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "pixelshuffle"


class SwinIRHRNetwork(SwinIRNetwork):
    """Arguments of `pipeline.networks.swinir.network.SwinIRHR`."""

    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6, 6, 6)
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "nearest+conv"


class MambaIRNetwork(Section):
    """Arguments of `pipeline.networks.mambair.network.MambaIR`."""

    width: Count = 180
    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6)
    state: Count = 16
    expand: Positive = 2
    up_width: Count = 64
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "pixelshuffle"


class MambaIRHRNetwork(MambaIRNetwork):
    """Arguments of `pipeline.networks.mambair.network.MambaIRHR`."""

    upsampler: Literal["pixelshuffle", "nearest+conv"] = "nearest+conv"


# (peer, whose sets) -> its arguments.
PEER_NETWORKS: dict[tuple[str, str], type[Section]] = {
    ("sparnet", "agrnet"): SPARNetNetwork,
    ("sparnet", "agrnet_hr"): SPARNetHDNetwork,
    ("dic", "agrnet"): DICNetwork,
    ("sfmnet", "agrnet"): SFMNetNetwork,
    ("swinir", "agrnet"): SwinIRNetwork,
    ("swinir", "agrnet_hr"): SwinIRHRNetwork,
    ("mambair", "agrnet"): MambaIRNetwork,
    ("mambair", "agrnet_hr"): MambaIRHRNetwork,
}


class AGRNetNetwork(Section):
    """Arguments of `pipeline.networks.agrnet.network.AGRNet`."""

    num_arus: Count
    width: Count
    head_width: Count
    fem_reduction: Count = 8
    scale_reduction: Count = 4
    activation: Literal["meta_acon", "relu"] = "meta_acon"
    attention: bool = True


class AGRNetHRNetwork(Section):
    """Arguments of `pipeline.networks.agrnet_hr.network.AGRNetHR`."""

    num_arus: Count
    widths: tuple[Count, Count, Count, Count]  # at full, half and quarter size, and in the FEM
    fem_reduction: Count = 8
    scale_reduction: Count = 4
    activation: Literal["meta_acon", "relu"] = "meta_acon"
    attention: bool = True
    norm: Literal["batch", "instance"] = "batch"
