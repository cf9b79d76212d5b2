"""The degrade task over shards: variants, the same bytes whoever works, images made again, and what fails."""

import errno
import multiprocessing
import random

import numpy as np
import pytest
from small_sets import make_resized, smooth_image

from pipeline.degrade import write as stage
from pipeline.degrade.draw import Record
from pipeline.degrade.eq28 import degrade
from pipeline.degrade.write import DegradeFaces, count_images
from pipeline.images import pixels
from pipeline.params.degrade import BicubicDegradation, NoDegradation, RealDegradation
from pipeline.params.stages import RuntimeParams
from pipeline.runtime import parallel
from pipeline.store import images
from pipeline.store.manifest import kept, read_kept, read_manifest, write_manifest
from pipeline.store.shards import ShardReader, ShardWriter

PAPER = RealDegradation(kind="eq28", seed=5)
SEVERAL = RealDegradation(kind="eq28", preset="sparnethd", seed=5, variants=3)
BICUBIC = BicubicDegradation(kind="bicubic", lr_px=8)
HERE = RuntimeParams(ray_above_images=10**9, workers=0)


def run(tmp_path, params, rows, out="lr", shard_images=8):
    """Degrade rows of tmp_path/hr and write the manifest; returns it as read back."""
    folder = tmp_path / out
    task = DegradeFaces(tmp_path / "hr", folder, params)
    made = parallel.run_units(task, rows, HERE, "degrade", shard_images)
    write_manifest(folder, made, [row["key"] for row in rows], by="hr_key")
    return read_manifest(folder)


def streams(folder, rows):
    """The stored stream of each key."""
    with ShardReader(folder) as shards:
        return {row["key"]: shards.read(row["shard"], row["offset"], row["size"]) for row in rows if row["kept"]}


def test_each_variant_has_its_row_and_its_image(tmp_path):
    hr_rows = make_resized(tmp_path / "hr", 10, 64)
    frame = run(tmp_path, SEVERAL, hr_rows)
    assert list(frame["key"]) == [f"{n}@{v}" for n in range(10) for v in range(3)]
    assert list(frame["hr_key"]) == [f"{n}" for n in range(10) for _ in range(3)]
    assert list(frame["variant"]) == [0, 1, 2] * 10
    assert list(frame["hr_offset"]) == [row["offset"] for row in hr_rows for _ in range(3)]
    assert frame["seed"].is_unique
    assert len(set(streams(tmp_path / "lr", frame.to_dict("records")).values())) == 30
    assert count_images(frame) == {"in": 10, "kept": 10, "rejected": 0, "reasons": {}, "images": {"made": 30}}


def test_one_variant_keeps_the_images_name_and_is_the_first_of_several(tmp_path):
    hr_rows = make_resized(tmp_path / "hr", 5, 64)
    one = run(tmp_path, SEVERAL.model_copy(update={"variants": 1}), hr_rows, "one")
    several = run(tmp_path, SEVERAL, hr_rows, "several")
    assert list(one["key"]) == [row["key"] for row in hr_rows]
    first = several[several["variant"] == 0]
    assert list(one["sha256"]) == list(first["sha256"])


def test_images_are_made_again_from_the_hr_image_and_the_row(tmp_path):
    for name, params in (("paper", PAPER), ("several", SEVERAL)):
        run(tmp_path, params, make_resized(tmp_path / "hr", 24, 128), name)
        rows = read_kept(tmp_path / name)
        assert {row["kind"] for row in rows} >= {"gaussian", "average", "median", "motion"}
        stored = streams(tmp_path / name, rows)
        with ShardReader(tmp_path / "hr") as hr_shards:
            for row in rows:
                hr = images.decode(hr_shards.read(row["hr_shard"], row["hr_offset"], row["hr_size"]))
                assert degrade(hr, Record.from_row(row)) == stored[row["key"]]
                assert stored[row["key"]].startswith(b"\xff\xd8") == (row["quality"] >= 0)


@pytest.mark.parametrize("params", [PAPER, SEVERAL, BICUBIC])
def test_bytes_depend_on_no_order_subset_or_unit(tmp_path, params):
    hr_rows = make_resized(tmp_path / "hr", 20, 64)
    expected = streams(tmp_path / "lr", run(tmp_path, params, hr_rows).to_dict("records"))
    shuffled = random.Random(1).sample(hr_rows, len(hr_rows))
    for out, rows, shard_images in (("all", hr_rows, 128), ("other", shuffled, 3), ("some", shuffled[:7], 5)):
        again = streams(tmp_path / out, run(tmp_path, params, rows, out, shard_images).to_dict("records"))
        assert {key.partition("@")[0] for key in again} == {row["key"] for row in rows}
        assert again == {key: expected[key] for key in again}


@pytest.mark.middle
def test_bytes_depend_on_no_number_of_processes(tmp_path):
    hr_rows = make_resized(tmp_path / "hr", 24, 64)
    units = parallel.shard_units(hr_rows, 4)
    rows = parallel.run_units(DegradeFaces(tmp_path / "hr", tmp_path / "0", SEVERAL), hr_rows, HERE, "degrade", 4)
    shards = {path.name: path.read_bytes() for path in (tmp_path / "0").iterdir()}
    assert len(shards) == len(units)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([stage.__name__])  # imported once for the seven
    for processes in (1, 2, 4):
        folder = tmp_path / str(processes)
        with context.Pool(processes) as pool:
            made = pool.map(DegradeFaces(tmp_path / "hr", folder, SEVERAL), units, chunksize=1)
        assert [row for unit in made for row in unit] == rows
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == shards


