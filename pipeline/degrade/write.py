"""Makes the low-resolution images of each HR image of a set, by the set's degradation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.degrade.draw import NO_RECORD, draw
from pipeline.degrade.eq28 import degrade
from pipeline.images import pixels
from pipeline.params.degrade import BicubicDegradation, Degradation, NoDegradation, RealDegradation
from pipeline.store import images
from pipeline.store.manifest import count, kept, rejected
from pipeline.store.shards import ShardReader, ShardWriter

HR_COLUMNS = ("shard", "offset", "size")
NO_PLACE = {"shard": "", "offset": -1, "size": -1, "sha256": ""}


class UnsuitableImage(ValueError):
    """An HR image that the set's degradation cannot be applied to; the message says what was seen."""


@dataclass(frozen=True)
class DegradeFaces:
    """Writes the low-resolution images of one unit into its shard; rows name the HR image beside it (hr_key, hr_shard, ...).

    Each variant of an HR image has its row; an HR image that fails has one, rejected, and no variant. A set that is
    low-resolution already gets rows whose own shard is "": its resized photo is the network's input, and it has no HR image
    to compare with.
    """

    resized: Path
    out: Path
    params: Degradation

    def __call__(self, unit: dict) -> list[dict]:
        if isinstance(self.params, NoDegradation):
            return [kept(row["key"], **_hr(row, 0), **NO_PLACE) for row in unit["rows"]]
        cv2.setNumThreads(1)  # workers are the unit of parallelism
        rows = []
        with ShardReader(self.resized) as hr_images, ShardWriter(self.out / unit["shard"]) as shard:
            for number, row in enumerate(unit["rows"]):
                made, reason, detail = self._try(row, hr_images)
                if reason:
                    rows.append(rejected(row["key"], reason, detail, **_hr(row, 0), **NO_PLACE, **self._no_columns()))
                for variant, (data, columns) in enumerate(made):
                    extension = "jpg" if data.startswith(b"\xff\xd8") else "png"
                    place = shard.add(f"{number:06d}-{variant}.{extension}", data)
                    rows.append(kept(self._key(row, variant), **_hr(row, variant), **place, **columns))
        return rows

    def _try(self, row: dict, hr_images: ShardReader) -> tuple[list[tuple[bytes, dict]], str, str]:
        """(stream and columns of each variant, reason "", detail ""), or no variant and why."""
        try:
            hr = images.decode(hr_images.read(*(row[name] for name in HR_COLUMNS)))
            return self._variants(row["key"], hr), "", ""
        except (images.UnreadableImage, OSError) as error:
            return [], "unreadable", str(error)
        except UnsuitableImage as error:
            return [], "unsuitable", str(error)
        except Exception as error:  # one strange image must not cost the others; it is recorded, not swallowed
            return [], "failed", f"{type(error).__name__}: {error}"

    def _variants(self, key: str, hr: np.ndarray) -> list[tuple[bytes, dict]]:
        if hr.shape[0] != hr.shape[1]:
            raise UnsuitableImage(f"{hr.shape[1]}x{hr.shape[0]} px, HR images are square")
        if isinstance(self.params, BicubicDegradation):
            _check_smaller(self.params.lr_px, hr)
            lr = pixels.resize(hr, self.params.lr_px, "bicubic")
            return [(images.encode_png(lr), {"lr_side_px": self.params.lr_px})]
        records = [draw(self.params, key, hr.shape[0], variant) for variant in range(self.params.variants)]
        for record in records:
            _check_smaller(record.lr_side_px, hr)
        return [(degrade(hr, record), record.columns()) for record in records]

    def _key(self, row: dict, variant: int) -> str:
        several = isinstance(self.params, RealDegradation) and self.params.variants > 1
        return f"{row['key']}@{variant}" if several else row["key"]

    def _no_columns(self) -> dict[str, Any]:
        return NO_RECORD.columns() if isinstance(self.params, RealDegradation) else {"lr_side_px": 0}


def count_images(frame: pd.DataFrame) -> dict[str, Any]:
    """How many HR images came in, were kept (with all their variants) and were rejected, and the images made of them."""
    if frame.empty:
        return count(frame) | {"images": {"made": 0}}
    return count(frame[frame["variant"] == 0]) | {"images": {"made": int((frame["shard"] != "").sum())}}


def _hr(row: dict, variant: int) -> dict[str, Any]:
    return {"hr_key": row["key"], "variant": variant} | {f"hr_{name}": row[name] for name in HR_COLUMNS}


def _check_smaller(lr_side_px: int, hr: np.ndarray) -> None:
    if lr_side_px > hr.shape[0]:
        raise UnsuitableImage(f"side {hr.shape[0]} px, its low-resolution image would have {lr_side_px} px")
