"""The report's sentences, one source for HTML and Markdown. **strong**, *emphasis* and `code` are the only markup."""

from pipeline.metrics.fid import MIN_COMPARABLE
from pipeline.report.blocks.pictures import LOSSLESS_PX, QUALITY
from pipeline.report.faces.extremes import Extremes
from pipeline.report.faces.samples import Group
from pipeline.report.faces.strips import Strip
from pipeline.report.results import PAPERS, TITLES, Run, heading
from pipeline.report.tables.draws import REFERENCE_SIDE_PX, Draws
from pipeline.store import paths

ABOUT = (
    "Two networks for face super-resolution, rebuilt from the paper *Face Super-resolution Reconstruction based on Adaptive "
    "Global Residual Network* (Jinzhao Li, Yali Zhang): **AGRNet** enlarges a small face eight times, **AGRNet-HR** "
    "restores a spoilt one."
)
NETWORKS = (
    "A network for face super-resolution makes a larger, clearer photograph of a face from a small or spoilt one. In the "
    "paper **AGRNet** enlarges a face from 16 × 16 to 128 × 128 pixels, and **AGRNet-HR** restores faces that were blurred, "
    "shrunk, noisy and compressed, at 512 × 512 pixels."
)
IDENTITY = (
    "**A restored face is a plausible reconstruction and no evidence of anybody’s identity.** Where the photograph has lost "
    "a detail, the network invents one that fits."
)
DEMO = (
    "**This is the demo:** tiny networks, trained for moments on generated faces. Its figures show that every step runs. "
    "They say nothing about the paper’s networks."
)
OTHERS = (
    "The paper’s figures stand beside ours for orientation. They are comparable only as far as data, network widths and "
    "length of training are the paper’s; what they were here is said below."
)
DEVIATIONS = (
    "Where the code departs from the paper, and what it takes where the paper is silent, stands at the end of this report "
    "under “Deviations and reconstructions”."
)
ENVIRONMENT = (
    "The networks’ cards name what each was trained with. Code and data stand there as the beginnings of SHA-256 digests, "
    "whole in the tables’ files: the same digest, the same bytes. A set’s digest is that of its manifests, which hold the "
    "digest of every image."
)
READING = (
    "**PSNR** (in dB) and **SSIM** measure how closely the restored image repeats the true one, on brightness (Y) alone; "
    "higher ↑ is better.",
    "**LPIPS** measures how different the two look to a network trained on photographs; lower ↓ is better.",
    "**FID** measures how far a whole set of restored faces is from a set of good ones, where no true image exists; lower ↓ "
    f"is better. With fewer than {MIN_COMPARABLE:,} images on a side it cannot be compared with anything.",
    "Where the network that FID looks through is not at hand, a **Fréchet distance on VGG16’s features** stands in. It is "
    "no FID and cannot be held against one; it only sets the networks of this report against each other.",
    "**bicubic** is plain enlargement without any network: what a network has to beat.",
)
COUNTS = (
    "**Photos** are counted first: all that were found, those whose kind and size could be read, those that could be "
    "decoded. **Faces** are all that a detector saw in them, where it was asked.",
    "**Crops** are counted from there on: the squares to cut out, around the face or faces chosen of each photo, or from "
    "its middle where no face was looked for or none was seen. *Kept* are those that no rule removed, *ready* the "
    "images that a network is trained or tested on.",
)
NO_RULE_BROKEN = "No crop broke a rule."
RULES = (
    "Each set has rules that a crop must keep. A rule **removes** the crop, which is then used for nothing, or **flags** "
    "it: it stays in the set, and is only counted here. A crop is removed by the first rule that it breaks; it may be "
    "flagged by several. Whether a rule removes, flags or is off is decided in params.yaml.",
    "The faces shown are some of those that broke a rule, taken evenly in the set’s order. Below each stand its name and "
    "what was seen.",
)
DRAWS = (
    "Faces for training and testing AGRNet-HR are spoilt on purpose, so that the network can learn to undo it (Eq. (28) of "
    "the paper): blurred in one of four ways, shrunk to the low-resolution (LR) side, given noise, and compressed as JPEG. "
    "How much of each is drawn at random for every image.",
    f"The paper states a range for each number, in pixels of HR images (the undamaged ones) of {REFERENCE_SIDE_PX} px. For "
    "HR images of another size, ranges in pixels are scaled with it; a kernel, which is the area blurred over, is a whole "
    "number of pixels and at least 3. JPEG strength is the paper’s q, higher is stronger; JPEG quality is what it becomes "
    "in the file, lower is stronger; where two strengths make the same quality, it is drawn twice as often.",
    "Bars: how many images drew a value, per unit of the axis. The shaded area is the paper’s range.",
)
TRAINING = (
    "Losses are means over the steps since the last point of the curve, at the end of training, and over the seeds. A dash: "
    "the term is not in the loss. loss is the weighted sum that the network lowers, L_D the discriminators’ own loss. PSNR "
    "and SSIM, held out, are measured on some images of the training set that the network was not trained on; they choose "
    "nothing unless params.yaml says so."
)
COMPLETE = "Everything that was asked for was computed."


