import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.losses.dic.loss import alignment_loss, dic_loss, heat_map_targets, recovery_loss
from pipeline.networks.dic.network import DIC, DICOutput
from pipeline.store.landmarks import LANDMARKS

coordinate = st.floats(-20, 60, allow_nan=False, width=32)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=5, max_size=5), st.sampled_from([0.5, 1.0, 2.0]))
def test_targets_are_gaussians_around_the_landmarks(points, sigma):
    maps = heat_map_targets(torch.tensor(points), height_px=32, width_px=40, sigma=sigma)
    assert maps.shape == (5, 8, 10)
    assert maps.dtype == torch.float32
    for k, (x, y) in enumerate(points):
        for row in range(8):
            for column in range(10):
                squared = (4 * (column + 0.5) - x) ** 2 + (4 * (row + 0.5) - y) ** 2  # in pixels of the image
                expected = math.exp(-squared / (2 * (4 * sigma) ** 2))
                assert maps[k, row, column].item() == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_a_landmark_on_a_pixel_centre_of_its_map_is_a_peak_of_1():
    maps = heat_map_targets(torch.tensor([[[4 * 3 + 2.0, 4 * 5 + 2.0]] * len(LANDMARKS)]), 32, 32)
    assert maps.shape == (1, 5, 8, 8)
    assert maps[0, 2, 5, 3] == maps.max() == 1
    assert maps[0, 0, 5, 4].item() == pytest.approx(math.exp(-0.5))


def test_mirrored_landmarks_give_mirrored_maps():
    landmarks = torch.rand(5, 2) * 32
    mirrored = torch.stack((32 - landmarks[:, 0], landmarks[:, 1]), dim=1)
    torch.testing.assert_close(heat_map_targets(mirrored, 32, 32), heat_map_targets(landmarks, 32, 32).flip(-1))


def test_targets_have_the_size_of_the_networks_maps():
    with torch.device("meta"):
        out = DIC(width=4, num_steps=2, num_groups=2, num_fusion_blocks=1, alignment_width=8, alignment_levels=2)(
            torch.zeros(2, 3, 4, 8)
        )
        height_px, width_px = out.image.shape[2:]
        assert heat_map_targets(torch.zeros(2, 5, 2), height_px, width_px).shape == out.heat_maps[-1].shape


@pytest.mark.parametrize("shape", [(5,), (5, 3)])
def test_other_shapes_of_landmarks_are_refused(shape):
    with pytest.raises(ValueError, match="landmarks have shape"):
        heat_map_targets(torch.zeros(shape), 32, 32)


def test_other_sides_are_refused():
    with pytest.raises(ValueError, match="32x30"):
        heat_map_targets(torch.zeros(5, 2), 32, 30)


def example(steps=3):
    torch.manual_seed(0)
    images = tuple(torch.rand(2, 3, 8, 8, dtype=torch.float64) * 2 - 1 for _ in range(steps))
    maps = tuple(torch.rand(2, 5, 2, 2, dtype=torch.float64) for _ in range(steps))
    hr, targets = torch.rand(2, 3, 8, 8, dtype=torch.float64), torch.rand(2, 5, 2, 2, dtype=torch.float64)
    return DICOutput(maps, images, images[-1]), hr, targets


def test_losses_read_as_published():
    output, hr, targets = example()
    unit = [(image + 1) / 2 for image in output.images]  # the published range
    pixels = sum(
        sum((a - b).abs() for a, b in zip(i.flatten(), (hr.flatten() + 1) / 2, strict=True)) / 384 for i in unit
    )
    heat = sum(
        sum((a - b) ** 2 for a, b in zip(m.flatten(), targets.flatten(), strict=True)) / 40 for m in output.heat_maps
    )
    loss, terms = dic_loss(output.heat_maps, output.images, hr, targets)
    torch.testing.assert_close(terms["recovery"], pixels)
    torch.testing.assert_close(terms["alignment"], heat)
    torch.testing.assert_close(loss, pixels + 0.1 * heat)
    torch.testing.assert_close(
        dic_loss(output.heat_maps, output.images, hr, targets, align_weight=0)[0], recovery_loss(output.images, hr)
    )


def test_a_face_without_landmarks_is_left_out_of_the_alignment():
    output, _, targets = example()
    landmarks = torch.full((2, 5, 2), math.nan)
    landmarks[0] = 3.0
    missing = heat_map_targets(landmarks, 8, 8)
    assert missing[0].isfinite().all()
    assert missing[1].isnan().all()
    maps = [m.clone().requires_grad_() for m in output.heat_maps]
    loss = alignment_loss(maps, missing)
    torch.testing.assert_close(loss, alignment_loss([m[:1] for m in output.heat_maps], missing[:1]))
    loss.backward()
    assert all(m.grad[0].abs().min() > 0 and not m.grad[1].any() for m in maps)
    assert alignment_loss(output.heat_maps, torch.full_like(targets, math.nan)) == 0


def test_terms_carry_no_gradient():
    output, hr, targets = example()
    output = output._replace(images=tuple(image.requires_grad_() for image in output.images))
    loss, terms = dic_loss(output.heat_maps, output.images, hr, targets)
    assert loss.requires_grad
    assert not any(term.requires_grad for term in terms.values())
