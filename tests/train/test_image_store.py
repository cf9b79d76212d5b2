"""The training images: which are held out, and that they are the same wherever they are held."""

import numpy as np
import pytest
import torch
from small_sets import make_set

from pipeline.images.pairs import Pairs
from pipeline.params.degrade import RealDegradation
from pipeline.store import paths
from pipeline.train import image_store
from pipeline.train.image_store import ImageStore, fits, hold_out

CPU = torch.device("cpu")


@pytest.fixture
def celeba(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_set("celeba", images=7)
    return open_pairs("celeba")


@pytest.fixture
def ffhq(tmp_path, monkeypatch):
    """Five images of 64 px, each degraded in three ways."""
    monkeypatch.chdir(tmp_path)
    make_set("ffhq", images=5, size_px=64, degradation=RealDegradation(kind="eq28", seed=0, variants=3))
    return open_pairs("ffhq")


def open_pairs(key):
    return Pairs(paths.paired_folder("degrade", key), paths.paired_folder("resize", key))


def one_by_one(read):
    """The low-resolution images of a batch, each at its own size, and its HR images."""
    lr = [image[:side, :side].numpy() for image, side in zip(read.lr, read.sides_px, strict=True)]
    assert sum(image.sum(dtype=np.int64) for image in lr) == read.lr.sum()  # 0 outside
    return lr, read.hr.numpy()


@pytest.mark.parametrize("where", ["host", "disk", "device", "auto"])
def test_images_are_the_same_wherever_they_are_held(ffhq, where):
    chosen = [14, 3, 8, 2, 9, 0]
    store = ImageStore(ffhq, chosen, where, CPU)
    batches = [[0, 1, 2, 3], [5, 5, 4, 0], [2, 1, 0, 3], [4, 3, 2, 1], [0, 0, 0, 0]]
    reads = list(store.read_all(iter(batches), ahead=2))
    assert len(reads) == len(batches)
    for numbers, read in zip(batches, reads, strict=True):
        lr, hr = one_by_one(read)
        assert len(lr) == 4
        for place, number in enumerate(numbers):
            np.testing.assert_array_equal(lr[place], ffhq.lr(chosen[number]))
            np.testing.assert_array_equal(hr[place], ffhq.hr(chosen[number]))
    assert store.key(0) == ffhq.row(14)["key"]


def test_an_hr_image_that_pairs_share_is_held_once(ffhq):
    store = ImageStore(ffhq, range(len(ffhq)), "host", CPU)
    assert len(store._hr) == 5


def test_a_small_set_is_held_and_a_large_one_streams(celeba, monkeypatch):
    assert fits(celeba, len(celeba), CPU) == "host"
    monkeypatch.setattr(image_store, "_free_memory", lambda: 7 * 3 * 32**2)
    assert fits(celeba, len(celeba), CPU) == "disk"


def test_the_part_held_out_is_the_same_for_everyone_and_shares_no_hr_image(ffhq):
    trained, held = hold_out(ffhq, 2)
    assert sorted(trained + held) == list(range(15))
    assert len(held) == 6
    owners = [{ffhq.row(index)["hr_key"] for index in part} for part in (trained, held)]
    assert not owners[0] & owners[1]
    assert hold_out(ffhq, 2) == (trained, held)
    assert set(hold_out(ffhq, 1)[1]) < set(held)
    assert hold_out(ffhq, 0) == (list(range(15)), [])


def test_holding_out_everything_is_an_error(celeba):
    with pytest.raises(ValueError, match="validation_images is 7, but the training set has 7 HR images"):
        hold_out(celeba, 7)
