"""Restoring: every image of every test set, in order, whatever the batch; what it costs is measured."""

import numpy as np
import pytest
import torch
from small_sets import make_set
from tests_root import ROOT

from pipeline.images.pixels import resize
from pipeline.infer import apply as inference
from pipeline.infer import measure as cost
from pipeline.infer.apply import cost as count_cost
from pipeline.infer.apply import restorer, trained
from pipeline.infer.measure import device_name, measure_cost
from pipeline.infer.sets import first_batch, restore_sets
from pipeline.networks.build import build_network, network_input
from pipeline.params.file import parse
from pipeline.params.models import AGRNetHRNetwork, AGRNetNetwork
from pipeline.params.recipe import peer_network, with_changes
from pipeline.store import paths
from pipeline.store.manifest import read_manifest, rejected, write_manifest
from pipeline.store.restored import restored_folder, restored_images, restored_keys
from pipeline.store.weights import save_weights, weights_file

CPU = torch.device("cpu")
DEMO = parse(ROOT / "profiles/demo.yaml")
PEERS = DEMO.peers
TINY = AGRNetNetwork(num_arus=1, width=8, head_width=4)


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def inverted(batch):
    return 255 - batch


@pytest.mark.parametrize("batch_size", [1, 4, 6, 50])
def test_every_image_is_restored_once_and_kept_in_order(batch_size):
    faces = make_set("helen", images=6)
    seen = []

    def restore(batch):
        seen.append(len(batch))
        return inverted(batch)

    share = restore_sets("mine", ["helen"], [(3, restore)], batch_size)
    assert 0 < share <= 1
    assert sum(seen) == 6
    assert max(seen) <= batch_size
    folder = restored_folder("mine", 3, "helen")
    assert restored_keys(folder) == [str(number) for number in range(6)]
    expected = [inverted(resize(resize(face, 4), 32)) for face in faces]
    np.testing.assert_array_equal(np.stack(list(restored_images(folder))), np.stack(expected))


def test_the_bytes_do_not_depend_on_the_batch(tmp_path, monkeypatch):
    make_set("helen", images=7)
    monkeypatch.setattr("pipeline.infer.sets.SHARD_IMAGES", 3)
    for name, batch_size in (("one", 1), ("five", 5)):
        restore_sets(name, ["helen"], [(0, inverted)], batch_size)
    one, five = (restored_folder(name, 0, "helen") for name in ("one", "five"))
    names = sorted(file.name for file in one.iterdir())
    assert names == ["00000.tar", "00001.tar", "00002.tar", "manifest.parquet"]
    assert [(one / name).read_bytes() for name in names] == [(five / name).read_bytes() for name in names]


def test_each_seed_is_kept_and_an_empty_set_passed_over():
    make_set("celebahq", images=2)
    for stage in ("resize", "degrade"):
        write_manifest(paths.paired_folder(stage, "real"), [rejected("a", "no face")])
    restore_sets("mine", ["celebahq", "real"], [(1, inverted), (2, lambda batch: batch)], 2)
    first, second = (list(restored_images(restored_folder("mine", seed, "celebahq"))) for seed in (1, 2))
    np.testing.assert_array_equal(first[0], 255 - second[0])
    assert not restored_folder("mine", 1, "real").exists()
    assert restore_sets("other", ["real"], [(1, inverted)], 2) is None
    assert list((paths.RESTORED / "other").iterdir()) == []
    assert first_batch(["real"], 4) is None
    assert first_batch(["real", "celebahq"], 4).shape == (4, 32, 32, 3)


def test_an_error_in_the_network_leaves_no_half_written_set():
    make_set("helen", images=6)

    def breaks(batch):
        if len(calls := breaks.__dict__.setdefault("calls", [])) == 1:
            raise RuntimeError("out of memory")
        calls.append(1)
        return batch

    with pytest.raises(RuntimeError, match="out of memory"):
        restore_sets("mine", ["helen"], [(0, breaks)], 2)
    folder = restored_folder("mine", 0, "helen")
    assert list(folder.rglob("*.tar")) == []
    assert not (folder / "manifest.parquet").exists()