def title(run: Run) -> str:
    """The report's own name."""
    return f"Face super-resolution: report of the profile “{run.profile}”"


def warnings(run: Run) -> list[str]:
    """What a reader must know before any figure."""
    return [IDENTITY, DEMO if run.profile == "demo" else OTHERS]


def this_run(run: Run) -> list[str]:
    """What was run on what, a sentence each."""
    said = [f"Profile: **{run.profile}**. {seeds(run)}"]
    for title, task in dict.fromkeys((result.title, result.task) for result in run.networks):
        names = [result.name for result in run.networks if (result.title, result.task) == (title, task)]
        beside = "" if title == PAPERS[task] else f" (beside {PAPERS[task]})"
        said.append(f"**{title}**{beside}, {len(names)} network{'s' * (len(names) > 1)}: {', '.join(names)}.")
    for key, (task, split) in paths.SETS.items():
        purpose = {"train": "training", "test": "test"}[split]
        images = f"{run.counts[key]['degrade']['kept']:,} {run.sources[key]}"
        said.append(f"{PAPERS[task]}’s {purpose} set (the paper’s {TITLES[key]}): here {images}.")
    return said


def seeds(run: Run) -> str:
    """How many training runs a figure rests on."""
    if not run.several:
        return f"Every figure of a network comes from one training run (seed {run.seeds[0]})."
    names: dict[tuple[int, ...], list[str]] = {}
    for result in run.networks:
        names.setdefault(tuple(result.seeds), []).append(result.name)
    if len(names) == 1:
        (seeds_of,) = names
        return f"Every figure of a network is the mean of {_runs(seeds_of)}."
    parts = (f"of {_runs(seeds_of)} for {', '.join(of)}" for seeds_of, of in names.items())
    return f"A figure of a network is the mean {'; '.join(parts)}."


def _runs(seeds_of: tuple[int, ...]) -> str:
    """How many training runs, with their seeds."""
    several = len(seeds_of) > 1
    return f"{len(seeds_of)} training run{'s' * several} (seed{'s' * several} {', '.join(map(str, seeds_of))})"


def faces(run: Run) -> str:
    """How the faces shown were chosen."""
    seed = f" The networks are those of seed {run.seeds[0]}." if run.several else ""
    return f"Taken evenly from each test set, in its order, not chosen by their looks.{seed}"


def set_title(key: str, run: Run) -> str:
    """A set by the paper's name, and what it is here."""
    return f"{heading(key)}, here: {run.sources[key]}"


def strip_caption(strip: Strip) -> str:
    """What the columns of a strip are."""
    if strip.about:
        return f"{strip.about} {kept_as(strip.hr_px)}"
    sizes = sorted({face.lr_px for face in strip.faces})
    lr = f"{sizes[0]} px" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} px"
    text = f"{len(strip.faces)} of {strip.total:,} images."
    if strip.has_hr:
        text += f" LR: the degraded image, {lr} a side; bicubic: its plain enlargement to {strip.hr_px} px, which the "
        text += "network is given; HR: the image that was degraded."
    else:
        text += (
            f" The photo, enlarged or shrunk to {strip.hr_px} px, is what the network is given. It was poor to begin "
        )
        text += "with, so there is no true image beside it."
    more = [column.name for column in strip.columns if column.more]
    if more:
        text += f" Below each face of report.html, and in its viewer: {', '.join(more)}."
    return f"{text} {kept_as(strip.hr_px)}"


