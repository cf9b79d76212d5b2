"""The section on the weights that ship: what a trained network does, whatever this run trained."""

import numpy as np

from pipeline.images import pixels
from pipeline.report.blocks.blocks import Block, Heading, PageSection, Text
from pipeline.report.blocks.grid import Cell, Grid, Line, plain
from pipeline.report.faces.strips import FaceRow, Strip, TileColumn
from pipeline.report.metrics import decimals, title
from pipeline.report.results import KINDS, TITLES, heading, require
from pipeline.store import paths
from pipeline.store.examples import FILE, Example, NetworkExamples, read_examples
from pipeline.store.licences import licences_of

METRICS = ("psnr_y", "ssim_y", "lpips_alex")
SIDES = ("bicubic", "network")
NOT_THIS_RUN = (
    f"**These are not this run’s networks.** Their weights come with the project, under `{paths.KEPT_WEIGHTS}`. No figure "
    "outside of this section is theirs."
)
LITTLE = (
    "**One portrait says little.** Other faces come out better or worse. What each network reached on the test set of the "
    "run that trained it stands in the table too."
)
FACES = (
    "The faces come with scikit-image. NASA’s portrait of Eileen Collins is degraded here, so there is a true image beside "
    "it. Of Labeled Faces in the Wild the first photographs are shown in which a face is found: they are small and grey to "
    "begin with, so they have no true image and no figure."
)
PORTRAIT = (
    "LR: what the face was degraded to; bicubic: its plain enlargement, which the network is given; HR: the image that was "
    "degraded."
)
SMALL = "photo: as it is, enlarged"
FOR_THE_EYE = (
    "A network trained to please the eye can have a lower PSNR than bicubic and yet the better LPIPS: PSNR rewards blur "
    "where a detail is unsure."
)


def shipped() -> PageSection:
    """What the weights that ship make of packaged photographs. Raises ReportError where the stage examples has not run."""
    require(paths.EXAMPLES / FILE, "examples")
    networks = read_examples()
    blocks: list[Block | Grid] = []
    if networks:
        blocks = [Text([NOT_THIS_RUN]), Text([told(network) for network in networks], listed=True), Text([FACES])]
        for network in networks:
            blocks += [Heading(named(network)), *strips(network)]
        blocks += [Text([LITTLE]), figures_grid(networks)]
        if any(_for_the_eye(example) for network in networks for example in network.examples):
            blocks.append(Text([FOR_THE_EYE]))
    return PageSection("shipped", "What trained weights do", blocks)


def named(network: NetworkExamples) -> str:
    """A network and what it does, as a heading."""
    lr_px = network.examples[0].lr.shape[0]
    does = (
        f"{lr_px} → {network.size_px} px" if network.card["task"] == "x8" else f"spoilt faces at {network.size_px} px"
    )
    return f"{network.card['title']}, {does}"


def told(network: NetworkExamples) -> str:
    """How large a network is and what it was trained on."""
    card, data = network.card, network.card["data"]
    sources = data.get("sources") or {data["set"]: data["images"]}
    photos = " and ".join(f"{count:,} {_kind(source)}" for source, count in sources.items())
    licences = "".join(f" {licence}." for licence in licences_of(card))
    began = card.get("began_from", [])
    earlier = f", begun from weights that had seen {began[0]['images_seen'] or 0:,} images" if began else ""
    return (
        f"**{card['title']}** (`{network.name}`): {network.parameters_m:.2f} M parameters, trained for {card['steps']:,} "
        f"steps on {data['images']:,} images from {photos}{earlier}.{licences}"
    )


