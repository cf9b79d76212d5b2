"""Training in params.yaml: what stands under `tasks`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.base import Count, Positive, Section

Beta = Annotated[float, Field(ge=0, lt=1)]  # Adam's


class TrainParams(Section):
    """Training of one network (Sec. 4.1). The length is given in steps, in epochs or in minutes."""

    steps: Count | None = None
    epochs: Positive | None = None
    minutes: Positive | None = None  # of each seed's training; how many steps that is depends on the machine
    batch_size: Count  # images per update, over all processes and parts
    learning_rate: Positive  # of the network; a loss that learns has its own
    betas: tuple[Beta, Beta]
    schedule: Literal["constant", "cosine"] = "constant"  # of the learning rates
    flip: bool = True  # mirror half of the images
    scale: Annotated[float, Field(ge=1, le=2)] = 1.0  # largest random enlargement, cropped back; SPARNet's is 1.3
    validation_images: Annotated[int, Field(ge=0)] = 0  # held out of the training set
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay per step of the average that is evaluated; 0: none is
    weights: Literal["last", "best"] = "last"  # best: by PSNR on the images held out
    # Batches of training images over which the running statistics of batch norms are estimated again before a network is
    # evaluated or saved; 0: the running averages stay.
    precise_batch_norm: Annotated[int, Field(ge=0)] = 0

    # How it is computed.
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    processes: Count = 1  # each on a GPU of its own; on a CPU they share its cores
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    channels_last: bool = True
    faster_forms: bool = True  # of pipeline/networks/units/fast.py; false: the networks as they are written down
    compile: bool = False  # torch.compile
    # Record a step once and replay it, so that a GPU does not wait for the host. auto: where that is possible.
    cuda_graph: bool | Literal["auto"] = "auto"
    accumulate: Count = 1  # parts that a batch is computed in, one after the other
    recompute: bool = False  # keep no activations inside of a unit, compute them again in the backward pass
    keep_images: Literal["auto", "device", "host", "disk"] = "auto"  # where the training set is held

    # What is seen and kept.
    log_every_steps: Count = 50
    save_every_steps: Count = 1000
    validate_every_steps: Count = 1000
    sample_every_steps: Count = 1000
    samples: Annotated[int, Field(ge=0)] = 4  # images per strip

    @model_validator(mode="after")
    def _fits(self):
        if len([name for name in LENGTHS if getattr(self, name) is not None]) != 1:
            raise ValueError("give the length as steps, as epochs or as minutes, one of the three")
        for name in ("save_every_steps", "validate_every_steps"):
            if getattr(self, name) % self.log_every_steps:
                raise ValueError(
                    f"{name} {getattr(self, name)} is no multiple of log_every_steps {self.log_every_steps}: "
                    "states are saved and validation is measured at the end of a log interval"
                )
        if self.batch_size % (self.processes * self.accumulate):
            raise ValueError(
                f"batch_size {self.batch_size} cannot be split over processes {self.processes} times accumulate "
                f"{self.accumulate}"
            )
        if self.cuda_graph is True and self.processes > 1:
            raise ValueError(
                "cuda_graph: a step over several processes is not recorded; set processes to 1 or it to auto"
            )
        if self.weights == "best" and not self.validation_images:
            raise ValueError("weights: best is chosen on images held out; give validation_images")
        return self


# In one of these the length of a training is given.
LENGTHS = frozenset(["steps", "epochs", "minutes"])
# How a training is computed and what is seen of it: keys that are no part of its recipe.
COMPUTED = frozenset(
    [
        *("device", "threads", "processes", "precision", "channels_last", "faster_forms", "compile", "cuda_graph"),
        *("accumulate", "recompute", "keep_images"),
        *("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps", "samples"),
    ]
)


class TasksParams(Section):
    """The two tasks: x8, 16 to 128 px (Sec. 4.1), and blind, faces spoilt by Eq. (28) at their own size.

    Each is one training budget for all of its networks, so that all see the same number of images.
    """

    x8: TrainParams
    blind: TrainParams
