"""How much of an evaluation is the network itself: `make bench-evaluate`.

The paper's AGRNet and AGRNet-HR at the paper profile's widths and at the taper's, untrained, restore and are measured as
the stages `infer`, `reference` and `evaluate` do it, start of the processes aside. Some minutes on two cores. Writes
reports/benchmarks/evaluate.json. LPIPS through VGG16 costs as much as a small network itself, so that the share is also
given without it.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import chdir
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pipeline.commands.benchmarks.train import machine
from pipeline.commands.benchmarks.train_data import write_shards
from pipeline.evaluate.instruments import WEIGHTS, Instruments
from pipeline.evaluate.reference import make_reference
from pipeline.evaluate.run import evaluate
from pipeline.infer.apply import applied
from pipeline.infer.sets import Stopwatch, infer_sets
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.params.stages import EvaluateParams, Metric
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.restored import restored_folder, restored_images, restored_keys

REPORT = paths.REPORTS / "benchmarks/evaluate.json"
WANTED = 0.6  # the network's share at least
METRICS = ("conventions", "lpips_alex", "lpips_vgg", "landmarks")
BATCH = 8
CASES = {  # network, set, side in px, images
    "agrnet": (AGRNet, "helen", 128, 48),
    "agrnet_hr_paper": (partial(AGRNetHR, widths=(144, 192, 256, 288)), "celebahq", 256, 8),
    "agrnet_hr_taper": (AGRNetHR, "celebahq", 256, 8),
}


def main() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    weights = WEIGHTS.resolve()
    figures = {"machine": machine(device)}
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
        if weights.is_dir():
            shutil.copytree(weights, WEIGHTS)
        for name, (network, key, px, count) in CASES.items():
            figures[name] = share(key, network(), px, count, device)
            print(name, json.dumps(figures[name]), flush=True)
    write_json(REPORT, figures)
    print(f"written: {REPORT}")


def share(key: str, net: torch.nn.Module, px: int, count: int, device: torch.device) -> dict:
    """Seconds of each part for `count` generated faces of a set, and the network's share. Works in the current folder."""
    _write_set(key, px, count)
    params = _params(METRICS, device)
    fewer = _params([metric for metric in METRICS if metric != "lpips_vgg"], device)
    torch.manual_seed(0)
    watch = Stopwatch(applied(net, device))
    watch(np.zeros((BATCH, px, px, 3), np.uint8))
    watch.seconds = 0.0

    def restored(name: str, seed: int):
        folder = restored_folder("network", seed, name)
        return restored_keys(folder), restored_images(folder)

    steps = {
        "infer": lambda: infer_sets("network", [key], [(0, watch)], BATCH),
        "reference": lambda: make_reference(Instruments(params, device), [key]),
        "evaluate_without_lpips_vgg": lambda: evaluate("network", [0], [key], restored, fewer),
        "evaluate": lambda: evaluate("network", [0], [key], restored, params),
    }
    seconds = {name: _seconds(step) for name, step in steps.items()}
    absent = json.loads((paths.EVALUATED / "network/absent.json").read_text())
    network, inferring = watch.seconds, seconds["infer"]
    return {
        "px": px,
        "images": count,
        "network_s": round(network, 2),
        **{f"{name}_s": round(value, 2) for name, value in seconds.items()},
        "network_of_infer": round(network / inferring, 3),
        "network_of_all": round(network / (inferring + seconds["evaluate"]), 3),
        "network_of_all_without_lpips_vgg": round(network / (inferring + seconds["evaluate_without_lpips_vgg"]), 3),
        "wanted": f"at least {WANTED}",
        "without": absent,
    }


def _params(metrics: Sequence[Metric], device: torch.device) -> EvaluateParams:
    return EvaluateParams(batch_size=BATCH, device=device.type, metrics=list(metrics))


def _write_set(key: str, px: int, count: int) -> None:
    pictures = [render_face(draw_spec(9, number), px)[0] for number in range(min(count, 12))]
    write_shards(Path("pairs"), pictures, count)
    for stage in ("resize", "degrade"):
        target = paths.paired_folder(stage, key)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path("pairs") / stage, target)
    shutil.rmtree("pairs")


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
