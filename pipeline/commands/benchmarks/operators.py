"""How many operators a step dispatches: a GPU launches at least a kernel for each, however small the images are."""

from collections import Counter

from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

# Beside views: what gives out memory or hands a tensor on, and launches nothing.
NO_KERNEL = frozenset(
    [
        *("aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::new_empty_strided"),
        *("aten::_unsafe_view", "aten::_reshape_alias", "aten::lift_fresh", "aten::set_", "aten::resize_"),
        *("aten::is_same_size", "aten::is_pinned", "aten::promote_types", "prim::device"),
        *("profiler::_record_function_enter_new", "profiler::_record_function_exit"),
    ]
)


class Operators(TorchDispatchMode):
    """Counts what is dispatched within it, by name: forward, backward and updates.

    An operator over a list of tensors (`_foreach_`, `_fused_`) counts once, since a few kernels serve the whole list. Views
    and what changes metadata alone are left out. What one operator launches inside itself is not seen: on a GPU a
    convolution may be several kernels.
    """

    def __init__(self):
        super().__init__()
        self.by_name: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """All of them."""
        return self.by_name.total()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if launches(func):
            self.by_name[func._schema.name] += 1
        return func(*args, **(kwargs or {}))

    def table(self, rows: int = 40) -> str:
        """The most frequent ones, a line each, and how many there are in all."""
        lines = [f"{count:6d}  {name}" for name, count in self.by_name.most_common(rows)]
        return "\n".join([*lines, f"{self.total:6d}  in all"])


def launches(func: OpOverload) -> bool:
    """Whether an operator computes anything."""
    return not func.is_view and func._schema.name not in NO_KERNEL


def count_operators(step) -> Operators:
    """What a call of `step` dispatches; kernels of torch.compile are none of it."""
    with Operators() as found:
        step()
    return found