def test_cost_is_what_a_clock_and_the_system_say(monkeypatch):
    ticks = iter(range(0, 1000, 2))  # each call of the network takes two seconds
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(ticks) / 2)
    batch = np.zeros((4, 8, 8, 3), np.uint8)
    kept = []

    def build():
        kept.append(np.ones(40_000_000, np.uint8))
        return inverted

    found = measure_cost(build, batch, CPU)
    assert found["ms_per_image"] == 1000 / 4
    assert 35 < found["peak_memory_mb"] < 80


def test_cost_names_a_device_and_does_without_linux(monkeypatch, tmp_path):
    assert device_name(CPU)
    monkeypatch.setattr(cost, "PROC", tmp_path / "nothing")
    found = measure_cost(lambda: inverted, np.zeros((1, 8, 8, 3), np.uint8), CPU)
    assert set(found) == {"ms_per_image"}


def test_trained_weights_are_what_runs():
    torch.manual_seed(0)
    net = build_network("agrnet", TINY)
    save_weights(weights_file(paths.MODELS / "mine", 4), net.state_dict())
    batch = np.stack(make_set("helen", images=2))
    ((seed, restore),) = trained(paths.MODELS / "mine", "agrnet", TINY, [4], CPU)
    assert seed == 4
    np.testing.assert_array_equal(restore(batch), restorer(net.eval(), -1.0, CPU)(batch))
    with pytest.raises(ValueError, match="dvc repro"):
        next(trained(paths.MODELS / "mine", "agrnet", TINY, [5], CPU))
    other = TINY.model_copy(update={"width": 16})
    with pytest.raises(ValueError, match="does not fit"):
        next(trained(paths.MODELS / "mine", "agrnet", other, [4], CPU))


def test_an_identity_network_changes_nothing():
    batch = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    for lowest in (0.0, -1.0):
        np.testing.assert_array_equal(restorer(torch.nn.Identity(), lowest, CPU)(batch), batch)


def test_cost_of_the_papers_networks():
    paper = AGRNetNetwork(num_arus=10, width=144, head_width=18)
    assert count_cost("agrnet", paper, 128) == pytest.approx({"parameters_m": 12.680665, "gmac": 30.4}, rel=2e-3)
    taper = AGRNetHRNetwork(num_arus=10, widths=(48, 96, 192, 288))
    assert count_cost("agrnet_hr", taper, 512)["gmac"] == pytest.approx(316, rel=0.01)


@pytest.mark.middle
@pytest.mark.parametrize("name", ["sparnet", "dic", "swinir", "mambair_hr", "hr", "agrnet_gam"])
def test_cost_is_counted_the_same_by_running_and_without(monkeypatch, name):
    """Of the demo's networks, each at the size that it takes."""
    if name in PEERS:
        model_name, sets, network = PEERS[name].model, PEERS[name].sets, peer_network(PEERS[name], name)
    else:
        model_name, sets = DEMO.variants[name].model, None
        network = with_changes(getattr(DEMO.models, model_name), DEMO.variants[name], name).network
    size_px = 16 if network_input(model_name, sets) == "lr" else 128
    found = []
    for limit in (0, float("inf")):
        monkeypatch.setattr(inference, "RUN_MACS", limit)
        found.append(count_cost(model_name, network, size_px, sets))
    assert found[0] == found[1]
    assert found[0]["gmac"] > 0


def test_a_manifest_row_is_written_for_each_image():
    make_set("helen", images=3)
    restore_sets("mine", ["helen"], [(0, inverted)], 2)
    rows = read_manifest(restored_folder("mine", 0, "helen"))
    assert list(rows["key"]) == ["0", "1", "2"]
    assert rows["kept"].all()
    assert rows["sha256"].is_unique
