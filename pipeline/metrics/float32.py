"""Metrics look through networks in float32, whatever a restored network was computed in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def in_float32() -> Iterator[None]:
    """No TF32 inside, also as a decorator; what was allowed before is allowed again afterwards.

    On a GPU PyTorch computes convolutions in TF32 where nobody forbids it, with 10 of float32's 23 bits of mantissa: an
    LPIPS or an FID would depend on where it was measured. A CPU has no TF32.
    """
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = False
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed
