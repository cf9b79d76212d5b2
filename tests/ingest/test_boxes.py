"""Boxes that a user brings: what is a boxes file, and what is said of one that is not."""

import numpy as np
import pandas as pd
import pytest

from pipeline.ingest.boxes import BOX_COLUMNS, BoxesError, boxes_of, read_boxes
from pipeline.params.data import FolderSource
from pipeline.store.landmarks import LANDMARK_COLUMNS

HEADER = "key,box_x,box_y,box_width,box_height"


def write(path, text):
    path.write_text(text)
    return path


def test_csv_with_unknown_columns_and_keys_that_look_like_numbers(tmp_path):
    path = write(tmp_path / "b.csv", f"{HEADER},note\n000001,1,2,30,40.5,hello\nNA,5,6,7,8,\n")
    boxes = read_boxes(path)
    assert list(boxes.columns) == ["key", *BOX_COLUMNS]
    assert list(boxes["key"]) == ["000001", "NA"]
    assert boxes.iloc[0, 1:].tolist() == [1, 2, 30, 40.5]
    assert set(boxes.dtypes[1:]) == {np.dtype(float)}


def crop_manifest(**changes):
    """Rows as crop writes them: two faces in a photo, and a photo without a face."""
    table = pd.DataFrame(
        {
            "key": ["a.jpg", "a.jpg#1", "b.jpg"],
            "kept": [True, False, True],
            "photo": ["a.jpg", "a.jpg", "b.jpg"],
            "face": [0, 1, -1],
            "score": [0.9, 0.8, np.nan],
            **{name: [10.0, 20.0, np.nan] for name in (*BOX_COLUMNS, *LANDMARK_COLUMNS)},
        }
    )
    return table.assign(**changes)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("empty", [np.nan, 0.0])
def test_a_crop_manifest_is_a_boxes_file(tmp_path, suffix, empty):
    table = crop_manifest()
    table.loc[2, list(BOX_COLUMNS)] = empty
    path = tmp_path / f"manifest.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path, index=False)
    boxes = read_boxes(path)
    assert list(boxes.columns) == ["key", *BOX_COLUMNS, *LANDMARK_COLUMNS, "score"]
    assert list(boxes["key"]) == ["a.jpg", "a.jpg"]
    assert list(boxes["box_x"]) == [10, 20]


def test_a_box_without_landmarks_beside_boxes_with_them(tmp_path):
    table = crop_manifest()
    table.loc[1, list(LANDMARK_COLUMNS)] = np.nan
    table.to_csv(tmp_path / "b.csv", index=False)
    assert read_boxes(tmp_path / "b.csv")["nose_x"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("key,box_x,box_y,box_width\na,1,2,3\n", r"b\.csv has no column box_height; it has key, box_x"),
        ("box_x,box_y,box_width,box_height\n1,2,3,4\n", r"b\.csv has no column key"),
        (f"{HEADER}\n", r"b\.csv holds no box"),
        (f"{HEADER}\na,,,,\n", r"b\.csv holds no box"),
        (f"{HEADER}\na,1,2,3,4\nb,1,,3,4\n", r"b\.csv: column box_y is empty in row 1"),
        (f"{HEADER}\n,1,2,3,4\n", r"b\.csv: column key is empty in row 0"),
        (f"{HEADER}\na,1,2,3,wide\n", r"b\.csv: column box_height holds 'wide'; numbers"),
        (f"{HEADER}\na,1,2,0,4\n", r"b\.csv: column box_width is 0\.0 in row 0; above 0"),
        (f"{HEADER}\na,1,2,inf,4\n", r"b\.csv: a box is infinite"),
        (f"{HEADER},nose_x\na,1,2,3,4,5\n", r"b\.csv has no column left_eye_x"),
        ("", r"b\.csv cannot be read as CSV"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, why):
    with pytest.raises(BoxesError, match=why):
        read_boxes(write(tmp_path / "b.csv", text))


def test_some_landmarks_alone_and_damaged_parquet_are_named(tmp_path):
    table = crop_manifest()
    table.loc[0, "nose_x"] = np.nan
    table.to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(BoxesError, match="row 0 has some of the ten landmark columns"):
        read_boxes(tmp_path / "b.csv")
    with pytest.raises(BoxesError, match=r"b\.parquet cannot be read"):
        read_boxes(write(tmp_path / "b.parquet", "no parquet"))
    with pytest.raises(BoxesError, match=r"none\.csv is not there: correct `boxes`"):
        read_boxes(tmp_path / "none.csv")


def test_boxes_of_several_sources_and_of_photos_that_are_not_there(tmp_path):
    write(tmp_path / "one.csv", f"{HEADER}\na.jpg,1,2,3,4\nfar.jpg,1,2,3,4\nfar.jpg,5,6,7,8\n")
    write(tmp_path / "two.csv", f"{HEADER}\nb.jpg,1,2,3,4\n")
    sources = [FolderSource(kind="folder", boxes=name) for name in ("one.csv", "two.csv", None, "one.csv")]
    boxes, notes = boxes_of(tmp_path, sources, ["a.jpg", "b.jpg"])
    assert list(boxes["key"]) == ["a.jpg", "far.jpg", "far.jpg", "b.jpg"]
    assert notes == ["one.csv holds boxes of 1 photos that are not there."]
    assert boxes_of(tmp_path, [FolderSource(kind="folder")], ["a.jpg"]) == (None, [])


def test_boxes_of_other_photos_altogether_are_an_error(tmp_path):
    write(tmp_path / "one.csv", f"{HEADER}\na.jpg,1,2,3,4\n")
    source = FolderSource(kind="folder", boxes="one.csv")
    with pytest.raises(BoxesError, match=r"Its first is 'a\.jpg', the first photo is 'img/a\.jpg'"):
        boxes_of(tmp_path, [source], ["img/a.jpg"])
    assert len(boxes_of(tmp_path, [source], [])[0]) == 1


def test_the_boxes_file_is_no_photo(tmp_path, photo, ingest):
    photo(tmp_path / "in/a.png")
    write(tmp_path / "in/one.csv", f"{HEADER}\na.png,1,2,3,4\n")
    assert ingest(tmp_path / "in", FolderSource(kind="folder", boxes="one.csv"), FolderSource(kind="folder")).keys == [
        "a.png"
    ]


def test_a_file_that_two_sources_spell_otherwise_is_one(tmp_path):
    (tmp_path / "boxes.csv").write_text("key,box_x,box_y,box_width,box_height\na.png,1,2,30,40\n")
    sources = [FolderSource(kind="folder", boxes=name) for name in ("./boxes.csv", "boxes.csv", "sub/../boxes.csv")]
    boxes, notes = boxes_of(tmp_path, sources, ["a.png"])
    assert len(boxes) == 1
    assert notes == []
    assert {source.boxes for source in sources} == {"boxes.csv"}
