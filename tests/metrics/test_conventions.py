"""The conventions against scikit-image, put together as the published code has it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import metrics as theirs

from pipeline.metrics import psnr_y, ssim_y
from pipeline.metrics.conventions import CONVENTIONS, measure

WEIGHTS = np.array([65.481, 128.553, 24.966])
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
LEAST_PX = {"y": 11, "sparnet": 11, "dic": 27, "sfmnet": 23, "rgb": 11}


def pair(seed, height=40, width=36):
    """A smooth picture in colour and a noisy version of it."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    plane = 128 + 110 * np.sin(rows / 5.0 + rng.uniform(0, 6)) * np.cos(columns / 7.0)
    picture = np.stack([plane, np.roll(plane, 3, 0), 255 - plane], axis=-1)
    noisy = picture + rng.normal(0, 12, picture.shape)
    return noisy.clip(0, 255).astype(np.uint8), picture.clip(0, 255).astype(np.uint8)


def inner(plane):
    return plane[8:-8, 8:-8]


def sparnet(sr, hr):
    x, y = ((16 + np.matmul(rgb, WEIGHTS / 255.0)).astype(np.uint8) for rgb in (sr, hr))
    return theirs.peak_signal_noise_ratio(y, x), theirs.structural_similarity(y, x, **GAUSSIAN)


def dic(sr, hr):
    x, y = (inner((np.dot(rgb, WEIGHTS) / 255.0 + 16.0).round().astype(np.uint8)) for rgb in (sr, hr))
    x, y = x * np.uint8(255), y * np.uint8(255)  # 8 bits: the overflow is the published code's
    return theirs.peak_signal_noise_ratio(y, x, data_range=255), theirs.structural_similarity(
        y, x, data_range=255, **GAUSSIAN
    )


def sfmnet(sr, hr):
    x, y = ((np.dot(inner(rgb), WEIGHTS) / 255.0 + 16.0).round().astype(np.uint8) for rgb in (sr, hr))
    return theirs.peak_signal_noise_ratio(y, x), theirs.structural_similarity(y, x, data_range=255)


def rgb(sr, hr):
    return theirs.peak_signal_noise_ratio(hr, sr), theirs.structural_similarity(hr, sr, channel_axis=2, **GAUSSIAN)


@pytest.mark.parametrize("reference", [sparnet, dic, sfmnet, rgb], ids=lambda function: function.__name__)
@pytest.mark.parametrize("shape", [(40, 36), (128, 128)])
def test_agrees_with_scikit_image_within_1e_9(reference, shape):
    sr, hr = pair(1, *shape)
    convention = CONVENTIONS[reference.__name__]
    assert (convention.psnr(sr, hr), convention.ssim(sr, hr)) == pytest.approx(reference(sr, hr), abs=1e-9)


def test_ours_is_psnr_y_and_ssim_y_to_the_bit():
    for seed, shape in enumerate([(40, 36), (128, 128), (11, 50)]):
        sr, hr = pair(seed, *shape)
        assert measure(sr, hr, ["y"]) == {"psnr_y": psnr_y(sr, hr), "ssim_y": ssim_y(sr, hr)}


def test_rounding_of_colours_at_a_half_follows_the_published_sum():
    # 65481 r + 128553 g + 24966 b is an odd multiple of 127500: Y lies between 125 and 126, and rounding decides.
    colours = [(4, 194, 109), (8, 184, 150), (11, 205, 34), (12, 174, 191), (15, 195, 75), (16, 164, 232), (22, 206, 0)]
    halves = np.array([colours], np.uint8)
    published = (np.dot(halves, WEIGHTS) / 255.0 + 16.0).round()
    assert not np.array_equal(published, CONVENTIONS["y"].channels(halves).round()), "the order would not matter here"
    np.testing.assert_array_equal(CONVENTIONS["sfmnet"].channels(halves), published)


def test_what_distinguishes_the_conventions_is_seen():
    sr, hr = pair(2)
    found = measure(sr, hr, list(CONVENTIONS))
    for measured in ("psnr", "ssim"):
        values = {found[f"{measured}_{name}"] for name in CONVENTIONS}
        # DIC's overflow leaves PSNR as SFMNet has it; everything else differs.
        assert len(values) == (4 if measured == "psnr" else 5)
    assert found["psnr_dic"] == found["psnr_sfmnet"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(CONVENTIONS)))
def test_bounds_symmetry_identity(seed, name):
    sr, hr = pair(seed, 30, 27)
    convention = CONVENTIONS[name]
    assert -1.0 <= convention.ssim(sr, hr) < 1.0
    assert 0.0 < convention.psnr(sr, hr) < 60.0
    assert convention.ssim(sr, hr) == convention.ssim(hr, sr)
    assert convention.psnr(sr, hr) == convention.psnr(hr, sr)
    assert convention.psnr(hr, hr) == math.inf
    assert convention.ssim(hr, hr) == 1.0


