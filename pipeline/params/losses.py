"""Weights of the losses in params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Count, Section


class DiscriminatorParams(Section):
    """Arguments of `pipeline.losses.composite.discriminator.MultiScaleDiscriminator`."""

    scales: Literal[1, 3]
    width: Count
    layers: Annotated[int, Field(ge=1, le=4)]


class LossParams(Section):
    """The weights of Eq. (26) and what pixel loss and perceptual trunk are."""

    px: Annotated[float, Field(ge=0)]
    adv: Annotated[float, Field(ge=0)]
    fm: Annotated[float, Field(ge=0)]
    pc: Annotated[float, Field(ge=0)]
    px_norm: Literal["l1", "l2"] = "l1"
    perceptual_trunk: Literal["vgg19", "vgg16"] = "vgg19"
    without_trunk: Literal["stop", "leave_out"] = "stop"  # where the trunk's weights could not be had


class DICLoss(Section):
    """DIC's loss: the weight of the heat maps beside the images."""

    align_weight: Annotated[float, Field(ge=0)] = 0.1


class SFMNetLoss(Section):
    """SFMNet's loss: the weight of amplitude and phase beside the images."""

    frequency_weight: Annotated[float, Field(ge=0)] = 0.01


class NoWeights(Section):
    """A loss without weights: L1, or Eq. (15)."""
