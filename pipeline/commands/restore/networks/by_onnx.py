"""Networks that onnxruntime computes, without torch: ONNX files by `agrnet-export`, the weights that ship among them."""

import json
import re
from pathlib import Path

import numpy as np

from pipeline.commands.restore.gate.gate import parse_gate
from pipeline.commands.restore.networks.runnable import Apply, RunnableNetwork
from pipeline.runtime.cores import usable_cores
from pipeline.runtime.quiet import onnxruntime
from pipeline.store.cards import TrainedWeights, WeightsError

SUFFIX = ".onnx"
SHIPPED = Path(__file__).resolve().parent / "shipped"  # travels with the package; `make ship` writes it
_NEEDED = ("card", "takes", "weights_sha256")


def shipped() -> list[RunnableNetwork]:
    """The networks that come with this package, in order of their names."""
    return [onnx_network(file) for file in sorted(SHIPPED.glob(f"*{SUFFIX}"))]


def shipped_form(weights_sha256: str) -> RunnableNetwork | None:
    """The network that ships whose weights have this digest, as their file has it; None where none has.

    The digest stands as text in what an ONNX file says of itself: a session, half a second of work, is for the one alone.
    """
    for file in sorted(SHIPPED.glob(f"*{SUFFIX}")):
        if weights_sha256.encode() in file.read_bytes():
            network = onnx_network(file)
            if network.weights_sha256 == weights_sha256:
                return network
    return None


def onnx_network(file: Path) -> RunnableNetwork:
    """The network of an ONNX file, its card and its gate read from the file itself; computed on the CPU in float32.

    Raises WeightsError for a file that is none, and for one that `agrnet-export` did not write or wrote for another size.
    """
    session = _session(file)
    said = session.get_modelmeta().custom_metadata_map
    try:
        card = json.loads(said["card"])
        weights, missing = TrainedWeights(file, card), [name for name in _NEEDED if name not in said]
        size, takes = weights.size_px, said.get("takes", "")
        weights.task, weights.model  # noqa: B018 what a card of this project has
    except (KeyError, TypeError, ValueError):
        missing = ["card"]
    if missing:
        raise WeightsError(
            f"{file} says nothing under {missing[0]}: agrnet-export writes ONNX files that say what they are"
        )
    _check_shapes(session, file, size if takes == "lr_up" else weights.lr_px or size, size)
    digest = said["weights_sha256"]
    gate = parse_gate(said["gate"], file, digest, size) if "gate" in said else None
    runtime = f"onnxruntime {onnxruntime.__version__}, cpu, fp32"
    return RunnableNetwork(file, card, takes, digest, gate, "cpu", runtime, lambda: _applied(session))


def _session(file: Path) -> onnxruntime.InferenceSession:
    if not file.is_file():
        raise WeightsError(f"{file} is not there")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = usable_cores(), 1
    options.log_severity_level = 4  # what it raises is said by us
    try:
        # The bytes, not the path: only what is read here is trusted, no data beside the file.
        return onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds share no class of their own
        said = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error)).strip().partition("\n")[0]
        raise WeightsError(f"{file} is no ONNX file that this onnxruntime runs: {said}") from None


def _check_shapes(session: onnxruntime.InferenceSession, file: Path, given_px: int, made_px: int) -> None:
    for part, sides in ((session.get_inputs()[0], given_px), (session.get_outputs()[0], made_px)):
        if list(part.shape[1:]) != [3, sides, sides]:
            raise WeightsError(
                f"{file}: {part.name} has the shape {part.shape}; its card asks for {sides} px: export it at the card's size"
            )


def _applied(session: onnxruntime.InferenceSession) -> Apply:
    """Image by image: what a face becomes does not depend on the faces beside it."""
    given, made = session.get_inputs()[0].name, session.get_outputs()[0].name

    def apply(batch: np.ndarray) -> np.ndarray:
        return np.stack([_to_uint8(session.run([made], {given: _to_float(image)})[0][0]) for image in batch])

    return apply


def _to_float(image: np.ndarray) -> np.ndarray:
    """RGB uint8 (H, W, 3) -> float32 (1, 3, H, W) in [-1, 1], by the steps of `networks.units.tensors`."""
    scaled = image.transpose(2, 0, 1)[None].astype(np.float32)
    return np.ascontiguousarray(scaled / np.float32(255) * 2 - 1)


def _to_uint8(image: np.ndarray) -> np.ndarray:
    """Float32 (3, H, W) -> RGB uint8 (H, W, 3): out of [-1, 1] is clipped, then rounded to the nearest."""
    levels = (image + 1) / 2 * 255
    return np.ascontiguousarray(levels.clip(0, 255).round().astype(np.uint8).transpose(1, 2, 0))
