"""Training curves, in DVCLive's layout: one table per figure, `plots/metrics/<figure>.tsv` with columns step and value.

Written by a few lines of text: DVCLive itself imports all of DVC, which each training would pay for, and a machine that
trains may have torch and little else.
"""

import csv
import shutil
from pathlib import Path

import pandas as pd

METRICS = Path("plots/metrics")
IMAGES = Path("plots/images")
# Figures that depend on the machine's mood. DVC does not look at their file (.dvcignore), so that the same params and data
# give the same dvc.lock.
UNTRACKED = ("images_per_s",)


class CurveWriter:
    """Writes the curve of one run below `folder`, which is emptied first.

    A row is {"step": .., figure: value, ..}; figures are named like "train/loss". rows: what an interrupted run wrote.
    """

    def __init__(self, folder: Path, rows: list[dict]):
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for row in rows:
            self.log(row)

    def log(self, row: dict) -> None:
        """Add a row."""
        for name, value in row.items():
            if name != "step":
                self._write(name, row["step"], value)

    def image(self, name: str, png: bytes) -> None:
        """Keep a picture beside the curve."""
        path = self._folder / IMAGES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)

    def _write(self, name: str, step: int, value: float) -> None:
        path = self._folder / METRICS / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with open(path, "a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([["step", path.stem], [step, value]] if new else [[step, value]])


def read_curve(folder: Path) -> pd.DataFrame:
    """The curve that was written below `folder`: a row per step, a column per figure, without those that DVC ignores."""
    columns = []
    for path in sorted((folder / METRICS).rglob("*.tsv")):
        name = path.relative_to(folder / METRICS).with_suffix("").as_posix()
        if name not in UNTRACKED:
            columns.append(pd.read_csv(path, sep="\t").set_index("step").iloc[:, 0].rename(name))
    frame = pd.concat(columns, axis=1).sort_index() if columns else pd.DataFrame()
    return frame.rename_axis("step").reset_index()
