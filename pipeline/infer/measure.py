"""What a network costs where it runs: time per image and peak memory, measured."""

import ctypes
import gc
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import torch

from pipeline.infer.apply import Apply

REPEATS = 5
LONGEST_S = 4.0  # of repeating; a network that takes longer is run once after its warm-up
PROC = Path("/proc/self")


def measure_cost(build: Callable[[], Apply], batch: np.ndarray, device: torch.device) -> dict[str, float | str]:
    """Time and memory of a network at work.

    build: makes the network as a function of uint8 (N, H, W, 3). Returns
    ms_per_image: median over some runs of the batch, after one that does not count, divided by its images;
    peak_memory_mb: the largest memory held at once by the network and what its first batch needed (on a GPU, torch's own
    count; on a CPU, growth of the process's resident memory, which Linux alone tells: absent elsewhere).
    """
    memory: dict[str, float] = {}
    with _peak_memory(device, memory):
        apply = build()
        apply(batch)
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < LONGEST_S:
        start = time.perf_counter()
        apply(batch)
        seconds.append(time.perf_counter() - start)
    return {"ms_per_image": 1e3 * median(seconds) / len(batch), **memory}


def device_name(device: torch.device) -> str:
    """The GPU's or the CPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@contextmanager
def _peak_memory(device: torch.device, found: dict[str, float]) -> Iterator[None]:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield
        found["peak_memory_mb"] = (torch.cuda.max_memory_allocated(device) - before) / 1e6
        return
    _return_free_memory()
    reset = _reset_peak()
    before = _resident("VmRSS")
    yield
    if before is not None:
        peak = _resident("VmHWM") if reset else _largest_so_far()
        found["peak_memory_mb"] = max(peak - before, 0.0)


def _return_free_memory() -> None:
    """Give freed memory back to the system, where glibc can: a network that fits into it would seem to need none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


def _reset_peak() -> bool:
    """Let Linux count the process's peak memory from now on; whether it did."""
    try:
        (PROC / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident(field: str) -> float | None:
    """A memory figure of the process in MB; None where there is no Linux to ask."""
    try:
        lines = (PROC / "status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{field}:"))


def _largest_so_far() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
