"""What a network computes, step by step, as torch.fx sees it."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import torch
from torch import Tensor, fx, nn

from pipeline.infer.count import count_macs, count_parameters
from pipeline.networks.units.acon import acon_c
from pipeline.networks.units.aru import check_images


@dataclass(frozen=True)
class Step:
    """One step of a network: its input, a module taken whole, or an operation.

    name is unique in the network, inputs are the names of the steps it reads. path is the module's in the network
    ("dsm.0"), empty for an operation; what is the module, or the operation in a word ("add", "mul", "input"). Shapes are
    those of the first tensor that goes in and comes out.
    """

    name: str
    path: str
    what: nn.Module | str
    inputs: tuple[str, ...]
    in_shape: tuple[int, ...]
    shape: tuple[int, ...]
    attributes: tuple[str, ...] = ()  # the network's own parameters that an operation reads

    @property
    def group(self) -> str:
        """The part of the network that holds it: "dsm" of "dsm.0"."""
        return next((name for name in reversed(self.path.split(".")) if not name.isdigit()), "")

    @cached_property
    def parameters(self) -> int:
        """As pipeline.infer.count counts them; an operation has none."""
        return count_parameters(self.what) if isinstance(self.what, nn.Module) else 0

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates for the input that was traced, as pipeline.infer.count counts them."""
        return count_macs(self.what, self.in_shape) if self.parameters else 0

    def same_as(self, other: "Step") -> bool:
        """Whether both are equally built modules of one part on maps of one size."""
        return isinstance(self.what, nn.Module) and self._form() == other._form()

    def _form(self) -> tuple:
        return self.group, repr(self.what), self.in_shape, self.shape


@dataclass(frozen=True)
class Side:
    """A way beside the main one: from the step `source` over `steps` (none: an unchanged copy) to the step `target`."""

    source: Step
    steps: tuple[Step, ...]
    target: Step


@dataclass(frozen=True)
class Traced:
    """The steps that lead to the network's outputs, in the order of computation."""

    steps: dict[str, Step]
    outputs: tuple[str, ...]

    def main_way(self, end: str | None = None) -> list[Step]:
        """The longest way from an input to the step `end`, by default the first output."""
        ways: dict[str, list[Step]] = {}
        for step in self.steps.values():
            longest = max((ways[name] for name in step.inputs), key=len, default=[])
            ways[step.name] = [*longest, step]
        return ways[end or self.outputs[0]]

    def sides(self) -> list[Side]:
        """The ways that leave the main one and come back to it, in the order of their ends."""
        main = self.main_way()
        on_main = {step.name for step in main}
        found = []
        for before, target in pairwise(main):
            for name in target.inputs:
                way = []
                while name not in on_main:
                    way.insert(0, self.steps[name])
                    name = self.steps[name].inputs[0]
                if way or name != before.name:
                    found.append(Side(self.steps[name], tuple(way), target))
        return found

    def readers(self, name: str) -> list[Step]:
        """The steps that read the step `name`."""
        return [step for step in self.steps.values() if name in step.inputs]


def trace(net: nn.Module, input_shape: Sequence[int], leaves: tuple[type[nn.Module], ...] = ()) -> Traced:
    """Follow an input of `input_shape` through `net`, best built under torch.device("meta"): no arithmetic is done then.

    Modules of the classes `leaves` and torch's own layers are steps; all others are looked into. Put `net` in eval mode
    before: a single image has no batch statistics.
    """
    graph = _Tracer(leaves).trace(net)
    run = _Shapes(net, graph)
    like = next(net.parameters())
    with torch.no_grad():
        run.run(torch.zeros(tuple(input_shape), device=like.device))
    steps: dict[str, Step] = {}
    for node in graph.nodes:
        computes = node.op not in ("get_attr", "output") and _source(net, node) is node
        if computes and node.name in run.shapes:
            steps[node.name] = _step(net, node, run.shapes)
    outputs = tuple(dict.fromkeys(_source(net, node).name for node in graph.output_node().all_input_nodes))
    return Traced(_leading_to(outputs, steps), outputs)


def runs(steps: Sequence[Step]) -> list[tuple[Step, int]]:
    """Equal steps in a row folded: the first of them and how many there are."""
    folded: list[tuple[Step, int]] = []
    for step in steps:
        if folded and folded[-1][0].same_as(step):
            folded[-1] = (folded[-1][0], folded[-1][1] + 1)
        else:
            folded.append((step, 1))
    return folded


def groups(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """The steps by the part of the network they are in, in order."""
    return [(name, list(members)) for name, members in groupby(steps, key=lambda step: step.group)]


class _Tracer(fx.Tracer):
    # acon_c stands for itself in a picture; check_images decides on real shapes, which a traced input has none of.
    def __init__(self, leaves: tuple[type[nn.Module], ...]):
        super().__init__(autowrap_functions=(acon_c, check_images))
        self.leaves = leaves

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self.leaves) or super().is_leaf_module(m, module_qualified_name)

    def to_bool(self, obj: fx.Proxy) -> bool:
        """A traced size is never too small: discriminators check real ones."""
        return False if obj.node.target is operator.lt else super().to_bool(obj)


class _Shapes(fx.Interpreter):
    """Runs the graph and keeps the shape of what each node puts out, of its first tensor where it puts out several."""

    def __init__(self, net: nn.Module, graph: fx.Graph):
        super().__init__(net, graph=graph)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node):
        result = super().run_node(n)
        first = result
        while isinstance(first, tuple | list):
            first = first[0]
        if isinstance(first, Tensor):
            self.shapes[n.name] = tuple(first.shape)
        return result


def _step(net: nn.Module, node: fx.Node, shapes: dict[str, tuple[int, ...]]) -> Step:
    sources = [_source(net, n) for n in node.all_input_nodes if n.op != "get_attr"]
    shape = shapes[node.name]
    in_shape = shapes[sources[0].name] if sources else shape
    inputs = tuple(source.name for source in sources)
    if node.op == "call_module":
        return Step(node.name, node.target, net.get_submodule(node.target), inputs, in_shape, shape)
    what = {"placeholder": "input", "call_method": node.target}.get(node.op) or node.target.__name__
    attributes = tuple(n.target for n in node.all_input_nodes if n.op == "get_attr")
    return Step(node.name, "", what, inputs, in_shape, shape, attributes)


def _source(net: nn.Module, node: fx.Node) -> fx.Node:
    """The step that made a tensor, also where it is then taken out of a list or handed through an Identity."""
    while node.target is operator.getitem or (
        node.op == "call_module" and isinstance(net.get_submodule(node.target), nn.Identity)
    ):
        node = node.args[0]
    return node


def _leading_to(outputs: Sequence[str], steps: dict[str, Step]) -> dict[str, Step]:
    needed = set(outputs)
    for step in reversed(steps.values()):
        if step.name in needed:
            needed.update(step.inputs)
    return {name: step for name, step in steps.items() if name in needed}
