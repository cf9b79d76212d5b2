"""Networks on the test sets: every image of each, in order, whatever the batch; what it costs is measured."""

import json

import numpy as np
import pytest
import torch
from small_sets import make_set
from tests_root import ROOT

from pipeline.images.pixels import resize
from pipeline.infer import count
from pipeline.infer import measure as cost
from pipeline.infer.apply import applied
from pipeline.infer.count import count_cost
from pipeline.infer.measure import device_name, measure_cost
from pipeline.infer.run import infer
from pipeline.infer.sets import first_batch, infer_sets
from pipeline.infer.trained import WeightsError, read_weights
from pipeline.networks.build import NETWORKS, build_network, network_class, network_of
from pipeline.params.file import parse
from pipeline.params.stages import InferParams
from pipeline.store import paths
from pipeline.store.manifest import ManifestError, read_manifest, rejected, write_manifest
from pipeline.store.restored import read_made, restored_folder, restored_images, restored_keys
from pipeline.store.weights import save_weights, weights_file, write_card

CPU = torch.device("cpu")
DEMO = parse(ROOT / "profiles/demo.yaml")
# (model, task) -> the demo's first network of that form.
FIRST = {(entry.model, entry.task): name for name, entry in reversed(DEMO.networks.items())}
TINY = {"num_arus": 1, "width": 8, "head_width": 4}


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def inverted(batch):
    return 255 - batch


def model_folder(model, task, arguments, seeds):
    """models/mine with untrained weights, others for each seed; returns the networks by seed."""
    nets = {}
    for seed in seeds:
        torch.manual_seed(seed)
        nets[seed] = build_network(model, task, arguments).eval()
        save_weights(weights_file(paths.MODELS / "mine", seed), nets[seed].state_dict())
    write_card(paths.MODELS / "mine", {"model": model, "task": task, "params": {"model": arguments}, "seeds": seeds})
    return nets


@pytest.mark.parametrize("batch_size", [1, 4, 6, 50])
def test_every_image_is_restored_once_and_kept_in_order(batch_size):
    faces = make_set("helen", images=6)
    seen = []

    def apply(batch):
        seen.append(len(batch))
        return inverted(batch)

    share = infer_sets("mine", ["helen"], [(3, apply)], batch_size)
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
        infer_sets(name, ["helen"], [(0, inverted)], batch_size)
    one, five = (restored_folder(name, 0, "helen") for name in ("one", "five"))
    names = sorted(file.name for file in one.iterdir())
    assert names == ["00000.tar", "00001.tar", "00002.tar", "manifest.parquet"]
    assert [(one / name).read_bytes() for name in names] == [(five / name).read_bytes() for name in names]


def test_each_seed_is_kept_and_an_empty_set_passed_over():
    make_set("celebahq", images=2)
    for stage in ("resize", "degrade"):
        write_manifest(paths.paired_folder(stage, "real"), [rejected("a", "no face")])
    infer_sets("mine", ["celebahq", "real"], [(1, inverted), (2, lambda batch: batch)], 2)
    first, second = (list(restored_images(restored_folder("mine", seed, "celebahq"))) for seed in (1, 2))
    np.testing.assert_array_equal(first[0], 255 - second[0])
    assert not restored_folder("mine", 1, "real").exists()
    assert infer_sets("other", ["real"], [(1, inverted)], 2) is None
    assert list((paths.INFERRED / "other").iterdir()) == []
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
        infer_sets("mine", ["helen"], [(0, breaks)], 2)
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
    net = model_folder("agrnet", "x8", TINY, [4])[4]
    batch = np.stack(make_set("helen", images=2))
    apply = applied(read_weights(weights_file(paths.MODELS / "mine", 4)).load(), CPU)
    np.testing.assert_array_equal(apply(batch), applied(net, CPU)(batch))
    with pytest.raises(ValueError, match="dvc repro"):
        read_weights(weights_file(paths.MODELS / "mine", 5)).load()
    write_card(paths.MODELS / "mine", {"model": "agrnet", "task": "x8", "params": {"model": TINY | {"width": 16}}})
    with pytest.raises(ValueError, match="does not fit"):
        read_weights(weights_file(paths.MODELS / "mine", 4)).load()


