"""How fast the networks train and restore, as ratios to the plain form in the same run: `make bench-train`.

At most 8 minutes on one GPU or on two cores of a CPU. Prints each figure and writes reports/benchmarks/train.json. The
baseline is the plain network, eager, NCHW, float32 with TF32 off; a GPU's second one has TF32 on.
"""

import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.commands.benchmarks import train_data
from pipeline.commands.benchmarks.train_forms import (
    PLAIN,
    Form,
    applier,
    bf16_mac_rate,
    forms_on,
    interleaved_seconds,
    ratio_to_first,
    saved_bytes,
    step_bytes,
    trainer,
)
from pipeline.infer.count import count_macs
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.losses.pixel.loss import pixel_l1, pixel_l2
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.runtime.cores import usable_cores
from pipeline.store import paths
from pipeline.store.files import write_json

REPORT = paths.REPORTS / "benchmarks/train.json"
LIMIT_S = 8 * 60
COMPILE_S = 100  # what compiling one network for training may take; not begun where less is left
WANTED = {  # at least so many times the baseline
    "cpu": {"training": {"fast_fp32": 1.1, "fast_bf16": 1.4}, "inference": {"fast_fp32": 1.3, "fast_bf16": 2}},
    "cuda": {
        "training": {"fast_bf16": 5, "fast_bf16_compiled": 5},
        "inference": {"fast_bf16": 6, "fast_bf16_compiled": 6},
    },
}
WANTED_SHARE = 0.4  # of the bfloat16 matrix rate, in training on a GPU


@dataclass(frozen=True)
class Sizes:
    """How much is measured: sides in px, images a batch, rounds, and calls of each step in a round."""

    agrnet_px: int
    agrnet_batch: int
    hr_px: int
    hr_batch: int
    rounds: int
    repeats: int
    data_steps: int
    matmul_side: int


SIZES = {
    "cpu": Sizes(128, 2, 256, 1, rounds=3, repeats=1, data_steps=6, matmul_side=1024),
    "cuda": Sizes(128, 32, 512, 2, rounds=5, repeats=3, data_steps=40, matmul_side=8192),
}


@dataclass(frozen=True)
class TrainCase:
    """One network at one size."""

    net: nn.Module
    px: int
    batch: int
    loss_of: Callable[[Tensor, Tensor], Tensor]

    def batch_on(self, device: torch.device) -> Tensor:
        """Random images in [-1, 1]: (N, 3, px, px)."""
        return torch.rand(self.batch, 3, self.px, self.px, device=device) * 2 - 1


def main() -> None:
    started = time.perf_counter()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = SIZES[device.type]
    torch.manual_seed(0)
    cases = {
        "agrnet": TrainCase(AGRNet().to(device), sizes.agrnet_px, sizes.agrnet_batch, pixel_l2),
        "agrnet_hr": TrainCase(AGRNetHR().to(device), sizes.hr_px, sizes.hr_batch, pixel_l1),
    }
    rate = bf16_mac_rate(device, sizes.matmul_side)
    figures = {"machine": machine(device), "bf16_matrix_tmac_per_s": _round(rate / 1e12)}
    with tempfile.TemporaryDirectory() as scratch:
        figures["agrnet_with_data"] = _say("agrnet_with_data", with_data(cases["agrnet"], sizes, Path(scratch), device))
    for what in (training, inference):
        for name, case in cases.items():
            left_s = LIMIT_S - (time.perf_counter() - started)
            forms = {key: form for key, form in forms_on(device).items() if not form.compiled or left_s > COMPILE_S}
            figures[f"{name}_{what.__name__}"] = _say(f"{name}_{what.__name__}", what(case, forms, sizes, rate, device))
            figures["seconds"] = _round(time.perf_counter() - started)
            write_json(REPORT, figures)  # each time: a compiler that takes long costs no figure before it
    print(f"written: {REPORT}")


