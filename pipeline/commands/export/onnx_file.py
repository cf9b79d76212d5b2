"""A trained network as an ONNX file, in its folded form, that says what it is."""

import json
import warnings

import onnx
import torch
from torch import Tensor, nn

from pipeline.commands.export.forms import add_up_rows, upsample_by_phases
from pipeline.commands.export.half import rounded, store_halved
from pipeline.commands.export.trained import Trained
from pipeline.commands.restore.words import IDENTITY
from pipeline.infer.fold import folded
from pipeline.store.licences import licences_of

INPUT = "image"
# Final image first: who wants one output takes the first. AGRNet-HR gives two smaller ones besides (Fig. 10).
OUTPUTS = {"agrnet": ("restored",), "agrnet_hr": ("restored", "restored_half", "restored_quarter")}
SEEN = {
    "agrnet": "the low-resolution face, enlarged to this size bicubically",
    "agrnet_hr": "the aligned face, brought to this size",
}
# Of ONNX 1.13 (2022), so that runtimes some years old read the file too.
OPSET = 18

UNKNOWN_LICENCE = "that of the photographs that the network was trained on"


class FinalFirst(nn.Module):
    """A network whose several images come as a tuple, the final one first; the first `count` of them."""

    def __init__(self, net: nn.Module, count: int | None = None):
        super().__init__()
        self.net, self.count = net, count

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        out = self.net(image)
        return tuple(reversed(out))[: self.count] if isinstance(out, list) else out


def outputs(model: str, final_only: bool) -> tuple[str, ...]:
    """What the file's outputs are called."""
    return OUTPUTS[model][: 1 if final_only else None]


def describe(trained: Trained, size_px: int, batch: int | None, final_only: bool = False) -> dict[str, str]:
    """What the ONNX file says of itself, as its metadata. batch: images at once, None for any number."""
    sides = {name: size_px >> i for i, name in enumerate(outputs(trained.model, final_only))}
    images = "N" if batch is None else str(batch)
    return {
        "model": trained.model,
        "network": str(trained.card.get("network", "")),
        "card": json.dumps(trained.card),
        **({} if trained.gate is None else {"gate": trained.gate}),
        "card_sha256": trained.card_sha256,
        "weights_sha256": trained.weights_sha256,
        "takes": trained.takes,
        "input": f"{INPUT}: float32 ({images}, 3, {size_px}, {size_px}), RGB in [-1, 1], that is "
        f"level / 127.5 - 1; {SEEN[trained.model]}",
        "outputs": "; ".join(f"{name}: float32 ({images}, 3, {side}, {side})" for name, side in sides.items())
        + "; in the input's range, not clipped to it",
        "licence": "; ".join(licences_of(trained.card)) or str(trained.card.get("may_be_used_for", UNKNOWN_LICENCE)),
        "identity": IDENTITY,
    }


def to_onnx(trained: Trained, size_px: int, batch: int | None, half: bool = False, final_only: bool = False) -> bytes:
    """The network as an ONNX file for images of one side; the same network gives the same bytes.

    size_px: divisible by 8, else ValueError. batch: images at once, None for any number from 1. half: weights are
    rounded to half precision and stored so, in half of the room; kept weights are such numbers already, and lose nothing
    (`pipeline.commands.export.half`). All is computed in float32. final_only: without the smaller images of AGRNet-HR.
    """
    if size_px < 8 or size_px % 8:
        raise ValueError(f"images of {size_px} px: the network halves them three times, so take a multiple of 8")
    weights = rounded(trained.net) if half else trained.net
    net = FinalFirst(upsample_by_phases(folded(weights)), 1 if final_only else None)
    # The exporter takes a batch of 1 for a constant, so any number of images is traced with two.
    example = torch.zeros(batch or 2, 3, size_px, size_px)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks between the exporter's own parts; the result is checked
        program = torch.onnx.export(
            net,
            (example,),
            input_names=[INPUT],
            output_names=list(outputs(trained.model, final_only)),
            dynamic_shapes=({0: torch.export.Dim("N")},) if batch is None else None,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    _strip(model)
    add_up_rows(model.graph)
    if half:
        store_halved(model.graph, weights.state_dict())
    for key, value in describe(trained, size_px, batch, final_only).items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def metadata(data: bytes) -> dict[str, str]:
    """What an ONNX file says of itself."""
    return {told.key: told.value for told in onnx.load_from_string(data).metadata_props}


def opset(data: bytes) -> int:
    """The version of ONNX's operators that a file is written in."""
    return next(told.version for told in onnx.load_from_string(data).opset_import if not told.domain)


def _strip(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes for its own debugging: paths and lines of the machine's source files."""
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
