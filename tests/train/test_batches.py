"""Batches as networks see them: the evaluation's own input, varied by (seed, step, index) alone."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from PIL import Image
from small_sets import make_set, smooth_landmarks

from pipeline.images.pairs import Pairs
from pipeline.networks.units.tensors import to_uint8
from pipeline.params.tasks import TrainParams
from pipeline.store import paths
from pipeline.train.batches import Batches, beside
from pipeline.train.distributed import World
from pipeline.train.image_store import ImageStore
from pipeline.train.order import batch_indices, flips, scales

CPU = torch.device("cpu")
ALONE = World(0, 1, 0)


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_set("celeba", images=7)
    make_set("ffhq", images=7, size_px=64)
    return {
        key: Pairs(paths.paired_folder("degrade", key), paths.paired_folder("resize", key))
        for key in ("celeba", "ffhq")
    }


def options(**changes):
    return TrainParams(**{"steps": 9, "batch_size": 4, "learning_rate": 1.0, "betas": (0.9, 0.99)} | changes)


def batches(of, seed=5, world=ALONE, takes="lr_up", landmarks=None, **changes):
    images = ImageStore(of, range(len(of)), "host", CPU)
    return Batches(images, seed, options(**changes), world, takes, landmarks)


def whole(parts):
    """The parts of a batch as one pair of uint8 arrays."""
    return tuple(np.concatenate([to_uint8(part[which]) for part in parts]) for which in (0, 1))


@pytest.mark.parametrize("key", ["celeba", "ffhq"])
def test_the_network_sees_what_the_evaluation_gives_it(pairs, key):
    of = pairs[key]
    for step, parts in enumerate(batches(of, flip=False).run(0, 3)):
        lr_up, hr = whole(parts)
        for place, index in enumerate(batch_indices(5, step, 4, len(of))):
            np.testing.assert_array_equal(lr_up[place], of.lr_up(index))
            np.testing.assert_array_equal(hr[place], of.hr(index))


def test_images_are_mirrored_together(pairs):
    plain, mirrored = (next(batches(pairs["celeba"], flip=flip).run(4, 5)) for flip in (False, True))
    chosen = flips(5, 4, 4)
    assert 0 < chosen.sum() < 4
    for before, after in zip(whole(plain), whole(mirrored), strict=True):
        for place, is_mirrored in enumerate(chosen):
            np.testing.assert_array_equal(after[place], before[place][:, ::-1] if is_mirrored else before[place])


def test_a_batch_depends_on_seed_and_step_alone(pairs):
    run = list(batches(pairs["celeba"], scale=1.3).run(0, 6))
    for step in (0, 3, 5):
        again = next(batches(pairs["celeba"], scale=1.3).run(step, 9))
        assert all(torch.equal(a, b) for a, b in zip(again[0][:2], run[step][0][:2], strict=True))
    assert not torch.equal(run[0][0][1], next(batches(pairs["celeba"], seed=6, scale=1.3).run(0, 1))[0][1])


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_processes_and_parts_share_one_batch(pairs, processes, accumulate):
    expected = whole(next(batches(pairs["celeba"], scale=1.3).run(3, 4)))
    shares = [
        next(batches(pairs["celeba"], scale=1.3, accumulate=accumulate, world=World(rank, processes, rank)).run(3, 4))
        for rank in range(processes)
    ]
    assert all(len(share) == accumulate for share in shares)
    for found, wanted in zip(whole([part for share in shares for part in share]), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_scaled_image_is_enlarged_cropped_and_shrunk_as_pillow_does(pairs):
    of = pairs["celeba"]
    lr_up, hr = whole(next(batches(of, flip=False, scale=1.3).run(1, 2)))
    sides, corners = scales(5, 1, 4, 1.3, 32)
    assert sides.max() > 32
    for place, index in enumerate(batch_indices(5, 1, 4, len(of))):
        enlarged = Image.fromarray(of.hr(index)).resize((sides[place],) * 2, Image.BICUBIC)
        top, left = corners[place]
        cropped = enlarged.crop((left, top, left + 32, top + 32))
        np.testing.assert_array_equal(hr[place], np.asarray(cropped))
        small = cropped.resize((4, 4), Image.BICUBIC)
        np.testing.assert_array_equal(lr_up[place], np.asarray(small.resize((32, 32), Image.BICUBIC)))


def test_scales_reach_from_1_to_the_largest_and_crops_stay_inside():
    sides, corners = (
        np.concatenate(parts) for parts in zip(*(scales(0, step, 16, 1.3, 128) for step in range(100)), strict=True)
    )
    assert sides.min() == 128
    assert sides.max() == 166
    assert (corners >= 0).all()
    assert (corners.max(axis=1) <= sides - 128).all()
    assert len(set(corners[sides > 160, 0])) > 20


def test_images_degraded_beforehand_cannot_be_scaled(pairs):
    with pytest.raises(ValueError, match="degraded by Eq"):
        batches(pairs["ffhq"], scale=1.3)


def test_a_batch_that_does_not_split_is_an_error(pairs):
    with pytest.raises(ValueError, match="batch_size 4 cannot be split over 3 processes"):
        batches(pairs["celeba"], world=World(0, 3, 0))


def test_a_network_may_take_the_small_image(pairs):
    of = pairs["celeba"]
    (part,) = next(batches(of, takes="lr", flip=False).run(0, 1))
    for place, index in enumerate(batch_indices(5, 0, 4, len(of))):
        np.testing.assert_array_equal(to_uint8(part.input)[place], of.lr(index))
        np.testing.assert_array_equal(to_uint8(part.hr)[place], of.hr(index))


def test_small_images_of_several_sizes_are_refused(pairs):
    with pytest.raises(ValueError, match="of several sizes"):
        list(batches(pairs["ffhq"], takes="lr").run(0, 9))


def test_landmarks_go_with_their_image_and_are_mirrored_with_it(pairs):
    of = pairs["celeba"]
    points = of.landmarks()
    np.testing.assert_allclose(points[3], smooth_landmarks(3) * 32)
    (part,) = next(batches(of, landmarks=points).run(4, 5))
    mirrored = flips(5, 4, 4)
    assert 0 < mirrored.sum() < 4
    for place, index in enumerate(batch_indices(5, 4, 4, len(of))):
        left_eye, right_eye, nose, mouth_left, mouth_right = np.float32(points[index])
        expected = [left_eye, right_eye, nose, mouth_left, mouth_right]
        if mirrored[place]:  # the viewer's left eye is the other one now
            expected = [(32 - x, y) for x, y in (right_eye, left_eye, nose, mouth_right, mouth_left)]
        np.testing.assert_allclose(part.landmarks[place], expected, rtol=1e-5)


def test_landmarks_stay_on_an_enlarged_face(pairs):
    """A face that is one bright pixel, its landmarks on it: after random enlargement they are on it still."""
    of = pairs["celeba"]
    points = np.full((len(of), 5, 2), 16.5)

    class Dots(ImageStore):
        def read_all(self, chosen, ahead=3):
            for read in super().read_all(chosen, ahead):
                read.hr.zero_()
                read.hr[:, 14:19, 14:19] = 255
                yield read

    images = Dots(of, range(len(of)), "host", CPU)
    seen = 0
    for (part,) in Batches(images, 5, options(scale=1.6), ALONE, landmarks=points).run(0, 6):
        for image, (x, y) in zip((part.hr[:, 0] + 1).numpy(), part.landmarks[:, 0].tolist(), strict=True):
            if 6 < x < 26 and 6 < y < 26:  # whole in the window
                rows, columns = np.mgrid[:32, :32] + 0.5
                np.testing.assert_allclose(
                    [(image * columns).sum() / image.sum(), (image * rows).sum() / image.sum()], [x, y], atol=0.3
                )
                seen += 1
    assert seen > 5


def test_on_a_gpu_each_batch_is_made_beside_the_step_before_it(pairs, monkeypatch):
    of, calls = pairs["ffhq"], []

    class Stream:
        def wait_stream(self, other):
            calls.append(("waits", self, other))

    side, reader = Stream(), Stream()
    monkeypatch.setattr(torch.cuda, "Stream", lambda: side)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: reader)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext(calls.append(("made on", stream))))
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda images, stream: calls.append(("kept for", stream)))
    expected = list(batches(of).run(0, 3))
    for number, (part,) in enumerate(beside(batches(of).run(0, 3))):
        begun = [("waits", side, reader)] if number == 0 else []
        assert calls == [*begun, ("made on", side), ("waits", reader, side), *[("kept for", reader)] * 2]
        assert torch.equal(part.input, expected[number][0].input)
        calls.clear()
    assert calls == [("made on", side)]
