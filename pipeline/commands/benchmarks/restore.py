"""How much of restoring photos is the network itself: `make bench-restore`.

Photos of 3 megapixels with ten generated faces each go through the whole of `restore`, untrained networks inside, of the
paper's (AGRNet-HR: the taper's), the kept weights' and the `cpu` profile's widths: reading, detecting, cutting, the
network, judging, pasting, writing. Beside that the network alone, in full batches. Some minutes on two cores. Writes
reports/benchmarks/restore.json.
"""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pipeline.commands.benchmarks.train import machine
from pipeline.commands.restore.inputs import plan
from pipeline.commands.restore.networks.by_torch import load, pick_device, torch_network
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.run import restore_photos
from pipeline.infer.trained import Weights, check
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.networks.build import build_network
from pipeline.params.base import Section
from pipeline.params.models import AGRNetHRParams, AGRNetParams
from pipeline.store import paths
from pipeline.store.files import write_json
from pipeline.store.weights import save_weights, write_card

REPORT = paths.REPORTS / "benchmarks/restore.json"
WANTED = 0.7  # of the network's own rate at least, at ten faces per photo
BATCH = 8
PHOTO_PX = 2000, 1500
FACES = 10
PORTRAIT_PX = 360


@dataclass(frozen=True)
class RestoreCase:
    """A network, the side of its faces, and how many photos go through it on a CPU and on a GPU."""

    model: str
    task: str
    network: Section
    size_px: int
    photos: tuple[int, int]


CASES = {
    "agrnet_paper": RestoreCase("agrnet", "x8", AGRNetParams(num_arus=10, width=144, head_width=18), 128, (8, 40)),
    "agrnet_hr_taper": RestoreCase(
        "agrnet_hr", "blind", AGRNetHRParams(num_arus=10, widths=(48, 96, 192, 288)), 256, (4, 40)
    ),
    "agrnet_hr_narrow": RestoreCase(
        "agrnet_hr", "blind", AGRNetHRParams(num_arus=4, widths=(12, 24, 48, 72)), 128, (16, 40)
    ),
}


def kept_case() -> RestoreCase:
    """The AGRNet-HR whose weights are kept under models/pretrained, as its card describes it."""
    weights = check(paths.MODELS / "pretrained/hr")
    return RestoreCase(weights.model, weights.task, weights.params, weights.size_px, (4, 40))


def main() -> None:
    device = pick_device("auto", "fp32")
    figures: dict = {"machine": machine(device), "faces_per_photo": FACES, "photo_px": PHOTO_PX, "batch_size": BATCH}
    with tempfile.TemporaryDirectory() as scratch:
        for name, case in (CASES | {"agrnet_hr_kept": kept_case()}).items():
            figures[name] = measure(case, Path(scratch) / name, device)
            print(name, json.dumps(figures[name]), flush=True)
    write_json(REPORT, figures)
    print(f"written: {REPORT}")


def measure(case: RestoreCase, folder: Path, device: torch.device) -> dict:
    """Faces per second of the network alone and of the whole, and the seconds of each step."""
    count = case.photos[device.type == "cuda"]
    write_photos(folder / "in", count)
    weights = check(_untrained(case, folder / "model"))
    alone = network_rate(weights, device)
    options = Options(out=folder / "out", force=True, batch_size=BATCH, device=device.type, timing=True)
    planned = plan([folder / "in"], options.out, None)
    start = time.perf_counter()
    summary = restore_photos(planned, {weights.task: torch_network(weights, device.type, "fp32")}, options)
    spent = time.perf_counter() - start
    faces = summary["faces"]["restored"]
    return {
        "px": case.size_px,
        "photos": count,
        "faces": faces,
        "network_alone_per_s": round(alone, 3),
        "restored_per_s": round(faces / spent, 3),
        "of_the_networks_rate": round(faces / spent / alone, 3),
        "wanted": f"at least {WANTED}",
        "seconds": summary["seconds"] | {"all": round(spent, 3)},
    }


def network_rate(weights: Weights, device: torch.device) -> float:
    """Faces per second of full batches, the best of three runs: other work on the machine only ever slows them."""
    restore = load(weights, device, "fp32")
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, weights.size_px, weights.size_px, 3), np.uint8)
    restore(batch)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        restore(batch)
        seconds.append(time.perf_counter() - start)
    return BATCH / min(seconds)


def write_photos(folder: Path, count: int) -> None:
    """JPEG files of generated portraits in two rows before a grey wall."""
    folder.mkdir(parents=True)
    width, height = PHOTO_PX
    portraits = [render_face(draw_spec(11, number), PORTRAIT_PX)[0] for number in range(2 * FACES)]
    for number in range(count):
        photo = np.full((height, width, 3), 120, np.uint8)
        for place in range(FACES):
            x, y = place % 5 * (width // 5) + 20, place // 5 * (height // 2) + 150
            portrait = portraits[(place + number) % len(portraits)]
            photo[y : y + PORTRAIT_PX, x : x + PORTRAIT_PX] = portrait
        Image.fromarray(photo).save(folder / f"{number:03d}.jpg", quality=90)


def _untrained(case: RestoreCase, folder: Path) -> Path:
    card = {
        "network": case.model,
        "model": case.model,
        "task": case.task,
        "params": {"model": case.network.model_dump(mode="json")},
        "data": {"size_px": case.size_px},
    }
    write_card(folder, card)
    torch.manual_seed(0)
    save_weights(
        folder / "seed_0.safetensors", build_network(case.model, case.task, case.network.model_dump()).state_dict()
    )
    return folder


if __name__ == "__main__":
    main()
