"""How fast the networks train and restore, as ratios to the plain form in the same run: `make bench-train`.

At most 4 minutes on one GPU, 8 on two cores of a CPU. Prints each figure and writes reports/benchmarks/train.json. The
baseline is the plain network, eager, NCHW, float32 with TF32 off, each step launched.
"""

import json
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from pipeline.commands.benchmarks import train_data
from pipeline.commands.benchmarks.operators import count_operators
from pipeline.commands.benchmarks.train_cases import SIZES, Case, Sizes, cases_on
from pipeline.commands.benchmarks.train_forms import (
    FASTEST,
    PLAIN,
    Form,
    applier,
    bf16_mac_rate,
    forms_on,
    interleaved_seconds,
    ratio_to_first,
    saved_bytes,
    step_bytes,
    synchronise,
    trainer,
)
from pipeline.infer.count import count_macs
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.runtime.cores import usable_cores
from pipeline.store import paths
from pipeline.store.files import write_json

REPORT = paths.REPORTS / "benchmarks/train.json"
LIMIT_S = {"cpu": 8 * 60, "cuda": 4 * 60}
COMPILE_S = 120  # what compiling one network may take, and the cases after it; not begun where less is left
WANTED_OF_WITHOUT = 0.9  # speed with data, of that without


def main() -> None:
    started = time.perf_counter()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = SIZES[device.type]
    torch.manual_seed(0)
    rate = bf16_mac_rate(device, sizes.matmul_side)
    figures = {"machine": machine(device), "bf16_matrix_tmac_per_s": _round(rate / 1e12)}

    def measured(key: str, found: dict) -> None:
        figures[key] = found
        figures["seconds"] = _round(time.perf_counter() - started)
        print(key, json.dumps(found), flush=True)
        write_json(REPORT, figures)  # each time: a compiler that takes long costs no figure before it
        if device.type == "cuda":
            torch.cuda.empty_cache()  # what one case's steps have taken is wanted by the next

    with tempfile.TemporaryDirectory() as scratch:
        for name, case in cases_on(device, Path(scratch) / "brought").items():
            left_s = LIMIT_S[device.type] - (time.perf_counter() - started)
            forms = {key: form for key, form in forms_on(device).items() if not form.compiled or left_s > COMPILE_S}
            measured(f"{name}_training", training(case, forms, sizes, rate, device))
            if case.lr_px:
                measured(f"{name}_with_data", with_data(case, sizes, Path(scratch) / name, device))
            if case.inference:
                measured(f"{name}_inference", inference(case, forms, sizes, rate, device))
    print(f"written: {REPORT}")


def training(case: Case, forms: dict[str, Form], sizes: Sizes, rate: float, device: torch.device) -> dict:
    """A whole training step, no data, in each form: its operators, and the memory that it takes."""
    part = case.batch_on(device)
    operators, steps = {}, {}
    for name, form in forms.items():
        step = trainer(form, case.net, case.objective, case.batch, device)
        steps[name] = lambda step=step: step(part)
        if not form.compiled:  # the first steps of a recorded one are launched, so that their operators are seen
            steps[name]()
            operators[name] = count_operators(steps[name]).total
    seconds = interleaved_seconds(steps, sizes.rounds, sizes.repeats, device)
    figures = _compared("training", case, seconds, 3 * case.batch * _macs(case), rate)
    for name, form in forms.items():
        own = figures["forms"][name]
        if name in operators:
            own["operators"] = operators[name]
        if device.type != "cuda":
            own["saved_for_backward_gb"] = _round(saved_bytes(form, case.net, part.input) / 1e9)
        elif not form.recorded:
            own["step_gb"] = _round(step_bytes(steps[name]) / 1e9)
    return figures


def inference(case: Case, forms: dict[str, Form], sizes: Sizes, rate: float, device: torch.device) -> dict:
    """Restoring a batch, in eval mode, in each form; what a fast form can fold is folded."""
    lr_up = case.batch_on(device).input
    appliers = {name: applier(form, case.net) for name, form in forms.items()}
    steps = {name: (lambda apply=apply: apply(lr_up)) for name, apply in appliers.items()}
    seconds = interleaved_seconds(steps, sizes.rounds, sizes.repeats, device)
    return _compared("inference", case, seconds, case.batch * _macs(case), rate)


def with_data(case: Case, sizes: Sizes, folder: Path, device: torch.device) -> dict:
    """A training step with its data, generated faces: the fastest form behind the project's batches, beside the same step
    without data; on a CPU beside the plain form behind a DataLoader over PNG files too."""
    pictures = [render_face(draw_spec(9, number), case.px)[0] for number in range(16)]
    count = (sizes.data_steps + train_data.FIRST_STEPS[device.type]) * case.batch
    train_data.write_shards(folder / "shards", pictures, count, case.lr_px)
    step = trainer(FASTEST[device.type], case.net, case.objective, case.batch, device)
    ours = train_data.ours_with_data(step, folder / "shards", sizes.data_steps, case.batch, device)
    part, start = case.batch_on(device), time.perf_counter()
    for _ in range(sizes.data_steps):
        step(part)
    synchronise(device)
    without = (time.perf_counter() - start) / sizes.data_steps
    figures = {"px": case.px, "batch": case.batch, "steps": sizes.data_steps, "ours_ms": _round(1e3 * ours)}
    figures |= {
        "without_data_ms": _round(1e3 * without),
        "of_without": _round(without / ours),
        "wanted_of_without": f"at least {WANTED_OF_WITHOUT}",
    }
    if device.type == "cpu":
        train_data.write_png_pairs(folder / "png", pictures, count)
        step = trainer(PLAIN, case.net, case.objective, case.batch, device)
        plain = train_data.dataloader_with_data(step, folder / "png", sizes.data_steps, case.batch, device)
        figures |= {"plain_dataloader_ms": _round(1e3 * plain), "ratio": _round(plain / ours)}
    return figures


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


def _compared(what: str, case: Case, seconds: dict, macs: int, rate: float) -> dict:
    """The forms' times, ratios and shares of the matrix rate; `macs` are a step's of the network alone in the plain form,
    whatever the form saves of them and the loss needs beside them."""
    wanted = case.wanted.get(what, {})
    forms = {}
    for name, ratio in ratio_to_first(seconds).items():
        own = median(seconds[name])
        forms[name] = {"ms": _round(1e3 * own), "ratio": _round(ratio), "of_bf16_rate": _round(macs / own / rate)}
        if name in wanted:
            forms[name]["wanted"] = f"at least {wanted[name]}"
    return {"px": case.px, "batch": case.batch, "forms": forms}


def _macs(case: Case) -> int:
    """Multiply-accumulates of one image."""
    return count_macs(case.net, (1, 3, case.px, case.px))


def _round(value: float) -> float:
    return float(np.format_float_positional(value, 3, fractional=False))


if __name__ == "__main__":
    main()
