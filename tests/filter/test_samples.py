"""Samples of what fell to each rule."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.crop.find import FindFaces
from pipeline.filter.rules import Finding
from pipeline.filter.samples import COLUMNS, spread, write_samples
from pipeline.params.data import CropParams
from pipeline.photos.reader import PhotoReader
from pipeline.resize.cut import FaceReader, cut_face
from pipeline.store.images import decode, encode_png
from pipeline.store.shards import ShardReader


def test_samples_are_spread_over_the_order_of_the_set():
    findings = [Finding("blurred", "flagged", n, f"{n}") for n in range(100)]
    findings += [Finding("too small", "removed", n, "") for n in (4, 2)]
    findings += [Finding("blurred", "removed", 7, "")]
    some = [(found.words, found.action, found.index) for found in spread(findings)]
    assert some[:2] == [("too small", "removed", 2), ("too small", "removed", 4)]
    assert [index for words, action, index in some if action == "flagged"] == [0, 20, 40, 59, 79, 99]
    assert some[-1] == ("blurred", "removed", 7)


def test_samples_are_cut_as_resize_cuts(tmp_path, listed, photo):
    images = {f"{n}.png": photo(120, 100, seed=n) for n in range(3)}
    for name, image in images.items():
        (tmp_path / name).write_bytes(encode_png(image))
    rows = FindFaces(tmp_path, tmp_path, CropParams(mode="none"))({"shard": "", "first": 0, "rows": listed(tmp_path)})
    (tmp_path / "1.png").unlink()
    findings = [Finding("blurred", "flagged", n, f"detail {n}") for n in range(3)]
    out = tmp_path / "out"
    with PhotoReader(tmp_path, tmp_path) as photos:
        write_samples(out, rows, findings, FaceReader(photos))
    table = pd.read_parquet(out / "samples.parquet")
    assert tuple(table.columns) == COLUMNS
    # the one whose photo went away has no picture, and stops nobody
    assert table[["rule", "action", "key", "detail"]].to_numpy().tolist() == [
        ["blurred", "flagged", "0.png", "detail 0"],
        ["blurred", "flagged", "2.png", "detail 2"],
    ]
    with ShardReader(out) as shards:
        for sample, row in zip(table.to_dict("records"), (rows[0], rows[2]), strict=True):
            data = shards.read(sample["shard"], sample["offset"], sample["size"])
            assert Image.open(io.BytesIO(data)).format == "JPEG"
            # what JPEG leaves of so fine a picture; another photo's is 40 off
            wanted = cut_face(images[row["photo"]], row, 96, "bicubic")
            assert np.abs(decode(data).astype(int) - wanted).mean() < 8


def test_nothing_found_is_an_empty_table_and_no_shard(tmp_path):
    with PhotoReader(tmp_path, tmp_path) as photos:
        write_samples(tmp_path / "out", [], [], FaceReader(photos))
    table = pd.read_parquet(tmp_path / "out/samples.parquet")
    assert (tuple(table.columns), len(table)) == (COLUMNS, 0)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["samples.parquet"]
