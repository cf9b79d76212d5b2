"""Weights of the losses: what stands under `losses`, with what an entry of `networks` changes."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.params.base import Count, Positive, Section, has_room, validated
from pipeline.params.models import Arguments

Weight = Annotated[float, Field(ge=0)]


class PixelParams(Section):
    """`pipeline.losses.pixel`: l2 is AGRNet's, Eq. (15)."""

    norm: Literal["l1", "l2"]


class CompositeParams(Section):
    """`pipeline.losses.composite`: the lambdas of Eq. (26), the kinds of L_px and L_pc, the discriminators.

    discriminators: how many, the final scale's first; their width, stride-2 layers and learning rate.
    """

    px: Weight
    adv: Weight
    fm: Weight
    pc: Weight
    px_norm: Literal["l1", "l2"] = "l1"
    perceptual_trunk: Literal["vgg19", "vgg16"] = "vgg19"
    without_trunk: Literal["stop", "leave_out"] = "stop"  # where the trunk's weights could not be had
    discriminators: Literal[1, 3]
    discriminator_width: Count
    discriminator_layers: Annotated[int, Field(ge=1, le=4)]
    discriminator_learning_rate: Positive

    @model_validator(mode="after")
    def _asks_for_something(self):
        if not (self.px or self.adv or self.fm or self.pc):
            raise ValueError("px, adv, fm and pc are all 0: nothing is left to minimise")
        return self


class DICLossParams(Section):
    """`pipeline.losses.dic`: the weight of the heat maps beside the images."""

    align_weight: Weight = 0.1


class SFMNetLossParams(Section):
    """`pipeline.losses.sfmnet`: the weight of amplitude and phase beside the images."""

    frequency_weight: Weight = 0.01


LOSSES: dict[str, type[Section]] = {
    "pixel": PixelParams,
    "composite": CompositeParams,
    "dic": DICLossParams,
    "sfmnet": SFMNetLossParams,
}


def loss_params(loss: str, values: dict[str, Any], where: str) -> Section:
    """The weights of a loss. Raises ValueError naming what does not fit, and where it stands.

    A loss of one's own needs no section here: its room under pipeline/losses is enough.
    """
    schema = LOSSES.get(loss)
    if schema is None:
        if not has_room("losses", loss):
            raise ValueError(
                f"{where}: there is no loss {loss!r}: pipeline/losses has no folder of that name with an __init__.py"
            )
        schema = Arguments
    return validated(schema, values, f"{where} does not fit the loss {loss}")
