"""FittingBatches that shrink where memory runs out."""

import numpy as np
import pytest
import torch

from pipeline.commands.restore.networks.by_torch import pick_device
from pipeline.commands.restore.networks.runnable import FittingBatches
from pipeline.infer.trained import WeightsError


def numbered(count):
    return [np.full((2, 2, 3), number, np.uint8) for number in range(count)]


def run(restore, size, count=7):
    results = {}
    batches = FittingBatches(restore, size)
    batches(numbered(count), results.__setitem__)
    return results, batches


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
@pytest.mark.parametrize("fits", [1, 2, 3])
def test_batches_are_halved_until_they_fit(error, fits):
    seen = []

    def restore(batch):
        seen.append(len(batch))
        if len(batch) > fits:
            raise error
        return batch + 100

    results, batches = run(restore, 8)
    assert {number: value[0, 0, 0] for number, value in results.items()} == {n: 100 + n for n in range(7)}
    assert batches.size <= fits
    assert seen[0] == 7
    assert sum(size for size in seen if size <= fits) == 7  # each once


def test_what_does_not_fit_alone_fails_by_itself():
    def restore(batch):
        if (batch == 2).any():
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    results, batches = run(restore, 4)
    assert batches.size == 1
    assert results.pop(2) == "the network failed on a batch of 1: CUDA out of memory"
    assert all(isinstance(value, np.ndarray) for value in results.values())
    assert sorted(results) == [0, 1, 3, 4, 5, 6]


def test_another_error_is_not_tried_again():
    calls = []

    def restore(batch):
        calls.append(len(batch))
        raise RuntimeError("a kernel is missing")

    results, _ = run(restore, 4)
    assert calls == [4, 3]
    assert set(results.values()) == {
        "the network failed on a batch of 4: a kernel is missing",
        "the network failed on a batch of 3: a kernel is missing",
    }


def test_devices_that_are_not_there():
    if not torch.cuda.is_available():
        with pytest.raises(WeightsError, match="torch sees no GPU"):
            pick_device("cuda", "fp32")
    with pytest.raises(WeightsError, match="tf32 is a GPU's"):
        pick_device("cpu", "tf32")