def training(case: TrainCase, forms: dict[str, Form], sizes: Sizes, rate: float, device: torch.device) -> dict:
    """A training step of the network and its pixel loss, no data, in each form; and the memory that it takes."""
    lr_up, hr = case.batch_on(device), case.batch_on(device)
    steppers = {name: trainer(form, case.net, case.loss_of) for name, form in forms.items()}
    steps = {name: (lambda step=step: step(lr_up, hr)) for name, step in steppers.items()}
    seconds = interleaved_seconds(steps, sizes.rounds, sizes.repeats, device)
    figures = _compared("training", case, seconds, 3 * case.batch * _macs(case), rate, device)
    for name, form in forms.items():
        if device.type == "cuda":
            figures["forms"][name]["step_gb"] = _round(step_bytes(steps[name]) / 1e9)
        else:
            figures["forms"][name]["saved_for_backward_gb"] = _round(saved_bytes(form, case.net, lr_up) / 1e9)
    return figures


def inference(case: TrainCase, forms: dict[str, Form], sizes: Sizes, rate: float, device: torch.device) -> dict:
    """Restoring a batch, in eval mode, in each form; what a fast form can fold is folded."""
    lr_up = case.batch_on(device)
    appliers = {name: applier(form, case.net) for name, form in forms.items()}
    steps = {name: (lambda apply=apply: apply(lr_up)) for name, apply in appliers.items()}
    seconds = interleaved_seconds(steps, sizes.rounds, sizes.repeats, device)
    return _compared("inference", case, seconds, case.batch * _macs(case), rate, device)


def with_data(case: TrainCase, sizes: Sizes, folder: Path, device: torch.device) -> dict:
    """A training step with its data: the plain form behind a DataLoader over PNG files, and the fastest eager form behind
    the project's own batches; the images are generated faces."""
    pictures = [render_face(draw_spec(9, number), case.px)[0] for number in range(16)]
    count = (sizes.data_steps + 1) * case.batch
    train_data.write_png_pairs(folder / "png", pictures, count)
    train_data.write_shards(folder / "shards", pictures, count)
    best = forms_on(device)["fast_bf16"]
    runs = {
        "plain_dataloader": (PLAIN, train_data.dataloader_with_data, folder / "png"),
        "fast_bf16_ours": (best, train_data.ours_with_data, folder / "shards"),
    }
    seconds = {
        name: run(trainer(form, case.net, case.loss_of), data, sizes.data_steps, case.batch, device)
        for name, (form, run, data) in runs.items()
    }
    plain, ours = seconds.values()
    return {
        "px": case.px,
        "batch": case.batch,
        "steps": sizes.data_steps,
        **{f"{name}_ms": _round(1e3 * value) for name, value in seconds.items()},
        "ratio": _round(plain / ours),
        "wanted": f"at least {WANTED[device.type]['training']['fast_bf16']}",
    }


def machine(device: torch.device) -> dict:
    """What was measured on."""
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _compared(what: str, case: TrainCase, seconds: dict, macs: int, rate: float, device: torch.device) -> dict:
    """The forms' times, ratios and shares of the matrix rate; `macs` are a step's in the plain form, whatever the form
    saves of them."""
    wanted = WANTED[device.type][what]
    forms = {}
    for name, ratio in ratio_to_first(seconds).items():
        own = median(seconds[name])
        forms[name] = {"ms": _round(1e3 * own), "ratio": _round(ratio), "of_bf16_rate": _round(macs / own / rate)}
        if name in wanted:
            forms[name]["wanted"] = f"at least {wanted[name]}"
            if what == "training" and device.type == "cuda":
                forms[name]["wanted_of_bf16_rate"] = f"at least {WANTED_SHARE}"
    return {"px": case.px, "batch": case.batch, "forms": forms}


def _macs(case: TrainCase) -> int:
    """Multiply-accumulates of one image."""
    return count_macs(case.net, (1, 3, case.px, case.px))


def _round(value: float) -> float:
    return float(np.format_float_positional(value, 3, fractional=False))


def _say(name: str, figures: dict) -> dict:
    print(name, json.dumps(figures), flush=True)
    return figures


if __name__ == "__main__":
    main()
