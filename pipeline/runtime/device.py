"""Where and how precisely networks are computed: device, CPU threads, precision."""

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec

import torch

from pipeline.runtime.cores import usable_cores


def pick_device(name: str) -> torch.device:
    """auto, cpu or cuda. `cuda` without a GPU is an error: nobody waits a week for what was meant to take an hour."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("device: cuda, but torch sees no GPU; set device to cpu or auto in params.yaml")
    return torch.device(name)


def use_threads(threads: int) -> None:
    """Set the CPU threads of torch; 0 leaves torch's choice, but where a container's quota is below it, which torch does
    not know. A sum's last bits depend on how it was split."""
    wanted = threads or min(torch.get_num_threads(), usable_cores())
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)


def use_precision(precision: str, device: torch.device) -> None:
    """fp32: no TF32 anywhere; tf32: matrix products and convolutions in TF32; bf16: as tf32, the rest is `autocast`'s.

    Raises RuntimeError for tf32 without a GPU, which alone has it.
    """
    if precision == "tf32" and device.type != "cuda":
        raise RuntimeError("precision: tf32 is a GPU's; on a CPU set precision to fp32 or bf16 in params.yaml")
    torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.allow_tf32 = precision != "fp32"


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Around a network's forward pass: with bf16 its products are computed in bfloat16, its parameters stay float32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def check_compiler(device: torch.device) -> None:
    """Raises RuntimeError where torch.compile lacks the compiler that it needs."""
    compiler = os.environ.get("CXX", "g++") if device.type == "cpu" else os.environ.get("CC", "gcc")
    missing = [] if shutil.which(compiler) else [f"the compiler {compiler}"]
    if device.type == "cuda" and find_spec("triton") is None:
        missing.append("the package triton")
    if missing:
        raise RuntimeError(
            f"compile: true needs {' and '.join(missing)}, which is not here; install it or set compile to false"
        )
