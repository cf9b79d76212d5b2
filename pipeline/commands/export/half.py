"""Weights of an ONNX file in half of the room, without a change: as the half-precision numbers that they were made of.

Kept weights are half-precision numbers. Folding a normalisation multiplies each row of them by a factor, and the products
are no such numbers any more. So the numbers are stored, and the factors beside them; whoever loads the file multiplies once.
"""

import copy
from collections.abc import Iterable, Mapping

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from pipeline.commands.export.forms import by_rows

_ROUNDING = 2.0**-22  # of a product of two float32 numbers whose one factor was found by dividing


@torch.no_grad()
def rounded(net: nn.Module) -> nn.Module:
    """A copy of `net` whose matrices and kernels are the nearest half-precision numbers, held in float32."""
    copied = copy.deepcopy(net)
    for weight in copied.state_dict().values():
        if weight.is_floating_point() and weight.ndim > 1:
            weight.copy_(weight.half())
    return copied


def store_halved(graph: onnx.GraphProto, weights: Mapping[str, Tensor]) -> None:
    """Replace initializers of `graph` by half-precision ones and the steps that make the same float32 numbers of them.

    weights: the network's own. What is made neither of half-precision numbers nor of rows of `weights` times a factor stays
    as it is; so does every vector.
    """
    originals = [one.numpy() for one in weights.values() if one.ndim > 1 and _is_half(one.numpy())]
    originals += [by_rows(one) for one in originals if one.ndim == 4]
    steps = []
    for one in [one for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT and len(one.dims) > 1]:
        value = numpy_helper.to_array(one)
        rows, factor = (value, None) if _is_half(value) else _rows_and_factor(value, originals)
        if rows is None:
            continue
        graph.initializer.remove(one)
        stored, scaled, whole = f"{one.name}_half", f"{one.name}_rows", one.name
        graph.initializer.append(numpy_helper.from_array(rows.astype(np.float16), stored))
        steps.append(
            helper.make_node("Cast", [stored], [whole if factor is None else scaled], to=onnx.TensorProto.FLOAT)
        )
        if factor is not None:
            graph.initializer.append(numpy_helper.from_array(factor, f"{one.name}_factor"))
            steps.append(helper.make_node("Mul", [scaled, f"{one.name}_factor"], [whole]))
    for number, step in enumerate(steps):
        graph.node.insert(number, step)


def _is_half(value: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return value.dtype == np.float32 and bool((value.astype(np.float16).astype(np.float32) == value).all())


def _rows_and_factor(value: np.ndarray, originals: Iterable[np.ndarray]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(rows, factor): one of the originals and, per row, what it was multiplied by to give `value`; else (None, None)."""
    for rows in originals:
        if rows.shape != value.shape:
            continue
        flat, wanted = rows.reshape(len(rows), -1), value.reshape(len(rows), -1)
        at = np.arange(len(rows)), np.abs(flat).argmax(axis=1)
        known = flat[at] != 0
        factor = np.divide(wanted[at], flat[at], out=np.zeros(len(rows), np.float32), where=known)[:, None]
        if (np.abs(flat * factor - wanted) <= _ROUNDING * np.abs(wanted)).all():
            return rows, factor.reshape(-1, *[1] * (value.ndim - 1))
    return None, None