def kept_as(side_px: int) -> str:
    """At what size and in which quality images stand on the page."""
    if side_px <= LOSSLESS_PX:
        return "In report.html they are at full size, without loss."
    return f"In report.html they are at full size as WebP of quality {QUALITY}, which loses a little."


def strip_alt(strip: Strip) -> str:
    """What the figure of a strip shows, for those who do not see it."""
    count = len(strip.faces)
    return f"{count} face{'s' * (count != 1)}; columns: {', '.join(column.name for column in strip.figure_columns)}"


def extremes(run: Run) -> str:
    """How the best, the median and the worst images were found."""
    by = " Means over the training runs decide; the images are those of the first." if run.several else ""
    return (
        "Means hide what a network does to a single face. These are the images that each metric finds best, in the middle "
        "and worst, as restored by the paper’s network itself (without changes), beside what plain enlargement "
        f"(bicubic) reaches on the same image. Each image is shown once, with all that it is an example of.{by}"
    )


def extremes_caption(found: Extremes) -> str:
    """What stands in the rows of a set's best and worst images."""
    return f"{heading(found.key)}: {len(found.faces)} of {found.total:,} images. {kept_as(found.hr_px)}"


def extremes_alt(found: Extremes) -> str:
    """What the figure of a set's best and worst images shows, for those who do not see it; the values stand in the table."""
    return f"{heading(found.key)}: {len(found.faces)} images; columns: {', '.join(c.label for c in found.columns)}"


def told(found: Extremes, image: str) -> str:
    """All that an image is an example of."""
    roles = found.roles[image]
    return "; ".join(f"{role.told} ({role.beside})" if role.beside else role.told for role in roles)


def shown_of(group: Group) -> str:
    """How many of the faces that broke a rule are shown."""
    return f"{len(group.samples)} of {group.total:,}"


def samples_of(key: str, groups: list[Group]) -> str:
    """What the rows of a figure of samples are."""
    rows = "; ".join(f"{group.rule}, {group.action} ({shown_of(group)})" for group in groups)
    return f"{heading(key)}, faces that broke a rule, by row: {rows}."


def trained(run: Run) -> list[str]:
    """How losses are to be read, and what the perceptual loss looked through."""
    trunks = dict.fromkeys(result.trunk for result in run.networks if result.trunk)
    return [TRAINING, *(f"The perceptual loss L_pc looks through {trunk}." for trunk in trunks)]


def drawn(draws: Draws) -> list[str]:
    """Whether the numbers drawn for a set keep to the paper's ranges."""
    if draws.outside:
        said = [f"**{draws.outside:,} of the {draws.drawn:,} numbers recorded lie outside of the paper’s ranges.**"]
    else:
        said = [f"All {draws.drawn:,} numbers recorded lie in the paper’s ranges."]
    for step, count in draws.skipped.items():
        if count:
            said.append(f"**{count:,} of {draws.images:,} images were left without {step}; in the paper no image is.**")
    return said


def draws_alt(draws: Draws) -> str:
    """What the picture of a set's draws shows, for those who do not see it; the numbers stand in the table below."""
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in draws.kinds.items())
    return (
        f"{heading(draws.key)}: how often each blur kind was drawn ({kinds}), and how the numbers of blur, size, noise and "
        "compression are distributed over the paper’s ranges"
    )


def curves(group: str) -> str:
    """What the training curves of a group of networks (see `curve_groups`) show."""
    task, beside, _ = group.partition("_others")
    name = f"{PAPERS[task]} and its peers" if beside else PAPERS[task]
    said = f"{name}: losses, figures of images held out and learning rate by step, a line per network."
    return f"{said} Losses of different models are different sums: they cannot be compared." if beside else said


def curves_alt(group: str) -> str:
    """The same for those who do not see them."""
    return f"Training curves of {curves(group).rstrip('.')}"


def size_of_page(size: str) -> str:
    """What the page is, at its foot."""
    return f"This page is one file of about {size} with all its pictures; it loads nothing from anywhere."


def gone(captions: list[str]) -> list[str]:
    """A sentence per table without a network."""
    return [f"{caption}: left out, since none of its columns names a network." for caption in captions]
