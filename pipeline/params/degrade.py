"""Degradations of a set in params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.params.base import Count, Probability, Section


class NoDegradation(Section):
    """The photo is low-resolution already (the real set)."""

    kind: Literal["none"]


class BicubicDegradation(Section):
    """AGRNet's: antialiased bicubic shrinking (Sec. 4.2)."""

    kind: Literal["bicubic"]
    lr_px: Count


class Range(Section):
    """An inclusive range of what cannot be negative."""

    low: Annotated[float, Field(ge=0)]
    high: float

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


Interpolation = Literal["bicubic", "nearest", "linear", "area", "cubic"]  # bicubic: antialiased, PIL's; others OpenCV's


class RealDegradation(Section):
    """AGRNet-HR's, Eq. (28), Sec. 4.2. Ranges in pixels hold for an HR side of 512 px and scale with it.

    preset: what every key not given takes: `paper`, the fields' own defaults; `sparnethd`, the published code's.
    """

    kind: Literal["eq28"]
    preset: Literal["paper", "sparnethd"] = "paper"
    seed: Annotated[int, Field(ge=0)]
    variants: Count = 1  # low-resolution images per HR image
    blur_probability: Probability = 1.0
    noise_probability: Probability = 1.0
    jpeg_probability: Probability = 1.0
    clean_probability: Probability = 0.0  # of an image that stays as it is, whatever the others say
    blur_px: Range = Range(low=3, high=15)  # r of gaussian (sigma), average and median (kernel)
    motion_px: Range = Range(low=5, high=25)  # r of motion blur (kernel)
    gaussian_reading: Literal["sigma", "kernel"] = "sigma"  # what r means for the Gaussian kernel
    lr_side_px: Range = Range(low=32, high=128)  # s times 512
    interpolations: Annotated[tuple[Interpolation, ...], Field(min_length=1)] = ("bicubic",)  # each as likely
    noise_levels: Range = Range(low=0, high=25)  # p: standard deviation in grey levels
    channel_probability: Probability = 1.0  # of noise drawn for each channel on its own
    compression: Range = Range(low=60, high=85)  # q: imgaug's strength, 0 (none) to 100, whole

    @model_validator(mode="after")
    def _possible(self):
        sides = self.lr_side_px
        if sides.low < 1 or sides.high > 512:
            raise ValueError(f"lr_side_px {sides.low:g}..{sides.high:g}: 1 to 512, the HR side, is possible")
        ends = self.compression.low, self.compression.high
        if ends[1] > 100 or any(end != int(end) for end in ends):
            raise ValueError(f"compression {ends[0]:g}..{ends[1]:g}: whole numbers up to 100 are possible")
        return self

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") == "sparnethd":
            return SPARNETHD | values
        return values


# Of SPARNetHD's published code, which draws through imgaug: JPEG strengths 10 to 64, LR sides 32 to 127.
SPARNETHD = {
    "blur_probability": 0.5,
    "noise_probability": 0.2,
    "jpeg_probability": 0.7,
    "lr_side_px": {"low": 32, "high": 127},
    "interpolations": ("nearest", "linear", "area", "cubic"),
    "noise_levels": {"low": 0, "high": 25.5},
    "channel_probability": 0.5,
    "compression": {"low": 10, "high": 64},
}

Degradation = Annotated[NoDegradation | BicubicDegradation | RealDegradation, Field(discriminator="kind")]
