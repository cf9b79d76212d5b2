"""The report's sentences, one source for HTML and Markdown. **strong** and *emphasis* are the only markup."""

from pipeline import layout
from pipeline.report.results import MODELS, TITLES, Run, heading
from pipeline.report.strips import MAX_TILE_PX, Strip
from pipeline.report.tables import MIN_COMPARABLE

ABOUT = (
    "A network for face super-resolution makes a larger, clearer photograph of a face from a small or spoilt one. Two such "
    "networks are rebuilt here from the paper *Face Super-resolution Reconstruction based on Adaptive Global Residual "
    "Network* (Jinzhao Li, Yali Zhang): **AGRNet** enlarges a face from 16 × 16 to 128 × 128 pixels, **AGRNet-HR** "
    "restores faces that were blurred, shrunk, noisy and compressed, in the paper at 512 × 512 pixels."
)
IDENTITY = (
    "**A restored face is a plausible reconstruction and no evidence of anybody’s identity.** Where the photograph has lost "
    "a detail, the network invents one that fits."
)
DEMO = (
    "**This is the demo.** Its figures come from tiny networks, trained for moments on generated faces. They show that "
    "every step runs. They say nothing about the paper’s networks or the paper’s figures."
)
OTHERS = (
    "The paper’s figures stand beside ours for orientation. They are comparable only as far as data, network widths and "
    "length of training are the paper’s; what they were here is said below."
)
DEVIATIONS = (
    "Where the code departs from the paper, and what it takes where the paper is silent, stands in the README under "
    "“Deviations and reconstructions”."
)
READING = (
    "**PSNR** (in dB) and **SSIM** measure how closely the restored image repeats the true one, on brightness (Y) alone; "
    "higher ↑ is better.",
    "**LPIPS** measures how different the two look to a network trained on photographs; lower ↓ is better.",
    "**FID** measures how far a whole set of restored faces is from a set of good ones, where no true image exists; lower ↓ "
    f"is better. With fewer than {MIN_COMPARABLE:,} images on a side it cannot be compared with anything.",
    "**bicubic** is plain enlargement without any network: what a network has to beat.",
    "Lines that begin with *paper:* are the paper’s own figures, on the paper’s own data. A dash: there is no such figure, "
    "or the method is not trained here.",
)
TRAINING = (
    "Losses are means over the steps since the last point of the curve, at the end of training. With several seeds they are "
    "those of the last one. A dash: the term is not in the loss. loss is the weighted sum that "
    "the network lowers, L_D the discriminators’ own loss."
)
COMPLETE = "Everything that was asked for was computed."


def warnings(run: Run) -> list[str]:
    """What a reader must know before any figure."""
    return [IDENTITY, DEMO if run.profile == "demo" else OTHERS]


def this_run(run: Run) -> list[str]:
    """What was run on what, a sentence each."""
    said = [f"Profile: **{run.profile}**. {seeds(run)}"]
    for model, name in MODELS.items():
        names = [result.name for result in run.variants if result.model == model]
        if names:
            said.append(f"**{name}**, {len(names)} variant{'s' * (len(names) > 1)}: {', '.join(names)}.")
    for key, (model, split) in layout.SETS.items():
        purpose = {"train": "training", "test": "test"}[split]
        images = f"{run.counts[key]['degrade']['kept']:,} {run.sources[key]}"
        said.append(f"{MODELS[model]}’s {purpose} set (the paper’s {TITLES[key]}): here {images}.")
    return said


def seeds(run: Run) -> str:
    """How many training runs a figure rests on."""
    if len(run.seeds) == 1:
        return f"Every figure of a network comes from one training run (seed {run.seeds[0]})."
    listed = ", ".join(map(str, run.seeds))
    return f"Every figure of a network is the mean of {len(run.seeds)} training runs (seeds {listed})."


def faces(run: Run) -> str:
    """How the faces shown were chosen."""
    seed = f" The networks are those of seed {run.seeds[0]}." if len(run.seeds) > 1 else ""
    return f"Taken evenly from each test set, in its order, not chosen by their looks.{seed}"


def strip_title(strip: Strip, run: Run) -> str:
    """Which test set a strip is from, and what that is here."""
    return f"{heading(strip.key)}, here: {run.sources[strip.key]}"


def strip_caption(strip: Strip) -> str:
    """What the columns of a strip are."""
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
    shrunk = f" Shown at {MAX_TILE_PX} px." if strip.hr_px > MAX_TILE_PX else ""
    return text + shrunk


def gone(captions: list[str]) -> list[str]:
    """A sentence per table that has no variant left."""
    return [f"{caption}: left out, since params.yaml names none of its variants." for caption in captions]
