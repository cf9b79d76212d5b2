"""The three pictures: AGRNet (Fig. 7), the attention residual unit (Fig. 4 to 6, 8, 9) and AGRNet-HR (Fig. 10)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pipeline.commands.diagrams.svg import Drawing
from pipeline.commands.diagrams.tower import LEAVES, draw_tower
from pipeline.commands.diagrams.traced import Step, Traced, trace
from pipeline.commands.diagrams.unit import Panel, draw_panels
from pipeline.commands.diagrams.words import called, cost, scaling
from pipeline.losses.composite.discriminator import MultiScaleDiscriminator
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.aru import ARU
from pipeline.networks.units.gam import GAM
from pipeline.params.file import Params


def pictures(params: Params) -> dict[str, str]:
    """The SVG of each picture by its file's stem, for the networks and sizes that `params` name."""
    data, loss = params.data, params.losses["composite"]
    net = on_meta(lambda: AGRNet(**params.models["agrnet"]))
    generator = on_meta(lambda: AGRNetHR(**params.models["agrnet_hr"]))
    shape = (loss[name] for name in ("discriminators", "discriminator_width", "discriminator_layers"))
    judges = on_meta(lambda: MultiScaleDiscriminator(*shape))
    size_px = data.celeba.resize.size_px
    return {
        "agrnet": draw_agrnet(net, size_px, getattr(data.celeba.degrade, "lr_px", None)),
        "aru": draw_units(net, size_px),
        "agrnet_hr": draw_agrnet_hr(generator, judges, data.ffhq.resize.size_px),
    }


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """The network that `build` makes, without memory for its parameters, in eval mode."""
    with torch.device("meta"):
        return build().eval()


def draw_agrnet(net: AGRNet, size_px: int, lr_px: int | None = None) -> str:
    """AGRNet as blocks, for images of size_px; with lr_px also the enlargement before it. Fig. 7, Sec. 3.1."""
    return draw_tower(_whole(net, size_px), "AGRNet", lr_px)


def draw_agrnet_hr(net: AGRNetHR, judges: MultiScaleDiscriminator, size_px: int) -> str:
    """AGRNet-HR as blocks with its images at three scales and their discriminators. Fig. 10, Sec. 3.3."""
    note = "In training each D_{k} judges I_{SR} and I_{HR} of its size. The restored face is the last image."
    return draw_tower(_whole(_Judged(net, judges), size_px), "AGRNet-HR and its discriminators", notes=(note,))


def draw_units(net: AGRNet, size_px: int) -> str:
    """ARU, DARU and UARU of a network layer by layer, and meta-ACON and GAM inside of an ARU. Fig. 4 to 6, 8, 9."""
    steps = [step for step in _whole(net, size_px).steps.values() if isinstance(step.what, ARU)]
    units = [next((s for s in steps if scaling(s) == way), None) for way in ("", "down", "up")]
    units = [unit for unit in units if unit]
    inside = trace(units[0].what, units[0].in_shape, (MetaAconC, GAM)).steps.values()
    acon = next((step for step in inside if isinstance(step.what, MetaAconC)), None)
    gam = next((step for step in inside if isinstance(step.what, GAM)), None)
    rows = [[_unit_panel(unit) for unit in units], [*_acon_panels(acon), *_gam_panels(gam)]]

    said = [f"{panel.title}: {', '.join(map(called, panel.main[1:]))}." for panels in rows for panel in panels]
    picture = Drawing("AGRNet's attention residual units", " ".join(said))
    picture.text(24, 44, picture.title, 26, bold=True)
    y = 62.0
    for panels in filter(None, rows):
        y = draw_panels(picture, y, panels) + 10
    return picture.svg(y)


def _unit_panel(unit: Step) -> Panel:
    traced = trace(unit.what, unit.in_shape, (MetaAconC, GAM))
    main = traced.main_way()
    f = [step for step in main if step.group == "residual"][-1]
    symbols = {main[0].name: "x_{j−1}", f.name: "f_{j}", **_gate(main, "α_{j}"), main[-1].name: "x_{j}"}
    return Panel(called(unit), cost(unit.parameters, unit.macs), main, traced.sides(), symbols, shift=True)


def _acon_panels(step: Step | None) -> list[Panel]:
    if step is None:
        return []
    traced = trace(step.what, step.in_shape)
    main = traced.main_way()
    symbols = {main[0].name: "x", **_gate(main, "β"), main[-1].name: "f(x)"}  # Eq. (7), Sec. 2.2.3
    return [Panel(called(step), cost(step.parameters, step.macs), main, traced.sides(), symbols)]


def _gam_panels(step: Step | None) -> list[Panel]:
    """A panel for each of GAM's attention maps: from where its way leaves to where it is multiplied, Eq. (13), (14)."""
    if step is None:
        return []
    traced = trace(step.what, step.in_shape)
    whole = traced.main_way()
    panels = []
    for i, side in enumerate(traced.sides(), start=1):
        main = whole[whole.index(side.source) : whole.index(side.target) + 1]
        part = next(step.group for step in main[1:] if step.group)
        symbols = {main[0].name: f"F_{{{i}}}", **_gate(main, f"M_{{{part[0]}}}"), main[-1].name: f"F_{{{i + 1}}}"}
        parameters, macs = (sum(getattr(step, name) for step in main[1:]) for name in ("parameters", "macs"))
        panels.append(Panel(f"{called(step)}, {part} map", cost(parameters, macs), main, [side], symbols))
    return panels


def _gate(main: list[Step], symbol: str) -> dict[str, str]:
    return {step.name: symbol for step in main if step.what == "sigmoid"}


class _Judged(nn.Module):
    """The generator and its discriminators as one network, so that one trace sees which image goes where."""

    def __init__(self, generator: AGRNetHR, judges: MultiScaleDiscriminator):
        super().__init__()
        self.generator = generator
        self.judges = judges

    def forward(self, x: Tensor):
        images = self.generator(x)
        return images, self.judges(images)


def _whole(net: nn.Module, size_px: int) -> Traced:
    return trace(net, (1, 3, size_px, size_px), LEAVES)
