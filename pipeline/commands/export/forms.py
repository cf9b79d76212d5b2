"""Convolutions in forms that onnxruntime computes in less time on a CPU; the results are the same.

Its kernels compute 16 outputs in the time of one, and its transposed convolutions go through a matrix that they write out
first. Measured on one core, AGRNet-HR at 256 px: a tenth of the network's time.
"""

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import Tensor, nn

_BLOCK = 16  # outputs of one kernel
_WORTH = 0.8  # of the products, where adding rows up still pays


def upsample_by_phases(net: nn.Module) -> nn.Module:
    """Put the upsamplings of a folded network into four convolutions each, in place; returns `net`."""
    for module in net.modules():
        if type(module) is nn.ConvTranspose2d:
            module.__class__ = UpsamplingByPhases
    return net


class UpsamplingByPhases(nn.ConvTranspose2d):
    """The transposed convolution that stands for nearest x2 and a 3x3 one (`upsampled_kernel`), as four 2x2 convolutions,
    one for the even and odd rows and columns each."""

    def forward(self, x: Tensor) -> Tensor:
        rows = []
        for odd_row in (0, 1):
            phases = []
            for odd_column in (0, 1):
                # An even output reads the pixel before and its own by the taps 3 and 1, an odd one its own and the next
                # by 2 and 0.
                taps = self.weight.transpose(0, 1)[:, :, [3 - odd_row, 1 - odd_row]][
                    ..., [3 - odd_column, 1 - odd_column]
                ]
                around = F.pad(x, (1 - odd_column, odd_column, 1 - odd_row, odd_row))
                phases.append(F.conv2d(around, taps, self.bias))
            rows.append(torch.stack(phases, -1).flatten(-2))
        return torch.stack(rows, -2).flatten(2, 3)


def add_up_rows(graph: onnx.GraphProto) -> None:
    """Replace each convolution to few channels, such as GAM's first 7x7 one (Fig. 6), the one to a single map of Eq. (17)
    and those to images, where that saves products: by one to as many channels for each row of its kernel, whose maps are
    added where they belong."""
    weights = {one.name: one for one in graph.initializer}
    for node in [one for one in graph.node if one.op_type == "Conv" and weights.keys() >= set(one.input[1:])]:
        said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        kernel = numpy_helper.to_array(weights[node.input[1]])
        if len(node.input) == 3 and _pays(kernel, said):
            bias = numpy_helper.to_array(weights[node.input[2]])
            at = list(graph.node).index(node)
            graph.node.remove(node)
            steps, constants = _rows_added_up(node, kernel, bias, said["pads"])
            for number, step in enumerate(steps):
                graph.node.insert(at + number, step)
            graph.initializer.extend(constants)
    used = {name for node in graph.node for name in node.input}
    for one in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(one)


def by_rows(kernel: np.ndarray) -> np.ndarray:
    """(O, I, H, W) of a convolution -> (H O, I, 1, W): each row of the kernel by itself."""
    outputs, inputs, height, width = kernel.shape
    return np.ascontiguousarray(kernel.transpose(2, 0, 1, 3).reshape(height * outputs, inputs, 1, width))


def _pays(kernel: np.ndarray, said: dict) -> bool:
    outputs, inputs, height, _ = kernel.shape
    plain = said.get("group", 1) == 1 and set(said["strides"]) == {1} and set(said["dilations"]) == {1}
    return plain and outputs < inputs and _blocks(height * outputs) <= _WORTH * height * _blocks(outputs)


def _blocks(outputs: int) -> int:
    return -(-outputs // _BLOCK)


def _rows_added_up(
    conv: onnx.NodeProto, kernel: np.ndarray, bias: np.ndarray, pads: list[int]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    outputs, _, height, width = kernel.shape
    # Added once: to the maps of the kernel's middle row, of which all that is in the image is taken.
    offsets = np.zeros((height, outputs), np.float32)
    offsets[pads[0]] = bias
    result = conv.output[0]  # its name is its own; a weight's may be several layers'
    constants = [
        numpy_helper.from_array(by_rows(kernel), f"{result}_weight"),
        numpy_helper.from_array(offsets.ravel(), f"{result}_bias"),
    ]
    maps, rows, taken = (f"{result}_{what}" for what in ("maps", "row", "taken"))
    names = [f"{rows}_{row}" for row in range(height)]
    steps = [
        helper.make_node(
            "Conv", [conv.input[0], *(one.name for one in constants)], [maps], kernel_shape=[1, width], pads=pads
        ),
        helper.make_node("Split", [maps], names, axis=1, num_outputs=height),
    ]
    for row, name in enumerate(names):
        # Of H + height - 1 rows those from `row` on, H of them.
        bounds = [row], [row - height + 1 or np.iinfo(np.int64).max], [2]
        for what, value in zip(("from", "to", "axis"), bounds, strict=True):
            constants.append(numpy_helper.from_array(np.array(value, np.int64), f"{name}_{what}"))
        steps.append(helper.make_node("Slice", [name, *(one.name for one in constants[-3:])], [f"{taken}_{row}"]))
    return [*steps, helper.make_node("Sum", [step.output[0] for step in steps[2:]], [result])], constants
