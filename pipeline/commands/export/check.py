"""An ONNX file against the network in PyTorch that it was made of."""

from itertools import cycle, islice

import numpy as np
import torch

from pipeline.commands.export.onnx_file import INPUT, FinalFirst, outputs
from pipeline.commands.export.trained import Trained
from pipeline.images.pixels import resize
from pipeline.infer.trained import FACTOR
from pipeline.networks.units.tensors import to_float, to_uint8
from pipeline.photos import packaged
from pipeline.runtime.quiet import onnxruntime

# What folding promises of float32 outputs of size 1 (`pipeline.infer.fold.folded`): 0.013 of a grey level in [-1, 1].
TOLERANCE = 1e-4
# With weights rounded to half precision: of what is seen, the image in 8 bits.
GREY_LEVELS = 1

# With a batch of any size: one, the two that it was traced with, and more.
DYNAMIC_BATCHES = (1, 2, 3)

_ASTRONAUTS_FACE = (slice(20, 220), slice(125, 325))  # in the 512 px photograph

KINDS = ("random", "photographs")


def inputs(kind: str, count: int, size_px: int) -> torch.Tensor:
    """`count` images, float32 (N, 3, size_px, size_px) in [-1, 1], of one of KINDS.

    "random": uniform noise. "photographs": faces that come with scikit-image, an astronaut's and those of Labeled Faces in
    the Wild, shrunk eightfold and enlarged again, as AGRNet sees them.
    """
    if kind == "random":
        noise = torch.rand(count, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
        return noise * 2 - 1
    faces = [packaged.photo(key) for key in islice(cycle(packaged.names()), count)]
    faces[0] = faces[0][_ASTRONAUTS_FACE]
    seen = [resize(resize(face, size_px // FACTOR), size_px) for face in faces]
    return to_float(np.stack(seen), torch.device("cpu")).contiguous()


def holds(checks: list[dict], half: bool) -> bool:
    """Whether an ONNX file may be written, by what `compare` says of it."""
    if half:
        return all(check["grey_levels"] <= GREY_LEVELS for check in checks)
    return all(check["largest_difference"] <= TOLERANCE for check in checks)


def compare(data: bytes, trained: Trained, size_px: int, batch: int | None, final_only: bool = False) -> list[dict]:
    """The largest differences between an ONNX file in onnxruntime and the network in PyTorch, both on the CPU.

    The network is taken as it was trained, not folded, so that a mistake in folding shows too. One dict per kind of inputs
    and number of images: inputs, images, largest_difference (of any value of any output, in units where black is
    -1 and white 1) and grey_levels (the same once images are rounded to 8 bits).
    Raises ValueError where an output's name or shape is not the expected one.
    """
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    if names != list(outputs(trained.model, final_only)):
        raise ValueError(f"the ONNX file's outputs are {names}; expected {list(outputs(trained.model, final_only))}")
    return [
        {"inputs": kind, "images": count, **_difference(session, trained, inputs(kind, count, size_px))}
        for kind in KINDS
        for count in (DYNAMIC_BATCHES if batch is None else (batch,))
    ]


def _difference(session: onnxruntime.InferenceSession, trained: Trained, seen: torch.Tensor) -> dict:
    with torch.inference_mode():
        expected = FinalFirst(trained.net, len(session.get_outputs()))(seen)
    expected = expected if isinstance(expected, tuple) else (expected,)
    largest, levels = 0.0, 0
    for got, wanted in zip(map(torch.from_numpy, session.run(None, {INPUT: seen.numpy()})), expected, strict=True):
        if got.shape != wanted.shape:
            raise ValueError(f"the ONNX file gives images of {tuple(got.shape)}; expected {tuple(wanted.shape)}")
        # What is not a number is infinitely far, for it compares as no larger than anything.
        largest = max(largest, torch.nan_to_num((got - wanted).abs(), nan=torch.inf).max().item())
        rounded = [to_uint8(pixels).astype(int) for pixels in (got, wanted)]
        levels = max(levels, int(np.abs(rounded[0] - rounded[1]).max()))
    return {"largest_difference": largest, "grey_levels": levels}
