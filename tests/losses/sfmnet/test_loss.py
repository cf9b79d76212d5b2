import cmath
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.losses.sfmnet.loss import amplitude_loss, phase_loss, sfmnet_loss


def spectrum(image):
    """The half spectrum of one (H, W) image by the definition of the transform, as a list of complex numbers."""
    h, w = image.shape
    return [
        sum(image[y, x].item() * cmath.exp(-2j * math.pi * (u * y / h + v * x / w)) for y in range(h) for x in range(w))
        for u in range(h)
        for v in range(w // 2 + 1)
    ]


def pair():
    torch.manual_seed(0)
    return torch.rand(2, 1, 3, 4, 6, dtype=torch.float64)


def mean_difference(a, b, part):
    differences = [
        abs(part(p) - part(q))
        for i in range(a.shape[1])
        for p, q in zip(spectrum(a[0, i]), spectrum(b[0, i]), strict=True)
        if not (part is cmath.phase and min(abs(p.imag), abs(q.imag)) < 1e-9)
    ]
    return sum(differences) / len(differences)


def test_amplitude_by_the_definition_of_the_transform():
    a, b = pair()
    assert amplitude_loss(a, b).item() == pytest.approx(mean_difference(a, b, abs), rel=1e-9)


def test_phase_by_the_definition_of_the_transform():
    # Of 4x6 pixels the frequencies that are their own mirror are real: pi or 0 by their sign, whatever rounding does.
    a, b = pair()
    signs = torch.fft.rfft2(a).real.sign() != torch.fft.rfft2(b).real.sign()
    real = torch.zeros(4, 4, dtype=torch.bool)
    real[[0, 0, 2, 2], [0, 3, 0, 3]] = True
    of_complex = mean_difference(a, b, cmath.phase) * (~real).sum().item() * 3
    of_real = signs[..., real].sum().item() * math.pi
    assert phase_loss(a, b).item() == pytest.approx((of_complex + of_real) / (16 * 3), rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(2, 5), st.integers(0, 1000))
def test_nothing_to_lose_between_an_image_and_itself_and_symmetric(n, side, seed):
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, n, 3, 2 * side, 2 * side, generator=generator)
    for loss in (amplitude_loss, phase_loss):
        assert loss(a, a) == 0
        assert loss(a, b) == loss(b, a) > 0


def test_a_cyclic_shift_has_phase_but_no_amplitude():
    image = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    shifted = image.roll((2, 3), (2, 3))
    assert amplitude_loss(shifted, image).item() == pytest.approx(0, abs=1e-12)
    assert phase_loss(shifted, image) > 0.1


def test_the_whole_is_taken_on_0_to_1_with_the_published_weight():
    a, b, hr = torch.rand(3, 2, 3, 8, 8, dtype=torch.float64) * 2 - 1
    frequency, final, target = (a + 1) / 2, (b + 1) / 2, (hr + 1) / 2
    expected = (final - target).abs().mean() + (frequency - target).abs().mean()
    expected += 0.01 * (amplitude_loss(frequency, target) + phase_loss(frequency, target))
    torch.testing.assert_close(sfmnet_loss(a, b, hr), expected)
    halved = sfmnet_loss(a, b, hr, frequency_weight=0)
    torch.testing.assert_close(halved, ((a - hr).abs().mean() + (b - hr).abs().mean()) / 2)
