"""Does `restore` ever make a face worse: `make bench-harm PHOTOS=FOLDER`.

Good faces that the network was not trained on, squares as CelebA-HQ publishes them, are brought to its size, spoilt at known
levels and given to `restore --aligned` as a user would. What comes back is compared with what was given, both against the
truth. Prints a table, a level a line, and writes reports/benchmarks/harm.json. A face takes half a second on a CPU core, at
each of the levels.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from pipeline.commands.benchmarks.train import machine
from pipeline.commands.calibrate.spoil import Spoiling, by_eq28, spoilt
from pipeline.commands.calibrate.trial import PhotoSet, psnr, true_faces
from pipeline.commands.restore.face import RESTORED
from pipeline.commands.restore.inputs import plan
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.commands.restore.networks.weights import find
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.run import restore_photos
from pipeline.images.pixels import resize
from pipeline.metrics.lpips import LPIPSMetric
from pipeline.store import images, paths
from pipeline.store.files import write_json
from pipeline.store.pretrained import weights_path

REPORT = paths.REPORTS / "benchmarks/harm.json"
WORSE_LPIPS, WORSE_DB = 0.01, 0.5  # what counts as worse

# A quarter of these is mild: what a good camera and a messenger do to a photo.
LEVELS: dict[str, Spoiling | None] = {
    "clean": Spoiling(),
    "blur 0.5": Spoiling(blur_px=0.5),
    "JPEG 75": Spoiling(quality=75),
    "JPEG 30": Spoiling(quality=30),
    "blur 1, JPEG 75": Spoiling(blur_px=1, quality=75),
    "to 192": Spoiling(side_px=192),
    "to 192, JPEG 85": Spoiling(side_px=192, quality=85),
    "to 128, JPEG 75": Spoiling(side_px=128, quality=75),
    "noise 5": Spoiling(noise=5),
    "to 96, noise 4, JPEG 60": Spoiling(side_px=96, noise=4, quality=60),
    "to 64, noise 5, JPEG 50": Spoiling(side_px=64, noise=5, quality=50),
    "to 48, noise 8, JPEG 40": Spoiling(side_px=48, noise=8, quality=40),
    "to 32": Spoiling(side_px=32),
    "blur 2": Spoiling(blur_px=2),
    "blur 4": Spoiling(blur_px=4),
    "noise 12": Spoiling(noise=12),
    "noise 12, JPEG 95": Spoiling(noise=12, quality=95),
    "noise 12, JPEG 85": Spoiling(noise=12, quality=85),
    "noise 12, JPEG 75": Spoiling(noise=12, quality=75),
    "noise 25": Spoiling(noise=25),
    "blur 2, noise 12": Spoiling(blur_px=2, noise=12),
    "blur 2, noise 12, JPEG 95": Spoiling(blur_px=2, noise=12, quality=95),
    "blur 2, noise 12, JPEG 85": Spoiling(blur_px=2, noise=12, quality=85),
    "blur 2, noise 12, JPEG 75": Spoiling(blur_px=2, noise=12, quality=75),
    "Eq. (28)": None,
}


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    network = next(iter(find([given.weights])[0].values()))
    truths = [truth.face for truth in true_faces(PhotoSet(given.photos, aligned=True, known=False), network)[0]]
    if not truths:
        print(f"bench-harm: no square of {network.size_px} px or more in {given.photos}", file=sys.stderr)
        return 2
    truth = np.stack(truths)
    metric = LPIPSMetric("alex", given.lpips or weights_path(paths.PRETRAINED / "metrics", "alexnet"))
    figures: dict = {}
    print("\t".join(("level", *HEADS)))
    for level in LEVELS:
        with tempfile.TemporaryDirectory() as scratch:
            figures[level], before = measure_level(level, truth, network, metric, Path(scratch))
        print("\t".join((level, *map(str, figures[level].values()))), flush=True)
    share = kept_gain(before, truth, network, metric, figures[level]["lpips_after"])
    print(f"of the network's own LPIPS gain on {level}: {share:.0%} kept")
    about = {
        "machine": machine(torch.device(network.device)),
        "runtime": network.runtime,
        "photos": given.photos.name,
        "faces": len(truth),
    }
    about |= {"network": network.name, "steps": network.card.get("steps"), "kept_of_eq28_gain": round(share, 3)}
    write_json(REPORT, about | {"worse": {"lpips": WORSE_LPIPS, "psnr_db": WORSE_DB}, "levels": figures})
    print(f"written: {REPORT}")
    return 0


# A line of the table. Of all faces: how many are changed. Of those: how many are worse. Of all: the spoilt face, and what
# `restore` gives back.
HEADS = ("changed_%", "worse_lpips_%", "worse_psnr_%", "lpips_before", "lpips_after", "psnr_before", "psnr_after")


def measure_level(
    level: str, truth: np.ndarray, network: RunnableNetwork, metric: LPIPSMetric, folder: Path
) -> tuple[dict[str, float], np.ndarray]:
    """What `restore` does to the faces (N, S, S, 3), spoilt so, and the spoilt faces. PSNR of all channels, equal images
    counted as 60 dB."""
    before = np.stack([_poor(face, level, number, network.size_px) for number, face in enumerate(truth)])
    given = folder / "given"
    given.mkdir()
    for number, face in enumerate(before):
        (given / f"{number:04d}.png").write_bytes(images.encode_png(face))
    options = Options(out=folder / "out", aligned=True)
    summary = restore_photos(plan([given], options.out, None), {network.task: network}, options)
    after = np.stack([images.decode((options.out / f"{number:04d}.png").read_bytes()) for number in range(len(truth))])
    changed = np.array([result["status"] == RESTORED for result in summary["results"]])
    lpips = [np.array(metric(faces, truth)) for faces in (before, after)]
    psnrs = [np.array([psnr(a, b) for a, b in zip(faces, truth, strict=True)]) for faces in (before, after)]
    worse = [(lpips[1] - lpips[0] > WORSE_LPIPS)[changed], (psnrs[0] - psnrs[1] > WORSE_DB)[changed]]
    numbers = [round(100 * float(share.mean()), 1) if len(share) else 0.0 for share in (changed, *worse)]
    numbers += [round(float(v.mean()), 3) for v in lpips] + [round(float(v.mean()), 2) for v in psnrs]
    return dict(zip(HEADS, numbers, strict=True)), before


def kept_gain(
    before: np.ndarray, truth: np.ndarray, network: RunnableNetwork, metric: LPIPSMetric, after: float
) -> float:
    """Of what the network alone gains in LPIPS, the share that is left where `restore` reaches `after` on average."""
    apply = network.load()
    alone = np.concatenate([apply(before[first : first + 8]) for first in range(0, len(before), 8)])
    poor = float(np.mean(metric(before, truth)))
    return (poor - after) / (poor - float(np.mean(metric(alone, truth))))


def _poor(face: np.ndarray, level: str, number: int, size_px: int) -> np.ndarray:
    how, random = LEVELS[level], np.random.default_rng([number, *level.encode()])
    poor = by_eq28(face, f"{number}", 0) if how is None else spoilt(face, how, random)
    return resize(poor, size_px, "bicubic")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-harm", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "photos", type=Path, nargs="?", default=Path("data/raw/celebahq"), help="folder of faces' squares"
    )
    parser.add_argument("--weights", type=Path, default=paths.MODELS / "pretrained/hr", help="default: %(default)s")
    parser.add_argument("--lpips", type=Path, help="AlexNet's weights; default: what the stage pretrained brought")
    return parser


if __name__ == "__main__":
    sys.exit(main())
