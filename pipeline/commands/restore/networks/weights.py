"""Which trained weights restore which faces, and what computes them."""

import ctypes
import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from pipeline.commands.restore.networks import by_onnx
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.store import paths
from pipeline.store.cards import TrainedWeights, WeightsError

# Of the project that this package is part of, never of the folder that the command happens to run in.
SHELF = Path(__file__).resolve().parents[4] / paths.KEPT_WEIGHTS
WEIGHTS = "*.safetensors"
NEEDS_TORCH = "PyTorch, which is not installed: pip install '.[pipeline]' in a checkout"


def find(
    given: list[Path], device: str = "auto", precision: str = "fp32"
) -> tuple[dict[str, RunnableNetwork], list[str]]:
    """The networks to restore with by task, and sentences on how they were chosen.

    given: folders with a card, files beside theirs, or ONNX files; at most one per task. None given: those that ship with
    this package, wherever the command runs. On a CPU in fp32 onnxruntime computes the ones that ship, also where their
    weights are given by name; torch all others.
    Raises WeightsError for weights that cannot be used, where there are none, and where torch is needed and not installed.
    """
    light = precision == "fp32" and not _on_gpu(device)
    if given:
        return _by_task([_named(path, light, device, precision) for path in given]), []
    found = by_onnx.shipped() if light else _kept(device, precision)
    if not found:
        raise WeightsError(f"there are no weights under {_shelf(light)}: name some by --weights models/<network>")
    chosen: dict[str, RunnableNetwork] = {}
    for network in found:
        chosen.setdefault(network.task, network)
    said = _without_gpu(device) if light else []
    said += [f"no --weights given: {_place(w)} for {_purpose(w)} ({_training(w)})" for w in chosen.values()]
    missing = [model for task, model in paths.TASKS.items() if task not in chosen]
    said += [
        f"there are no weights of {model} under {_shelf(light)}: all faces go to the other network" for model in missing
    ]
    return chosen, said


def _shelf(light: bool) -> Path:
    return by_onnx.SHIPPED if light else SHELF


def _place(network: RunnableNetwork) -> Path:
    return network.file if network.file.suffix == by_onnx.SUFFIX else network.file.parent


def _named(path: Path, light: bool, device: str, precision: str) -> RunnableNetwork:
    if not path.exists():
        raise WeightsError(
            f"{path} is not there: --weights takes models/<network>, its {WEIGHTS[1:]}, or an .onnx file"
        )
    if path.suffix.lower() == by_onnx.SUFFIX:
        if device == "cuda" or precision != "fp32":
            raise WeightsError(f"{path}: an ONNX file is computed on the CPU in fp32; a GPU and bf16 take the weights")
        return by_onnx.onnx_network(path)
    if light and (file := _only_file(path)) is not None:
        network = by_onnx.shipped_form(hashlib.sha256(file.read_bytes()).hexdigest())
        if network is not None:
            return replace(network, file=file)
    if find_spec("torch") is None:
        if not any(path.glob(WEIGHTS)) and path.suffix.lower() != WEIGHTS[1:]:
            raise WeightsError(
                f"{path} holds no {WEIGHTS[1:]}: --weights takes models/<network>, such a file, or an .onnx file"
            )
        raise WeightsError(f"{path}: these weights need {NEEDS_TORCH}")
    from pipeline.commands.restore.networks.by_torch import torch_network
    from pipeline.infer.trained import check

    return torch_network(check(path), device, precision)


def _only_file(path: Path) -> Path | None:
    """The weights that a path names, where it leaves no choice."""
    files = sorted(path.glob(WEIGHTS)) if path.is_dir() else [path]
    return files[0] if len(files) == 1 and files[0].is_file() else None


def _kept(device: str, precision: str) -> list[RunnableNetwork]:
    """What lies on the shelf, of the paper's networks alone: other people's restore where they are asked for by name."""
    if find_spec("torch") is None:
        raise WeightsError(f"--device {device} --precision {precision} need {NEEDS_TORCH}")
    from pipeline.commands.restore.networks.by_torch import torch_network
    from pipeline.infer.trained import kept_weights

    return [torch_network(weights, device, precision) for weights in kept_weights(SHELF)]


def _on_gpu(device: str) -> bool:
    """Whether a GPU is to be used; torch, which takes seconds to load, is asked only where a driver is there to see."""
    if device != "auto":
        return device == "cuda"
    if find_spec("torch") is None or not _driver_is_there() or not any(SHELF.glob(f"*/{WEIGHTS}")):
        return False
    import torch

    return torch.cuda.is_available()


def _without_gpu(device: str) -> list[str]:
    """A sentence where a GPU seems to be there and is not used, since what that takes is not."""
    if device != "auto" or not _driver_is_there():
        return []
    if find_spec("torch") is None:
        return [f"a GPU's driver is here; the CPU computes, since a GPU needs {NEEDS_TORCH}"]
    if not any(SHELF.glob(f"*/{WEIGHTS}")):
        return [
            "a GPU's driver is here; the CPU computes, since a GPU needs weights by --weights, such as a checkout's"
        ]
    return []


def _driver_is_there(load: Callable[[str], object] = ctypes.CDLL) -> bool:
    try:
        load("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def unmeasured(networks: dict[str, RunnableNetwork]) -> list[str]:
    """A sentence for each network without a gate: its faces are left alone."""
    return [
        f"what {one.name} is good for was not measured: its faces are left alone, --force restores them all the same; "
        "python -m pipeline.commands.calibrate --help says how to measure it"
        for one in networks.values()
        if one.gate is None
    ]


def _by_task(found: list[RunnableNetwork]) -> dict[str, RunnableNetwork]:
    chosen: dict[str, RunnableNetwork] = {}
    for weights in found:
        other = chosen.setdefault(weights.task, weights)
        if other is not weights:
            raise WeightsError(
                f"{other.file} and {weights.file} are both for {_purpose(weights)}: name one of them, and at most one more "
                "for the other faces"
            )
    return chosen


def _purpose(weights: TrainedWeights) -> str:
    return "faces of about 16 px" if weights.task == "x8" else "larger faces"


def _training(weights: TrainedWeights) -> str:
    """How far a shelf's network got, so that nobody takes a sample for a finished one."""
    data = weights.card["data"]
    return f"{weights.size_px} px, {weights.card.get('steps', '?')} steps on {data.get('images', '?')} photographs"