def strips(network: NetworkExamples) -> list[Strip]:
    """The faces with ground truth, and those without."""
    measured = [example for example in network.examples if example.figures]
    small = [example for example in network.examples if not example.figures]
    found = []
    if measured:
        columns = ["LR", "bicubic", network.card["title"], "HR"]
        found.append(_strip(network, "", columns, [_measured_row(example, network) for example in measured], PORTRAIT))
    if small and network.card["task"] == "x8":
        columns = ["photo", "LR", "bicubic", network.card["title"]]
        about = f"{SMALL}; LR: shrunk to {small[0].lr.shape[0]} px; bicubic: what the network is given."
        found.append(_strip(network, "_photos", columns, [_small_row(example, network) for example in small], about))
    elif small:
        about, columns = f"{SMALL}, which the network is given.", ["photo", network.card["title"]]
        rows = [FaceRow(each.name, each.lr.shape[0], [each.bicubic, each.restored], each.done) for each in small]
        found.append(_strip(network, "_photos", columns, rows, about))
    return found


def figures_grid(networks: list[NetworkExamples]) -> Grid:
    """Every figure of the portrait, a line per draw, and what the weights' card says of a test set."""
    columns = [Cell(title(metric), fields=tuple(f"{metric}_{side}" for side in SIDES)) for metric in METRICS]
    caption = "The weights that ship, measured: bicubic → network"
    grid = Grid("shipped_weights", caption, "image", columns, groups="network")
    for network in networks:
        grid.head(named(network), value=network.name)
        absent = {metric: (grid.note(reason),) for metric, reason in network.absent.items()}
        for example in network.examples:
            if example.figures:
                grid.lines.append(Line(example.name, _cells(example.figures, absent), example.done))
        for key, network_figures in network.card.get("figures_in_float32", {}).items():
            bicubic = network.card.get("bicubic", {}).get(key, {})
            if key in TITLES and "psnr_y" in bicubic:
                figures = {"bicubic": bicubic, "network": network_figures}
                basis = f"{network_figures['images']:,.0f} images of the run that trained it, from the weights’ card"
                grid.lines.append(Line(f"test set {heading(key)}", _cells(figures, {}), basis))
    return grid


def _cells(figures: dict[str, dict[str, float]], absent: dict[str, tuple[int, ...]]) -> list[Cell]:
    cells = []
    for metric in METRICS:
        bicubic, made = (figures[side].get(metric) for side in SIDES)
        if bicubic is None or made is None:
            cells.append(Cell(notes=absent.get(metric, ())))
        else:
            shown = " → ".join(plain(value, decimals(metric)) for value in (bicubic, made))
            cells.append(Cell(shown, (bicubic, made)))
    return cells


def _strip(network: NetworkExamples, suffix: str, labels: list[str], rows: list[FaceRow], about: str) -> Strip:
    columns = [TileColumn(label) for label in labels]
    key, has_hr = f"shipped_{network.name}{suffix}", labels[-1] == "HR"
    return Strip(key, network.size_px, len(rows), columns, rows, has_hr, about, viewer=has_hr)


def _measured_row(example: Example, network: NetworkExamples) -> FaceRow:
    images = [example.lr, example.bicubic, example.restored, example.original]
    bicubic, made = (f"{example.figures[side]['psnr_y']:.2f} dB" for side in SIDES)
    said = f"PSNR: bicubic {bicubic}, {network.card['title']} {made}"
    return FaceRow(example.name, example.lr.shape[0], images, said)


def _small_row(example: Example, network: NetworkExamples) -> FaceRow:
    photo: np.ndarray = pixels.resize(example.original, network.size_px, "bicubic")
    images = [photo, example.lr, example.bicubic, example.restored]
    return FaceRow(example.name, example.lr.shape[0], images, example.done)


def _kind(source: str) -> str:
    """What a source's images are, in words."""
    return KINDS.get(source) or (f"photographs of {TITLES[source]}" if source in TITLES else "photographs")


def _for_the_eye(example: Example) -> bool:
    """Whether the network's image is worse by PSNR and better by LPIPS than the bicubic one."""
    bicubic, made = (example.figures.get(side, {}) for side in SIDES)
    return "lpips_alex" in made and made["psnr_y"] < bicubic["psnr_y"] and made["lpips_alex"] < bicubic["lpips_alex"]
