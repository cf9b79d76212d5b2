"""Every byte is PIL's: resizing on tensors must not change what `pipeline.images.pixels.resize` has stored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.images.pixels import resize as resize_one
from pipeline.photos.decode import decode_photo
from pipeline.train.bicubic import enlarge, resize, zoom

SIZES = [(16, 128), (128, 16), (37, 128), (128, 166), (64, 512), (128, 128), (5, 1), (1, 9)]


def noise(count, height, width, seed=0):
    """Black and white in equal parts, in which both passes overshoot, and grey noise."""
    grey = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)
    grey[::2] = np.where(grey[::2] < 128, 0, 255)
    return grey


def smooth(count, height, width):
    """Slow waves: many sums of the same weights lie close to a rounding edge."""
    y, x = np.mgrid[:height, :width]
    waves = [
        [127.5 + 127.5 * np.sin(0.07 * x * (k + 1) + c) * np.cos(0.05 * y + k) for c in range(3)] for k in range(count)
    ]
    return np.stack(waves).transpose(0, 2, 3, 1).round().astype(np.uint8)


def by_pil(images, size_px):
    return np.stack([resize_one(image, size_px) for image in images])


def zoomed_by_pil(image, enlarged_px, top, left):
    side = len(image)
    return resize_one(image, enlarged_px)[top : top + side, left : left + side]


@pytest.mark.parametrize("make", [noise, smooth])
@pytest.mark.parametrize(("from_px", "to_px"), SIZES)
def test_squares_are_pils(from_px, to_px, make):
    images = make(3, from_px, from_px)
    resized = resize(torch.from_numpy(images), to_px)
    assert resized.is_contiguous()
    np.testing.assert_array_equal(resized, by_pil(images, to_px))


@pytest.mark.parametrize("make", [noise, smooth])
@pytest.mark.parametrize(
    ("height", "width", "to_px"),
    [(218, 178, 128), (40, 128, 64), (200, 40, 128), (128, 40, 128), (3, 200, 16), (200, 150, 120), (180, 150, 120)],
)
def test_other_shapes_are_pils_in_either_order_of_the_passes(height, width, to_px, make):
    images = make(2, height, width)
    np.testing.assert_array_equal(resize(torch.from_numpy(images), to_px), by_pil(images, to_px))


@pytest.mark.parametrize("sides", [(16, 9, 16, 3, 12), (5, 5, 5), (40, 64)])
def test_squares_of_several_sizes_at_once_are_pils(sides):
    images = noise(len(sides), 64, 64)  # with something else around them
    squares = [image[:side, :side] for image, side in zip(images, sides, strict=True)]
    expected = np.stack([resize_one(square, 48) for square in squares])
    np.testing.assert_array_equal(enlarge(torch.from_numpy(images), sides, 48), expected)


@pytest.mark.parametrize("sides", [(8,), (8, 9), (0, 8)])
def test_sides_that_do_not_fit_the_images_are_refused(sides):
    with pytest.raises(ValueError, match="px for images"):
        enlarge(torch.zeros(2, 8, 8, 3, dtype=torch.uint8), sides, 48)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    to_px=st.integers(1, 90),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_any_size_is_pils(height, width, to_px, channels, seed):
    images = noise(1, height, width, seed)[..., :channels]
    one = Image.fromarray(images[0] if channels == 3 else images[0, :, :, 0])
    pils = np.asarray(one.resize((to_px, to_px), Image.Resampling.BICUBIC)).reshape(1, to_px, to_px, channels)
    np.testing.assert_array_equal(resize(torch.from_numpy(images), to_px), pils)


def test_photographs_are_pils(shared):
    files = [file for folder in ("celebahq", "ffhq", "helen") for file in first_photos(shared / "faces" / folder)]
    if not files:
        pytest.skip("no photographs under shared/faces")
    for file in files:
        photo = decode_photo(file.read_bytes())
        face = torch.from_numpy(photo.copy())[None]
        hr = resize(face, 128)
        np.testing.assert_array_equal(hr[0], resize_one(photo, 128), err_msg=str(file))
        lr = resize(hr, 16)
        np.testing.assert_array_equal(lr[0], resize_one(hr[0].numpy(), 16), err_msg=str(file))
        np.testing.assert_array_equal(resize(lr, 128)[0], resize_one(lr[0].numpy(), 128), err_msg=str(file))


def first_photos(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))[:2]


@pytest.mark.parametrize("make", [noise, smooth])
def test_zoom_is_enlarging_and_cutting(make):
    images = make(5, 64, 64)
    enlarged_px, tops, lefts = [64, 70, 83, 83, 70], [0, 6, 0, 19, 2], [0, 0, 19, 7, 3]
    zoomed = zoom(torch.from_numpy(images), enlarged_px, tops, lefts)
    expected = [zoomed_by_pil(*each) for each in zip(images, enlarged_px, tops, lefts, strict=True)]
    np.testing.assert_array_equal(zoomed, expected)
    np.testing.assert_array_equal(zoomed[0], images[0])  # no enlargement, no change


@settings(max_examples=30, deadline=None)
@given(data=st.data(), side=st.integers(2, 48), count=st.integers(1, 3), seed=st.integers(0, 99))
def test_any_window_is_pils(data, side, count, seed):
    images = noise(count, side, side, seed)
    enlarged_px = [data.draw(st.integers(side, 2 * side)) for _ in range(count)]
    tops, lefts = ([data.draw(st.integers(0, size - side)) for size in enlarged_px] for _ in range(2))
    expected = [zoomed_by_pil(*each) for each in zip(images, enlarged_px, tops, lefts, strict=True)]
    np.testing.assert_array_equal(zoom(torch.from_numpy(images), enlarged_px, tops, lefts), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_cpus_bytes():
    for from_px, to_px in SIZES:
        images = torch.from_numpy(noise(8, from_px, from_px))
        assert torch.equal(resize(images.cuda(), to_px).cpu(), resize(images, to_px))
    images, windows = torch.from_numpy(noise(3, 128, 128)), ([128, 140, 166], [0, 12, 30], [0, 5, 38])
    assert torch.equal(zoom(images.cuda(), *windows).cpu(), zoom(images, *windows))


def test_views_are_read_as_they_are_and_not_written_to():
    images = torch.from_numpy(noise(4, 32, 32))
    before = images.clone()
    mirrored = images.flip(2)
    channels_first = images.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    assert torch.equal(resize(channels_first, 48), resize(images, 48))
    assert torch.equal(resize(images[1::2], 48), resize(images, 48)[1::2])
    np.testing.assert_array_equal(resize(mirrored, 48), by_pil(mirrored.numpy(), 48))
    assert torch.equal(images, before)


def test_autocast_changes_nothing():
    images = torch.from_numpy(noise(2, 16, 16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        resized = resize(images, 128)
    assert torch.equal(resized, resize(images, 128))


@pytest.mark.parametrize(
    "images", [torch.zeros(1, 8, 8, 3), torch.zeros(8, 8, 3, dtype=torch.uint8), torch.zeros(0, 8, 8, 3).byte()]
)
def test_other_images_are_refused(images):
    for call in (lambda: resize(images, 16), lambda: zoom(images, [8], [0], [0])):
        with pytest.raises(ValueError, match=r"expected uint8 \(N, H, W, C\)"):
            call()


def test_other_sizes_and_windows_are_refused():
    images = torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="size_px is 0"):
        resize(images, 0)
    with pytest.raises(ValueError, match=r"8x6 \(HxW\)"):
        zoom(images[:, :, :6], [8, 8], [0, 0], [0, 0])
    with pytest.raises(ValueError, match="1 sizes, 2 tops and 2 lefts for 2 images"):
        zoom(images, [8], [0, 0], [0, 0])
    for size, top, left in ((7, 0, 0), (10, 3, 0), (10, 0, 3), (10, -1, 0), (10, 0, -1)):
        with pytest.raises(ValueError, match=f"enlarged to {size} px"):
            zoom(images, [8, size], [0, top], [0, left])
