"""Many tensors by few kernels."""

import torch
from torch import Tensor


@torch.no_grad()
def copy_all(tensors: list[Tensor], sources: list[Tensor]) -> None:
    """Each tensor takes the values of its source, of the same shape, in its own dtype.

    One call for each pair of dtypes, which is what a kernel takes; those laid out otherwise than their source by themselves.
    """
    calls: dict[tuple[torch.dtype, torch.dtype], tuple[list[Tensor], list[Tensor]]] = {}
    for tensor, source in zip(tensors, sources, strict=True):
        if _strides(tensor) != _strides(source):
            tensor.copy_(source)
            continue
        into, given = calls.setdefault((tensor.dtype, source.dtype), ([], []))
        into.append(tensor)
        given.append(source)
    for into, given in calls.values():
        torch._foreach_copy_(into, given)


def _strides(tensor: Tensor) -> list[int]:
    """Of dimensions of one element the stride says nothing."""
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]
