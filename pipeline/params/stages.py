"""Sections of params.yaml for what is no data and no training: pretrained, restore, evaluate, report, runtime."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.base import Count, Name, Positive, Section


class RuntimeParams(Section):
    """How the work is done, never what comes out: no stage is cached against it."""

    ray_above_images: Annotated[int, Field(ge=0)]  # more images than this go through Ray Data, fewer stay in-process
    workers: Annotated[int, Field(ge=0)]  # of a private Ray instance; 0: one per core
    keep_states: bool = True  # the state of a finished training stays under .scratch/, so that it can be lengthened


class PretrainedParams(Section):
    """Which weights to bring: "auto" (the published source), "off", or the path of a file."""

    alexnet: str
    vgg16: str
    vgg19: str
    inception: str
    yunet: str = "off"  # a path or off: no package ships it
    timeout_s: Positive


class RestoreParams(Section):
    """How networks are run on the test sets."""

    batch_size: Count
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"


Metric = Literal[
    "conventions", "lpips_alex", "lpips_vgg", "landmarks", "fid_inception", "kid_inception", "frechet_vgg16"
]


class EvaluateParams(Section):
    """What is measured on the restored images, beside PSNR and SSIM on Y.

    conventions: PSNR and SSIM as the peers' codes measure them. The last three compare whole sets, where there is no ground
    truth. batch_size: images at a time through the networks that metrics look through.
    """

    batch_size: Count
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    metrics: list[Metric]


class Column(Section):
    """One network of a table: what the paper calls it, and the variant that stands for it (none: the paper's alone)."""

    label: str
    variant: Name | None = None


class Table(Section):
    """One of Tables 2 to 7: its networks; the `dataset.metric` keys of its figures.

    baseline: the label of the network that the others are compared with, image by image.
    """

    title: str
    baseline: str
    columns: list[Column]
    rows: list[str]

    @model_validator(mode="after")
    def _has_its_baseline(self):
        labels = [column.label for column in self.columns]
        if self.baseline not in labels:
            raise ValueError(f"baseline {self.baseline!r} is none of the labels {', '.join(labels)}")
        return self


class ReportParams(Section):
    """What the report shows."""

    strips: Annotated[int, Field(ge=0)]  # faces shown per test set
    tables: dict[Name, Table]
