"""Boxes of faces that a user brings, so that crops come out the same without a detector."""

from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from pipeline.store.landmarks import BOX_COLUMNS, LANDMARK_COLUMNS, BoxesError


def read_boxes(path: Path) -> pd.DataFrame:
    """A boxes file, CSV or Parquet -> key, the four BOX_COLUMNS, and where it has them the ten landmarks and the score.

    One row per face, in the file's order. Pixels of the upright photo. A `photo` column is the key where there is one, so a
    crop manifest is a boxes file; rows without a box are passed over, and unknown columns too. Raises BoxesError.
    """
    table = _read(path)
    key = "photo" if "photo" in table else "key"
    _require(path, table, (key, *BOX_COLUMNS))
    extra = [name for name in LANDMARK_COLUMNS if name in table]
    if extra:
        _require(path, table, LANDMARK_COLUMNS)
    if "score" in table:
        extra.append("score")
    if "face" in table:  # of a crop manifest: -1 where there is no face
        table = table[_numbers(path, table, "face") != -1]
    numbers = {name: _numbers(path, table, name) for name in (*BOX_COLUMNS, *extra)}
    boxes = pd.DataFrame({"key": table[key], **numbers})
    boxes = boxes[boxes[list(BOX_COLUMNS)].notna().any(axis=1)]
    if boxes.empty:
        raise BoxesError(f"{path} holds no box")
    _check(path, boxes, extra)
    return boxes.reset_index(drop=True)


def boxes_of(root: Path, sources: list, keys: list[str]) -> tuple[pd.DataFrame | None, list[str]]:
    """The boxes of all sources that name a file, and sentences about them; None where no source does.

    keys: of the photos that are there. Raises BoxesError for a file that cannot be used or is of other photos.
    """
    files = dict.fromkeys(source.boxes for source in sources if getattr(source, "boxes", None))
    tables, notes, there = [], [], set(keys)
    for file in files:
        boxes = read_boxes(root / file)
        known = boxes["key"].isin(there)
        if keys and not known.any():
            raise BoxesError(
                f"{root / file}: no key is a photo's. Its first is {boxes['key'].iloc[0]!r}, the first photo is "
                f"{min(keys)!r}; keys are paths below the set's root"
            )
        absent = boxes["key"][~known].nunique()
        if absent:
            notes.append(f"{file} holds boxes of {absent:,} photos that are not there.")
        tables.append(boxes)
    return (pd.concat(tables, ignore_index=True) if tables else None), notes


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise BoxesError(f"{path} is not there: correct `boxes` of the source in params.yaml")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        # Keys are text whatever they look like: 000001 is no number, and NA may be a photo's name.
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise BoxesError(f"{path} cannot be read as CSV or Parquet: {error}") from None


def _require(path: Path, table: pd.DataFrame, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        raise BoxesError(f"{path} has no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")


def _numbers(path: Path, table: pd.DataFrame, name: str) -> pd.Series:
    """A column as float64, NaN where it is empty."""
    column = table[name]
    if is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype(str).str.strip()
    empty = column.isna() | text.str.lower().isin(("", "nan", "none"))
    numbers = pd.to_numeric(text.mask(empty), errors="coerce")
    wrong = numbers.isna() & ~empty
    if wrong.any():
        raise BoxesError(f"{path}: column {name} holds {text[wrong].iloc[0]!r}; numbers are expected")
    return numbers.astype(float)


def _check(path: Path, boxes: pd.DataFrame, extra: list[str]) -> None:
    for name in ("key", *BOX_COLUMNS):
        empty = boxes[name].isna() | (boxes[name] == "")
        if empty.any():
            raise BoxesError(f"{path}: column {name} is empty in row {empty.idxmax()}")
    for name in ("box_width", "box_height"):
        bad = ~(boxes[name] > 0)
        if bad.any():
            raise BoxesError(
                f"{path}: column {name} is {boxes[name][bad].iloc[0]} in row {bad.idxmax()}; above 0 is expected"
            )
    if "score" in extra:
        extra = extra[:-1]
    if extra:
        gaps = boxes[extra].isna().sum(axis=1)
        partly = gaps.between(1, len(extra) - 1)
        if partly.any():
            raise BoxesError(f"{path}: row {partly.idxmax()} has some of the ten landmark columns alone")
    if np.isinf(boxes[list(BOX_COLUMNS)].to_numpy()).any():
        raise BoxesError(f"{path}: a box is infinite")