def test_a_networks_folder_says_which_task_and_seeds_its_images_are_of():
    nets = model_folder("agrnet", "x8", TINY, [4, 2])
    faces = make_set("helen", images=3)
    infer("mine", InferParams(batch_size=3, device="cpu", threads=1))
    made = read_made("mine")
    assert (made.task, made.seeds) == ("x8", [4, 2])
    seen = np.stack([resize(resize(face, 4), 32) for face in faces])
    for seed, net in nets.items():
        images = list(restored_images(restored_folder("mine", seed, "helen")))
        np.testing.assert_array_equal(np.stack(images), applied(net, CPU)(seen))
    told = json.loads((paths.METRICS / "mine/cost.json").read_text())
    assert told["parameters_m"] == pytest.approx(sum(p.numel() for p in nets[4].parameters()) / 1e6)
    assert (told["batch_size"], told["size_px"], told["threads"], told["precision"]) == (3, 32, 1, "fp32")
    assert {"gmac", "ms_per_image", "network_share", "device"} <= set(told)


def test_a_network_that_takes_the_low_resolution_image_gets_it():
    swinir = {"width": 12, "depths": [1], "heads": 2, "window": 4, "up_width": 8}
    net = model_folder("swinir", "x8", swinir, [0])[0]
    faces = make_set("helen", images=2)
    infer("mine", InferParams(batch_size=2, device="cpu", threads=1))
    images = list(restored_images(restored_folder("mine", 0, "helen")))
    np.testing.assert_array_equal(np.stack(images), applied(net, CPU)(np.stack([resize(face, 4) for face in faces])))
    told = json.loads((paths.METRICS / "mine/cost.json").read_text())
    assert told["size_px"] == 32  # of what is restored
    assert told["gmac"] == count_cost(lambda: build_network("swinir", "x8", swinir), 4)["gmac"]


def test_without_a_test_image_nothing_is_measured_and_the_folder_says_so():
    model_folder("agrnet_hr", "blind", {"num_arus": 1, "widths": [8, 12, 16, 24]}, [0])
    for stage in ("resize", "degrade"):
        for key in paths.sets_of("blind", "test"):
            write_manifest(paths.paired_folder(stage, key), [rejected("a", "no face")])
    infer("mine", InferParams(batch_size=2, device="cpu", threads=1))
    assert read_made("mine") == ("blind", [0])
    assert json.loads((paths.METRICS / "mine/cost.json").read_text()) == {}


def test_where_no_network_was_run_its_stage_is_named():
    with pytest.raises(ManifestError, match=r"dvc repro infer@mine\)"):
        read_made("mine")


def test_a_card_of_no_network_is_refused():
    model_folder("agrnet", "x8", TINY, [0])
    write_card(paths.MODELS / "mine", {"model": "agrnet", "task": "blind", "params": {"model": TINY}, "seeds": [0]})
    with pytest.raises(WeightsError, match="no agrnet for the task blind, only for x8"):
        infer("mine", InferParams(batch_size=2, device="cpu", threads=1))


def test_an_identity_network_changes_nothing():
    batch = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(applied(torch.nn.Identity(), CPU)(batch), batch)


def test_cost_of_the_papers_networks():
    paper, taper = {"num_arus": 10, "width": 144, "head_width": 18}, {"num_arus": 10, "widths": (48, 96, 192, 288)}
    counted = count_cost(lambda: build_network("agrnet", "x8", paper), 128)
    assert counted == pytest.approx({"parameters_m": 12.680665, "gmac": 30.4}, rel=2e-3)
    counted = count_cost(lambda: build_network("agrnet_hr", "blind", taper), 512)
    assert counted["gmac"] == pytest.approx(316, rel=0.01)


def test_the_demo_has_every_form_of_network():
    assert set(FIRST) == set(NETWORKS)


@pytest.mark.middle
@pytest.mark.parametrize("name", [*FIRST.values(), "agrnet_gam"])
def test_cost_is_counted_the_same_by_running_and_without(monkeypatch, name):
    """Of the demo's networks, each at the size that it takes."""
    recipe = DEMO.recipe(name)
    size_px = 8 if network_class(recipe.model, recipe.task).takes == "lr" else 64
    net, found = network_of(recipe), []

    def build():
        return network_of(recipe) if torch.empty(0).is_meta else net  # the largest takes seconds to draw

    for limit in (0, float("inf")):
        monkeypatch.setattr(count, "RUN_MACS", limit)
        found.append(count_cost(build, size_px))
    assert found[0] == found[1]
    assert found[0]["gmac"] > 0


def test_a_manifest_row_is_written_for_each_image():
    make_set("helen", images=3)
    infer_sets("mine", ["helen"], [(0, inverted)], 2)
    rows = read_manifest(restored_folder("mine", 0, "helen"))
    assert list(rows["key"]) == ["0", "1", "2"]
    assert rows["kept"].all()
    assert rows["sha256"].is_unique
