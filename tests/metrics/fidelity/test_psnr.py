import math

import numpy as np
import pytest
from PIL import Image

from pipeline.metrics.fidelity.color import luma
from pipeline.metrics.fidelity.psnr import psnr_y


def noise(seed, shape=(24, 20, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_identical_is_infinite():
    assert psnr_y(noise(0), noise(0)) == math.inf


def test_closed_form_of_one_grey_step():
    # every Y differs by 219/255, so MSE = (219/255)^2 and PSNR = 40 log10(255) - 20 log10(219)
    dark, light = np.full((5, 7, 3), 100, np.uint8), np.full((5, 7, 3), 101, np.uint8)
    assert psnr_y(dark, light) == pytest.approx(40 * math.log10(255) - 20 * math.log10(219), abs=1e-9)


def test_agrees_with_scikit_image_and_is_symmetric():
    from skimage.metrics import peak_signal_noise_ratio

    a, b = noise(1), noise(2)
    assert psnr_y(a, b) == pytest.approx(peak_signal_noise_ratio(luma(a), luma(b), data_range=255), abs=1e-9)
    assert psnr_y(a, b) == psnr_y(b, a)


def test_refuses_mismatch_and_floats():
    with pytest.raises(ValueError, match="must be the same"):
        psnr_y(noise(0), noise(0, (24, 21, 3)))
    with pytest.raises(ValueError, match="uint8"):
        psnr_y(noise(0) / 255.0, noise(0) / 255.0)


@pytest.mark.middle
def test_bicubic_on_photographs(shared):
    """Published-protocol check: bicubic 128 -> 16 -> 128 on 100 aligned photographs gives 23.80 dB."""
    values = []
    for number in range(4803, 4903):
        path = shared / "faces/celeba/img_align_celeba" / f"{number:06d}.jpg"
        if not path.is_file():
            pytest.skip(f"photograph {path.name} is missing")
        hr = Image.open(path).convert("RGB").crop((19, 49, 159, 189)).resize((128, 128), Image.Resampling.BICUBIC)
        sr = hr.resize((16, 16), Image.Resampling.BICUBIC).resize((128, 128), Image.Resampling.BICUBIC)
        values.append(psnr_y(np.asarray(sr), np.asarray(hr)))
    assert np.mean(values) == pytest.approx(23.80, abs=0.005)
