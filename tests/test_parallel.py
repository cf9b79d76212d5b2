"""The same function in-process and over Ray: same rows, same order."""

import pytest

from pipeline.parallel import run_units, shard_units
from pipeline.params import RuntimeParams
from pipeline.sources.ingest import IngestTask

ROWS = [{"key": f"{n:03d}"} for n in range(25)]


def double(unit):
    return [{"key": row["key"] * 2, "shard": unit["shard"]} for row in unit["rows"]]


def test_units_hold_every_row_once():
    units = shard_units(ROWS, 10)
    assert [len(unit["rows"]) for unit in units] == [10, 10, 5]
    assert [unit["shard"] for unit in units] == ["00000.tar", "00001.tar", "00002.tar"]
    assert [row for unit in units for row in unit["rows"]] == ROWS


@pytest.mark.middle
def test_ray_gives_what_one_process_gives(tmp_path):
    faces = [{"key": f"{n:02d}", "kind": "synthetic", "seed": 5, "index": n, "size_px": 64} for n in range(10)]
    made = {}
    for name, above in (("alone", 100), ("ray", 0)):
        runtime = RuntimeParams(ray_above_images=above, workers=2)
        made[name] = run_units(IngestTask(tmp_path, tmp_path / name), faces, runtime, name, shard_images=3)
    assert made["ray"] == made["alone"]
    assert [row["key"] for row in made["ray"]] == [face["key"] for face in faces]
    shards = sorted(file.name for file in (tmp_path / "alone").iterdir())
    assert shards == ["00000.tar", "00001.tar", "00002.tar", "00003.tar"]
    for shard in shards:
        assert (tmp_path / "ray" / shard).read_bytes() == (tmp_path / "alone" / shard).read_bytes()


def test_a_dead_cluster_is_an_error_at_once(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(ConnectionError, match="does not answer"):
        run_units(double, ROWS, RuntimeParams(ray_above_images=0, workers=2), "ray")


def test_nothing_to_do():
    assert run_units(double, [], RuntimeParams(ray_above_images=0, workers=2), "none") == []