@settings(max_examples=20, deadline=None)
@given(st.permutations(sorted(CONVENTIONS)), st.integers(0, 5))
def test_measuring_together_equals_measuring_alone(names, taken):
    sr, hr = pair(3, 30, 27)
    expected = {}
    for name in names[:taken]:
        expected |= {f"psnr_{name}": CONVENTIONS[name].psnr(sr, hr), f"ssim_{name}": CONVENTIONS[name].ssim(sr, hr)}
    assert list(measure(sr, hr, names[:taken]).items()) == list(expected.items())


@pytest.mark.parametrize("name", CONVENTIONS)
def test_least_size(name):
    least, convention = LEAST_PX[name], CONVENTIONS[name]
    sr, hr = pair(4, least, least)
    assert convention.ssim(sr, hr) < 1.0
    small = hr[:-1]
    with pytest.raises(ValueError, match=rf"picture of {least}x{least - 1} px; SSIM of {name} needs {least} px a side"):
        convention.ssim(small, small)
    with pytest.raises(ValueError, match="SSIM"):
        measure(small, small, [name])
    inside = 2 * convention.border_px
    assert convention.psnr(hr[: inside + 1], hr[: inside + 1]) == math.inf
    if inside:
        with pytest.raises(ValueError, match=f"PSNR of {name} needs {inside + 1} px a side"):
            convention.psnr(hr[:inside], hr[:inside])


@pytest.mark.parametrize("name", CONVENTIONS)
def test_refuses_mismatch_and_other_arrays(name):
    sr, hr = pair(5)
    for measured in (CONVENTIONS[name].psnr, CONVENTIONS[name].ssim, lambda a, b: measure(a, b, [name])):
        with pytest.raises(ValueError, match="must be the same"):
            measured(sr[:, :-1], hr)
        with pytest.raises(ValueError, match="uint8 RGB"):
            measured(sr / 255.0, hr / 255.0)
        with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
            measured(sr[..., 0], hr[..., 0])


def test_unknown_name_is_told_from_known_ones():
    sr, hr = pair(6)
    with pytest.raises(ValueError, match=r"no convention called matlab; there are y, sparnet, dic, sfmnet, rgb"):
        measure(sr, hr, ["y", "matlab"])


def test_entries_are_named_as_their_keys():
    assert list(CONVENTIONS) == list(LEAST_PX)
    assert all(key == convention.name for key, convention in CONVENTIONS.items())


@pytest.mark.middle
def test_torchmetrics_agrees():
    """torchmetrics on our channels: within 1e-5 dB (it holds its constants in float32) and 1e-6 of SSIM."""
    import torch
    from torchmetrics.functional import image as torchmetrics

    sr, hr = pair(7, 64, 64)
    for name in ("y", "sparnet", "dic", "rgb"):  # its uniform window has no sample covariance: SFMNet's is left out
        convention = CONVENTIONS[name]
        planes = []
        for picture in (sr, hr):
            inside = slice(convention.border_px, 64 - convention.border_px)
            values = np.atleast_3d(convention.stored(convention.channels(picture)[inside, inside]))
            planes.append(torch.from_numpy(values).permute(2, 0, 1)[None])
        psnr = torchmetrics.peak_signal_noise_ratio(*planes, data_range=255.0)
        _, ssim = torchmetrics.structural_similarity_index_measure(
            *planes, sigma=1.5, data_range=255.0, return_full_image=True
        )
        ssim = ssim[..., 5:-5, 5:-5].mean()  # its own mean takes windows in that reach over the edge
        assert convention.psnr(sr, hr) == pytest.approx(float(psnr), abs=1e-5)
        assert convention.ssim(sr, hr) == pytest.approx(float(ssim), abs=1e-6)


@pytest.mark.middle
def test_conventions_disagree_on_photographs_as_far_as_is_said(shared):
    """Bicubic 128 -> 16 -> 128: RGB reads more than 1.2 dB lower, SSIM moves by at least 0.01."""
    from PIL import Image

    rows = []
    for number in range(4803, 4823):
        path = shared / "faces/celeba/img_align_celeba" / f"{number:06d}.jpg"
        if not path.is_file():
            pytest.skip(f"photograph {path.name} is missing")
        hr = Image.open(path).convert("RGB").crop((19, 49, 159, 189)).resize((128, 128), Image.Resampling.BICUBIC)
        sr = hr.resize((16, 16), Image.Resampling.BICUBIC).resize((128, 128), Image.Resampling.BICUBIC)
        rows.append(measure(np.asarray(sr), np.asarray(hr), list(CONVENTIONS)))
    mean = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
    assert 1.2 < mean["psnr_y"] - mean["psnr_rgb"] < 1.5
    assert abs(mean["psnr_y"] - mean["psnr_sparnet"]) < 0.1
    assert mean["ssim_y"] - mean["ssim_sfmnet"] > 0.01
