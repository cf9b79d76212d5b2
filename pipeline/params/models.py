"""Arguments of the networks: what stands under `models`, with what an entry of `networks` changes."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from pipeline.params.base import Count, Positive, Section, has_room, validated


class AGRNetParams(Section):
    """Arguments of `pipeline.networks.agrnet.AGRNet`."""

    num_arus: Count
    width: Count
    head_width: Count
    fem_reduction: Count = 8
    scale_reduction: Count = 4
    activation: Literal["meta_acon", "relu"] = "meta_acon"
    attention: bool = True


class AGRNetHRParams(Section):
    """Arguments of `pipeline.networks.agrnet_hr.AGRNetHR`."""

    num_arus: Count
    widths: tuple[Count, Count, Count, Count]  # at full, half and quarter size, and in the FEM
    fem_reduction: Count = 8
    scale_reduction: Count = 4
    activation: Literal["meta_acon", "relu"] = "meta_acon"
    attention: bool = True
    norm: Literal["batch", "instance"] = "batch"


class SPARNetParams(Section):
    """Arguments of `pipeline.networks.sparnet.SPARNet`; what is not given is as published, here and below."""

    widths: Annotated[tuple[Count, ...], Field(min_length=2)] = (32, 64, 128, 128)
    num_units: Count = 10
    attention_width: Count = 64
    attention_levels: Count = 2
    attention: Literal["2d", "3d"] = "2d"
    norm: Literal["batch", "instance"] = "batch"
    spectral: bool = False


class SPARNetHDParams(SPARNetParams):
    """Arguments of `pipeline.networks.sparnet.SPARNetHD`."""

    widths: Annotated[tuple[Count, ...], Field(min_length=2)] = (102, 204, 408, 512, 512)
    num_units: Count = 9
    attention_levels: Count = 1
    norm: Literal["batch", "instance"] = "instance"
    spectral: bool = True


class DICParams(Section):
    """Arguments of `pipeline.networks.dic.DIC`, which has as many heat maps as the pipeline has landmarks."""

    width: Count = 48
    num_steps: Annotated[int, Field(ge=2)] = 4
    num_groups: Count = 6
    num_fusion_blocks: Count = 7
    alignment_width: Annotated[int, Field(ge=4, multiple_of=4)] = 256
    alignment_levels: Count = 4


class SFMNetParams(Section):
    """Arguments of `pipeline.networks.sfmnet.SFMNet`."""

    width: Count = 64
    heads: Count = 8
    group_blocks: Count = 2


class SwinIRParams(Section):
    """Arguments of `pipeline.networks.swinir.SwinIR`."""

    width: Count = 180
    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6)
    heads: Count = 6
    window: Annotated[int, Field(ge=2)] = 8
    mlp_ratio: Positive = 2
    up_width: Count = 64
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "pixelshuffle"


class SwinIRHRParams(SwinIRParams):
    """Arguments of `pipeline.networks.swinir.SwinIRHR`."""

    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6, 6, 6)
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "nearest+conv"


class MambaIRParams(Section):
    """Arguments of `pipeline.networks.mambair.MambaIR`."""

    width: Count = 180
    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6)
    state: Count = 16
    expand: Positive = 2
    up_width: Count = 64
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "pixelshuffle"


class MambaIRHRParams(MambaIRParams):
    """Arguments of `pipeline.networks.mambair.MambaIRHR`."""

    upsampler: Literal["pixelshuffle", "nearest+conv"] = "nearest+conv"


# (model, task) -> its arguments.
MODELS: dict[tuple[str, str], type[Section]] = {
    ("agrnet", "x8"): AGRNetParams,
    ("agrnet_hr", "blind"): AGRNetHRParams,
    ("sparnet", "x8"): SPARNetParams,
    ("sparnet", "blind"): SPARNetHDParams,
    ("dic", "x8"): DICParams,
    ("sfmnet", "x8"): SFMNetParams,
    ("swinir", "x8"): SwinIRParams,
    ("swinir", "blind"): SwinIRHRParams,
    ("mambair", "x8"): MambaIRParams,
    ("mambair", "blind"): MambaIRHRParams,
}


class Arguments(Section):
    """Arguments of a network or a loss that has no section in this schema: whatever its class takes, which checks them."""

    model_config = ConfigDict(extra="allow")


def model_params(model: str, task: str, values: dict[str, Any], where: str) -> Section:
    """The arguments of a model in its form for a task. Raises ValueError naming what does not fit, and where it stands.

    A network of one's own needs no section here: its room under pipeline/networks is enough, and its class looks at the
    arguments when it is built.
    """
    schema = MODELS.get((model, task))
    if schema is None:
        tasks = [of for name, of in MODELS if name == model]
        if tasks:
            raise ValueError(
                f"{where}: {model} has no form for the task {task}, only for {', '.join(tasks)} (params/models.py)"
            )
        if not has_room("networks", model):
            raise ValueError(
                f"{where}: there is no model {model!r}: pipeline/networks has no folder of that name with an __init__.py"
            )
        schema = Arguments
    return validated(schema, values, f"{where} does not fit the model {model}")
