"""Measures what a kept network is good for, once: `restore` decides by it.

    python -m pipeline.commands.calibrate models/pretrained/hr --aligned FFHQ --trained-on FFHQ --photos HELEN

Good photos of two data sets at least, one of them unknown to the network, are spoilt in many ways and degrees. What LPIPS
and PSNR then say of the restored faces is fitted to what can be seen of a face without knowing the truth. The fit is written
beside the card as gate.json. Half an hour on two cores for AGRNet-HR at 256 px.
"""

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from pipeline.commands.calibrate.fit import Fit, Measured, fit
from pipeline.commands.calibrate.trial import PhotoSet, measured, true_faces
from pipeline.commands.restore.gate import gate as gates
from pipeline.commands.restore.gate.fusion import CUTS
from pipeline.commands.restore.networks.by_torch import load, pick_device
from pipeline.infer.trained import Weights, WeightsError, check
from pipeline.metrics.lpips import LPIPSMetric
from pipeline.store import paths
from pipeline.store.pretrained import PretrainedMissing, weights_path

LEAST_FACES = 20  # of a data set: fewer say little of it
FACES = 1000  # spoilt ones that a data set is to give at least, as far as MOST_TIMES of each face reach
MOST_TIMES = 12
WORSE_DB = 0.5  # of PSNR, what counts as worse


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        weights, sources = check(given.weights), _sources(given)
        lpips = given.lpips or weights_path(paths.PRETRAINED / "metrics", "alexnet")
        gate, text = calibrated(weights, sources, lpips, given.device, given.precision)
    except (CalibrationError, WeightsError, PretrainedMissing) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 2
    gate.write(weights.file.parent)
    print(text)
    print(f"written: {weights.file.parent / gates.FILE}")
    return 0


class CalibrationError(ValueError):
    """There is too little to measure with; the message says of what."""


def calibrated(
    weights: Weights, sources: list[PhotoSet], lpips: Path, device: str = "auto", precision: str = "fp32"
) -> tuple[gates.Gate, str]:
    """The gate of a network, and how well it did on photos that it had not seen, in words.

    lpips: AlexNet's weights, safetensors. Raises CalibrationError for fewer than two data sets of 20 faces, and where the
    network was trained on all of them.
    """
    cv2.setNumThreads(1)  # the order of sums stays fixed
    truths, about = [], {}
    for source in sources:
        found, left_out = true_faces(source, weights)
        if len(found) < LEAST_FACES:
            reasons = ", ".join(f"{count} times {why}" for why, count in left_out.items()) or "it is empty"
            raise CalibrationError(f"{source.folder}: {len(found)} faces and {LEAST_FACES} are needed ({reasons})")
        times = min(-(-FACES // len(found)), MOST_TIMES)
        truths += [(truth, times) for truth in found]
        about[source.name] = {"faces": len(found), "spoilt": times * len(found), "trained_on": source.known}
        about[source.name] |= {"left_out": dict(left_out)}
    apply = load(weights, pick_device(device, precision), precision)
    faces = measured(truths, weights, apply, LPIPSMetric("alex", lpips))
    found = fit(faces)
    digest = hashlib.sha256(weights.file.read_bytes()).hexdigest()
    judged = how_good(faces, found)
    said = {"sets": about, "held_out": judged, "metric": "LPIPS (AlexNet), PSNR of RGB", "precision": precision}
    gate = gates.Gate(
        CUTS, found.mean, found.scale, found.gain, found.psnr, found.error, found.bounds, weights.size_px, digest, said
    )
    return gate, _table(judged)


def how_good(faces: Measured, found: Fit) -> dict[str, dict]:
    """Per data set, of predictions made without the photo (without the set, where the network does not know it): how many
    faces pass, how many of these are worse than before, and what they gain."""
    gain, change, error = found.predicted
    passed = gates.allowed(gain, change, error)
    best = np.where(passed, gates.worth_of(gain, change), -np.inf).argmax(1)
    at = np.arange(len(best)), best
    judged = {}
    for group in np.unique(faces.group):
        here = faces.group == group
        through = here & passed.any(1)
        spread = np.square(faces.gain[here] - faces.gain[here].mean(0)).sum()
        judged[str(group)] = {
            "r2_gain": round(1 - float(np.square(faces.gain[here] - gain[here]).sum() / max(spread, 1e-9)), 3),
            "passed": round(float(through.sum() / here.sum()), 3),
        }
        if through.any():
            judged[str(group)] |= {
                "worse_lpips": round(float((faces.gain[at] < -gates.NOTICED)[through].mean()), 3),
                "worse_psnr": round(float((faces.change[at] < -WORSE_DB)[through].mean()), 3),
                "lpips_gain": round(float(faces.gain[at][through].mean()), 4),
                "psnr_change_db": round(float(faces.change[at][through].mean()), 3),
            }
    return judged


def _sources(given: argparse.Namespace) -> list[PhotoSet]:
    known = {folder.resolve() for folder in given.trained_on}
    folders = [(folder, False) for folder in given.photos] + [(folder, True) for folder in given.aligned]
    for folder in (*(folder for folder, _ in folders), *given.trained_on):
        if not folder.is_dir():
            raise CalibrationError(f"{folder} is no folder")
    strange = known - {folder.resolve() for folder, _ in folders}
    if strange:
        raise CalibrationError(f"--trained-on {min(strange)}: name it under --photos or --aligned too")
    sources = [PhotoSet(folder, aligned, folder.resolve() in known) for folder, aligned in folders]
    repeated = [name for name, count in Counter(source.name for source in sources).items() if count > 1]
    if repeated:
        raise CalibrationError(f"two folders are called {repeated[0]}: the data sets go by that name")
    if len(sources) < 2 or all(source.known for source in sources):
        raise CalibrationError(
            "two data sets are needed (--photos, --aligned), one of them unknown to the network (not --trained-on): "
            "what is fitted on one promises too much of another"
        )
    return sources


def _table(judged: dict[str, dict]) -> str:
    lines = ["faces that the fit had not seen, by data set:"]
    for group, figures in judged.items():
        lines.append(f"  {group}: " + ", ".join(f"{name} {value:g}" for name, value in figures.items()))
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.commands.calibrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", type=Path, help="folder with a card, or a .safetensors file beside its card")
    parser.add_argument(
        "--photos", type=Path, nargs="+", action="extend", default=[], metavar="FOLDER", help="good photos with faces"
    )
    parser.add_argument(
        "--aligned",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FOLDER",
        help="faces' squares, as FFHQ publishes them",
    )
    parser.add_argument(
        "--trained-on",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FOLDER",
        help="those of them it was trained on",
    )
    parser.add_argument(
        "--lpips", type=Path, metavar="FILE", help="AlexNet's weights; default: what the stage pretrained brought"
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU where there is one"
    )
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32", help="default: fp32")
    return parser
