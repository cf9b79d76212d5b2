"""Learning rates and Adam's betas that others publish, and the sweep that looks for a run's rates among their multiples."""

from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from pipeline.params.base import Positive, Section
from pipeline.params.tasks import COMPUTED

OF_D = "discriminator_learning_rate"  # of a loss that learns


class Published(NamedTuple):
    """A network's learning rate and Adam's betas as its authors trained it, and where that is said."""

    rate: float
    betas: tuple[float, float]
    source: str


# (model, task) -> what its authors trained the network with; MambaIR's and SwinIR's for x8 are those of their x2 networks.
PUBLISHED: dict[tuple[str, str], Published] = {
    ("agrnet", "x8"): Published(2e-4, (0.9, 0.99), "AGRNet’s paper, Sec. 4.1"),
    ("agrnet_hr", "blind"): Published(1e-4, (0.5, 0.99), "AGRNet’s paper, Sec. 4.1"),
    ("sparnet", "x8"): Published(2e-4, (0.9, 0.99), "github.com/chaofengc/Face-SPARNet, train.sh"),
    ("sparnet", "blind"): Published(1e-4, (0.5, 0.99), "github.com/chaofengc/Face-SPARNet, train.sh"),
    ("dic", "x8"): Published(
        1e-4, (0.9, 0.999), "github.com/Maclory/Deep-Iterative-Collaboration, train_DIC_CelebA.json"
    ),
    ("sfmnet", "x8"): Published(1e-4, (0.9, 0.99), "github.com/wcy-cs/SFMNet, option.py and main_two.py"),
    ("swinir", "x8"): Published(2e-4, (0.9, 0.999), "github.com/cszn/KAIR, train_swinir_sr_classical.json"),
    ("swinir", "blind"): Published(2e-4, (0.9, 0.999), "github.com/cszn/KAIR, train_swinir_sr_realworld_x4_psnr.json"),
    ("mambair", "x8"): Published(2e-4, (0.9, 0.99), "github.com/csguoh/MambaIR, train_MambaIR_SR_x2.yml"),
    ("mambair", "blind"): Published(2e-4, (0.9, 0.99), "github.com/csguoh/MambaIR, train_MambaIR_SR_x2.yml"),
}
# The same for trainings against discriminators; others with that loss begin from its paper's rate.
ADVERSARIAL: dict[str, Published] = {
    "swinir": Published(1e-4, (0.9, 0.999), "github.com/cszn/KAIR, train_swinir_sr_realworld_x4_gan.json"),
    "sparnet": PUBLISHED["sparnet", "blind"],
}


def published_rate(model: str, task: str, loss: str) -> Published | None:
    """The rate that a network's authors trained it with; None for a network that nobody published."""
    if loss == "composite":
        return ADVERSARIAL.get(model, PUBLISHED["agrnet_hr", "blind"])
    return PUBLISHED.get((model, task))


def without_rates(params: dict[str, dict]) -> dict[str, dict]:
    """A recipe's params (`Recipe.params`) without its learning rates and without how it is computed."""
    train = {key: value for key, value in params["train"].items() if key not in {"learning_rate", *COMPUTED}}
    loss = {key: value for key, value in params["loss"].items() if key != OF_D}
    return params | {"train": train, "loss": loss}


class SweepParams(Section):
    """A small sweep of learning rates, the same for every network (`pipeline.commands.sweep`).

    multiples: of each network's published rate, or of its own here where nobody published one. share: of the length of its
    task's training that a trial takes, with a schedule of its own.
    """

    multiples: Annotated[tuple[Positive, ...], Field(min_length=2)]
    share: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _rises(self):
        if list(self.multiples) != sorted(set(self.multiples)):
            raise ValueError(f"sweep.multiples must rise: {', '.join(f'{m:g}' for m in self.multiples)} given")
        return self
