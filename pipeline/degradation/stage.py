"""Makes the low-resolution image of each HR image of a set, by the set's degradation."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import images
from pipeline.degradation.eq28 import degrade, draw
from pipeline.manifest import kept
from pipeline.params import BicubicDegradation, Degradation, NoDegradation
from pipeline.shards import ShardReader, ShardWriter

HR_COLUMNS = ("shard", "offset", "size")


@dataclass(frozen=True)
class DegradeTask:
    """Writes the low-resolution images of one unit into its shard; rows name the HR image beside it (hr_shard, ...).

    A set that is low-resolution already gets rows whose own shard is "": its resized photo is the network's input, and it
    has no HR image to compare with.
    """

    resized: Path
    out: Path
    params: Degradation

    def __call__(self, unit: dict) -> list[dict]:
        if isinstance(self.params, NoDegradation):
            return [self._row(row, {"shard": "", "offset": -1, "size": -1, "sha256": ""}) for row in unit["rows"]]
        rows = []
        with ShardReader(self.resized) as hr_images, ShardWriter(self.out / unit["shard"]) as shard:
            for number, row in enumerate(unit["rows"]):
                hr = images.decode(hr_images.read(*(row[name] for name in HR_COLUMNS)))
                data, columns = self._degrade(row["key"], hr)
                extension = "jpg" if data.startswith(b"\xff\xd8") else "png"
                place = shard.add(f"{number:06d}.{extension}", data)
                rows.append(self._row(row, place | columns))
        return rows

    def _degrade(self, key: str, hr) -> tuple[bytes, dict]:
        if isinstance(self.params, BicubicDegradation):
            lr = images.resize(hr, self.params.lr_px, "bicubic")
            return images.encode_png(lr), {"lr_side_px": self.params.lr_px}
        record = draw(self.params, key, hr.shape[0])
        return degrade(hr, record), record.columns()

    @staticmethod
    def _row(row: dict, columns: dict) -> dict:
        return kept(row["key"], **{f"hr_{name}": row[name] for name in HR_COLUMNS}, **columns)
