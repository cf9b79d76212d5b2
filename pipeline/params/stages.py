"""Sections of params.yaml that are no data and no training: runtime, pretrained, infer, evaluate."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.base import Count, Positive, Section
from pipeline.store.paths import PRETRAINED, SCRATCH


class RuntimeParams(Section):
    """How the work is done, never what comes out: no stage but the report, which shows it, is cached against it."""

    ray_above_images: Annotated[int, Field(ge=0)]  # more images than this go through Ray Data, fewer stay in-process
    workers: Annotated[int, Field(ge=0)]  # of a private Ray instance; 0: one per core that may be used
    keep_states: bool = True  # the state of a finished training stays under .scratch/, so that it can be lengthened


class PretrainedParams(Section):
    """Which weights to bring: "auto" (the published source), "off", or the path of a file."""

    alexnet: str
    vgg16: str
    vgg19: str
    inception: str
    yunet: str = "off"  # a path or off: no package ships it
    timeout_s: Positive

    @model_validator(mode="after")
    def _files_lie_elsewhere(self):
        for name in ("alexnet", "vgg16", "vgg19", "inception", "yunet"):
            file = Path(getattr(self, name)).resolve()
            if any(file.is_relative_to(own.resolve()) for own in (PRETRAINED, SCRATCH)):
                raise ValueError(
                    f"pretrained.{name}: {getattr(self, name)} lies where the stage keeps its own copies, which are deleted "
                    "before it runs; keep the file elsewhere"
                )
        return self


class InferParams(Section):
    """How networks are run on the test sets."""

    batch_size: Count
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"


Metric = Literal[
    "conventions", "lpips_alex", "lpips_vgg", "landmarks", "fid_inception", "kid_inception", "frechet_vgg16"
]


class EvaluateParams(Section):
    """What is measured on the images that networks made, beside PSNR and SSIM on Y.

    conventions: PSNR and SSIM as the peers' codes measure them. The last three compare whole sets, where there is no ground
    truth. batch_size: images at a time through the networks that metrics look through.
    """

    batch_size: Count
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    metrics: list[Metric] = Field(default_factory=list)
