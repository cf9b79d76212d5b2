"""Images on the page: nothing lost where that is promised, the same bytes each time."""

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from pipeline.report.blocks import pictures
from pipeline.store import images


def content(address: str) -> tuple[str, bytes]:
    head, data = address.split(";base64,")
    return head.removeprefix("data:image/"), base64.b64decode(data)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_small_images_lose_nothing(image):
    kind, data = content(pictures.embedded(image))
    assert kind == "webp"
    np.testing.assert_array_equal(images.decode(data), image)


@pytest.mark.parametrize(("side", "lossless"), [(pictures.LOSSLESS_PX, True), (pictures.LOSSLESS_PX + 1, False)])
def test_large_images_are_compressed(side, lossless):
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    _, data = content(pictures.embedded(image))
    shown = images.decode(data)
    assert shown.shape == image.shape
    assert np.array_equal(shown, image) == lossless
    assert content(pictures.embedded(image))[1] == data


def test_a_space_that_keeps_words_together_is_drawn_as_one():
    drawn = []
    for text in ("8 px", "8\u00a0px"):
        drawn.append(Image.new("RGB", (80, 30), pictures.PAPER))
        pictures.write(ImageDraw.Draw(drawn[-1]), (40, 15), text, pictures.INK, 18, "mm")
    assert drawn[0].tobytes() == drawn[1].tobytes()
    assert len(drawn[0].getcolors()) > 1
