"""What the report shows: Tables 2 to 7, and which figures can stand in them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section
from pipeline.params.recipe import Network
from pipeline.store.paths import BICUBIC, SETS

# A figure of a test set -> what under evaluate.metrics measures it; "" for what is always measured.
MEASURED_BY = {
    "psnr_y": "",
    "ssim_y": "",
    "lpips_alex": "lpips_alex",
    "lpips_vgg": "lpips_vgg",
    "landmark_distance": "landmarks",
    "faces_found": "landmarks",
    "fid_inception": "fid_inception",
    "kid_inception": "kid_inception",
    "frechet_vgg16": "frechet_vgg16",
}
OF_SETS = ("fid_inception", "kid_inception", "frechet_vgg16")  # of a whole set without ground truth
WITHOUT_GROUND_TRUTH = (*OF_SETS, "faces_found")
OF_NETWORKS = ("parameters_m", "gmac", "ms_per_image", "peak_memory_mb")  # of a network, on no set


class Column(Section):
    """One network of a table: what the paper calls it, and the network that stands for it (none: the paper's alone)."""

    label: str
    network: Name | None = None


class Table(Section):
    """One of Tables 2 to 7: its networks; the `dataset.metric` keys of its figures.

    baseline: the label of the network that the others are compared with, image by image.
    """

    title: str
    baseline: str
    columns: Annotated[list[Column], Field(min_length=1)]
    rows: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_its_baseline(self):
        labels = [column.label for column in self.columns]
        if self.baseline not in labels:
            raise ValueError(f"baseline {self.baseline!r} is none of the labels {', '.join(labels)}")
        twice = [label for label in labels if labels.count(label) > 1]
        if twice:
            raise ValueError(f"the label {twice[0]!r} stands twice")
        return self


class ReportParams(Section):
    """What the report shows."""

    strips: Annotated[int, Field(ge=0)]  # faces shown per test set
    tables: dict[Name, Table]


def check_tables(
    tables: Mapping[str, Table], networks: Mapping[str, Network], metrics: list[str], unpaired: list[str]
) -> None:
    """Raises ValueError for a column whose network there is not, and for a row that nothing measures.

    metrics: of the section evaluate. unpaired: the test sets without ground truth.
    """
    for name, table in tables.items():
        where = f"report.tables.{name}"
        for column in table.columns:
            if column.network not in (None, BICUBIC, *networks):
                raise ValueError(
                    f"{where}.columns: there is no network {column.network!r}; networks are {', '.join(networks)} and "
                    f"{BICUBIC}. Take the column out, or its `network`, so that it shows the paper's figure alone"
                )
        tasks = {networks[column.network].task for column in table.columns if column.network in networks}
        for row in table.rows:
            _check_row(row, f"{where}.rows", tasks, metrics, unpaired)


def _check_row(row: str, where: str, tasks: set[str], metrics: list[str], unpaired: list[str]) -> None:
    key, _, figure = row.rpartition(".")
    known = MEASURED_BY if key else OF_NETWORKS
    tests = [name for name, (_, split) in SETS.items() if split == "test"]
    if figure not in known or (key and key not in tests):
        raise ValueError(
            f"{where}: {row!r} is neither a figure of a network ({', '.join(OF_NETWORKS)}) nor set.metric with a set of "
            f"{', '.join(tests)} and a metric of {', '.join(MEASURED_BY)}"
        )
    if not key:
        return
    if MEASURED_BY[figure] not in ("", *metrics):
        raise ValueError(f"{where}: {row!r} is not measured: put {MEASURED_BY[figure]} under evaluate.metrics")
    if key in unpaired and figure not in WITHOUT_GROUND_TRUTH:
        raise ValueError(
            f"{where}: {row!r} is not measured: {key} has no ground truth, where {', '.join(WITHOUT_GROUND_TRUTH)} are"
        )
    if key not in unpaired and figure in OF_SETS:
        raise ValueError(f"{where}: {row!r} is not measured: {figure} is taken of sets without ground truth alone")
    if tasks and SETS[key][0] not in tasks:
        raise ValueError(
            f"{where}: {row!r} is of the task {SETS[key][0]}, and no network of the table is trained for it"
        )