def test_bicubic_images_are_stored_without_loss(tmp_path):
    frame = run(tmp_path, BICUBIC, make_resized(tmp_path / "hr", 3, 64))
    assert list(frame["lr_side_px"]) == [8, 8, 8]
    assert list(frame["variant"]) == [0, 0, 0]
    for n, stream in enumerate(streams(tmp_path / "lr", frame.to_dict("records")).values()):
        np.testing.assert_array_equal(images.decode(stream), pixels.resize(smooth_image(n, 64), 8))


def test_a_set_that_is_low_resolution_already_names_its_photos(tmp_path):
    hr_rows = make_resized(tmp_path / "hr", 3)
    frame = run(tmp_path, NoDegradation(kind="none"), hr_rows)
    assert list(frame["key"]) == list(frame["hr_key"]) == ["0", "1", "2"]
    assert set(frame["shard"]) == {""}
    assert not list((tmp_path / "lr").glob("*.tar"))
    assert count_images(frame) == {"in": 3, "kept": 3, "rejected": 0, "reasons": {}, "images": {"made": 0}}


def test_an_empty_set_counts_nothing(tmp_path):
    frame = run(tmp_path, PAPER, [])
    assert count_images(frame) == {"in": 0, "kept": 0, "rejected": 0, "reasons": {}, "images": {"made": 0}}


def hr_set(folder, stored):
    """HR images of any bytes; returns their rows."""
    with ShardWriter(folder / "00000.tar") as shard:
        return [kept(f"{n}", **shard.add(f"{n:06d}.png", data)) for n, data in enumerate(stored)]


@pytest.mark.parametrize("params", [PAPER, SEVERAL, BICUBIC])
def test_a_strange_image_costs_itself_alone(tmp_path, params):
    whole = images.encode_png(smooth_image(0, 64))
    oblong = images.encode_png(smooth_image(1, 64)[:40])
    rows = hr_set(tmp_path / "hr", [whole, whole[: len(whole) // 3], b"text", oblong, whole])
    rows.append(rows[0] | {"key": "cut", "offset": 10**6})
    frame = run(tmp_path, params, rows)
    bad = frame[~frame["kept"]].set_index("key")
    assert dict(bad["reason"]) == {"1": "unreadable", "2": "unreadable", "3": "unsuitable", "cut": "unreadable"}
    assert bad["detail"]["3"] == "64x40 px, HR images are square"
    assert "ends before" in bad["detail"]["cut"]
    assert set(bad["shard"]) == {""}
    good = frame[frame["kept"]]
    variants = getattr(params, "variants", 1)
    assert list(good["hr_key"]) == ["0"] * variants + ["4"] * variants
    assert count_images(frame)["reasons"] == {"unreadable": 3, "unsuitable": 1}
    assert count_images(frame)["images"] == {"made": 2 * variants}


def test_a_rejected_row_costs_no_record_its_exact_numbers(tmp_path):
    rows = hr_set(tmp_path / "hr", [b"text", images.encode_png(smooth_image(0, 64))])
    frame = run(tmp_path, PAPER, rows)
    whole = ["variant", "kernel_px", "lr_side_px", "compression", "quality", "seed", "hr_offset", "offset", "size"]
    assert set(frame[whole].dtypes) == {np.dtype("int64")}
    assert frame["per_channel"].dtype == bool
    (row,) = read_kept(tmp_path / "lr")
    assert degrade(smooth_image(0, 64), Record.from_row(row)) == streams(tmp_path / "lr", [row])["1"]


def test_an_image_smaller_than_its_lr_image_is_unsuitable(tmp_path):
    larger = PAPER.model_copy(update={"lr_side_px": PAPER.lr_side_px.model_copy(update={"low": 600, "high": 700})})
    for out, params in (("bicubic", BicubicDegradation(kind="bicubic", lr_px=65)), ("eq28", larger)):
        frame = run(tmp_path, params, make_resized(tmp_path / "hr", 2, 64), out)
        assert list(frame["reason"]) == ["unsuitable"] * 2
        assert "side 64 px" in frame["detail"][0]


def test_an_unforeseen_error_is_recorded(tmp_path, monkeypatch):
    def strange(hr, record):
        raise MemoryError("no room for the kernel")

    monkeypatch.setattr(stage, "degrade", strange)
    frame = run(tmp_path, PAPER, make_resized(tmp_path / "hr", 2, 64))
    assert list(frame["reason"]) == ["failed"] * 2
    assert frame["detail"][0] == "MemoryError: no room for the kernel"


def test_a_disk_error_stops_the_unit_and_leaves_no_shard(tmp_path, monkeypatch):
    rows = make_resized(tmp_path / "hr", 2, 64)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, PAPER, rows)
    assert not [path for path in tmp_path.glob("lr/*") if path.is_file()]


def test_the_manifest_holds_the_record_as_columns(tmp_path):
    frame = run(tmp_path, PAPER, make_resized(tmp_path / "hr", 2, 64))
    record = "kind r kernel_px sigma angle direction lr_side_px interpolation noise_level per_channel"
    place = "hr_key variant hr_shard hr_offset hr_size shard offset size sha256"
    assert list(frame.columns) == [
        "key",
        "kept",
        "reason",
        "detail",
        *place.split(),
        *record.split(),
        "compression",
        "quality",
        "seed",
    ]
