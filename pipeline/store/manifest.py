"""Manifests: which images a stage saw, which it kept, and why it rejected the others.

A manifest is a Parquet table `manifest.parquet` in the stage's folder, one row per image in a fixed order, with at least

    key     unique name of the image in its set
    kept    whether the next stage sees it
    reason  the rule that rejected it ("" where kept), one of few words, so that it can be counted
    detail  what was seen, for people ("" where there is nothing to add)

Rows with bytes in a shard of the same folder have shard, offset, size and sha256.
"""

from itertools import groupby
from pathlib import Path

import pandas as pd
from pyarrow.parquet import ParquetFile

from pipeline.store.files import remove_unfinished, whole_file, write_json

FILE = "manifest.parquet"
COLUMNS = ("key", "kept", "reason", "detail")


class ManifestError(ValueError):
    """A manifest that does not add up, or is not there."""


def kept(key: str, **columns) -> dict:
    """A row of an image that goes on."""
    return {"key": key, "kept": True, "reason": "", "detail": "", **columns}


def rejected(key: str, reason: str, detail: str = "", **columns) -> dict:
    """A row of an image that stops here."""
    return {"key": key, "kept": False, "reason": reason, "detail": detail, **columns}


def write_manifest(folder: Path, rows: list[dict], seen: list[str] | None = None, by: str = "key") -> pd.DataFrame:
    """Write the rows as the folder's manifest.

    seen: the images that came in, in order; every one of them must be in the column `by`, in that order: once where that
    is the rows' own key, in one row or several next to each other where one image gives many. Raises ManifestError
    otherwise, and `files.DiskFull` where there is no room.
    """
    frame = pd.DataFrame(rows, columns=_columns(rows))
    if not frame["key"].is_unique:
        raise ManifestError(f"{folder}: rows share the key {frame['key'][frame['key'].duplicated()].iloc[0]!r}")
    if seen is not None:
        found = [name for name, _ in groupby(row[by] for row in rows)]
        if found != list(seen):
            missing = sorted(set(seen) - set(found))[:3]
            raise ManifestError(f"{folder}: {len(seen)} images came in, {len(found)} go out; missing: {missing}")
    silent = frame[~frame["kept"].astype(bool) & (frame["reason"] == "")]
    if len(silent):
        raise ManifestError(f"{folder}: {silent['key'].iloc[0]!r} is rejected without a reason")
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    write_table(folder / FILE, frame)
    return frame


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as Parquet, whole or not at all."""
    with whole_file(path) as file:
        frame.to_parquet(file, index=False)


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A Parquet file, as `pandas.read_parquet` has it; of a small one in half of its time.

    columns: those of these that the file has, where not all.
    """
    with ParquetFile(path) as file:  # threads are slower for small tables and no faster for large ones
        return file.read(columns, use_threads=False).to_pandas(use_threads=False)


def read_manifest(folder: Path) -> pd.DataFrame:
    """All rows of the folder's manifest. Raises ManifestError where there is none."""
    path = folder / FILE
    if not path.is_file():
        raise ManifestError(f"{path} is missing: run the stage that writes it (dvc repro)")
    return read_table(path)


def read_kept(folder: Path) -> list[dict]:
    """The rows that the folder's stage kept, as dicts, in order."""
    frame = read_manifest(folder)
    return frame[frame["kept"]].to_dict("records")


def count(frame: pd.DataFrame) -> dict:
    """How many came in, were kept and were rejected, by reason: in = kept + rejected."""
    reasons = frame.loc[~frame["kept"], "reason"].value_counts()
    return {
        "in": len(frame),
        "kept": int(frame["kept"].sum()),
        "rejected": int((~frame["kept"]).sum()),
        "reasons": {reason: int(reasons[reason]) for reason in sorted(reasons.index)},
    }


def write_counts(path: Path, frame: pd.DataFrame) -> None:
    """Write `count` as a metrics file."""
    write_json(path, count(frame))


def write_csv(path: Path, rows: list[dict]) -> None:
    """Write rows as CSV with a header."""
    with whole_file(path) as file:
        pd.DataFrame(rows).to_csv(file, index=False)


def _columns(rows: list[dict]) -> list[str]:
    names = dict.fromkeys(COLUMNS)
    for row in rows:
        names |= dict.fromkeys(row)
    return list(names)
