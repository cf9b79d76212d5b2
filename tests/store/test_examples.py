"""Examples as the stage leaves them: what is read is what was written."""

import numpy as np
import pytest

from pipeline.store.examples import IMAGES, Example, NetworkExamples, read_examples, write_examples
from pipeline.store.manifest import ManifestError


def image(seed: int, side_px: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), np.uint8)


def test_examples_come_back_as_they_were_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figures = {"bicubic": {"psnr_y": 1 / 3}, "network": {"psnr_y": 25.0}}
    examples = [
        Example("portrait", "16 px", image(0, 16), image(1, 64), image(2, 64), image(3, 64), figures),
        Example("small", "25 px", image(4, 25), image(5, 64), image(6, 64), image(7, 25), {}),
    ]
    written = [NetworkExamples("agrnet", 64, 0.25, {"title": "AGRNet"}, {"lpips_alex": "off"}, examples)]
    write_examples(written)
    (read,) = read_examples()
    assert (read.name, read.size_px, read.parameters_m) == ("agrnet", 64, 0.25)
    assert (read.card, read.absent) == ({"title": "AGRNet"}, {"lpips_alex": "off"})
    for before, after in zip(examples, read.examples, strict=True):
        assert (after.name, after.done, after.figures) == (before.name, before.done, before.figures)
        for what in IMAGES:
            np.testing.assert_array_equal(getattr(after, what), getattr(before, what))


def test_no_examples_are_a_file_too_and_a_missing_one_names_its_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestError, match="dvc repro examples"):
        read_examples()
    write_examples([])
    assert read_examples() == []
