"""Weights on disk: half precision, and discriminators in files of a size."""

import pytest
import torch
from safetensors.torch import load_file

from pipeline.store.weights import discriminator_files, half_precision, save_discriminators


def test_discriminators_lie_in_parts_below_a_size_and_replace_those_before(tmp_path):
    state = {f"D.{n}": torch.full((100,), float(n)) for n in range(25)}
    save_discriminators(tmp_path, state, part_bytes=800)
    files = discriminator_files(tmp_path)
    assert len(files) == 13
    assert [len(load_file(file)) for file in files] == [2] * 12 + [1]
    read = {name: value for file in files for name, value in load_file(file).items()}
    assert list(read) == sorted(read, key=lambda name: int(name[2:]))
    assert all(torch.equal(read[name], value) for name, value in state.items())
    save_discriminators(tmp_path, {"large": torch.zeros(1000), "small": torch.zeros(1)}, part_bytes=800)
    assert [list(load_file(file)) for file in discriminator_files(tmp_path)] == [["large"], ["small"]]
    assert discriminator_files(tmp_path / "nothing") == []


def test_half_precision_keeps_counters_and_refuses_what_it_cannot_hold():
    half = half_precision({"w": torch.tensor([0.1]), "n": torch.tensor(70_000)}, "mine")
    assert (half["w"].dtype, half["n"].item()) == (torch.float16, 70_000)
    with pytest.raises(ValueError, match="mine: w have numbers beyond half precision"):
        half_precision({"w": torch.tensor([1e6]), "n": torch.tensor(1)}, "mine")
