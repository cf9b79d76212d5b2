"""Runs the weights that ship on the packaged photographs: the whole of the stage examples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pipeline.examples.photographs import GivenFace, given_faces
from pipeline.images import pixels
from pipeline.infer.apply import Apply, applied
from pipeline.infer.count import count_parameters
from pipeline.infer.trained import Weights, kept_weights
from pipeline.metrics.fidelity.psnr import psnr_y
from pipeline.metrics.fidelity.ssim import ssim_y
from pipeline.runtime.device import use_threads
from pipeline.store import paths
from pipeline.store.examples import Example, NetworkExamples, write_examples
from pipeline.store.files import write_json
from pipeline.store.pretrained import PretrainedMissing, weights_path

LPIPS = "lpips_alex"
# (restored, ground truth), RGB uint8 (H, W, 3) -> value, by metric.
Measures = dict[str, Callable[[np.ndarray, np.ndarray], float]]


def run_examples(shelf: Path = paths.KEPT_WEIGHTS) -> None:
    """Write data/examples and reports/metrics/examples/examples.json; nothing in them where the shelf holds no weights.

    Raises WeightsError for weights that cannot be used. In float32 on one thread of a CPU: the same bytes each time.
    """
    use_threads(1)
    kept = kept_weights(shelf)
    measures, absent = lpips_too({"psnr_y": psnr_y, "ssim_y": ssim_y}) if kept else ({}, {})
    found = [examples_of(weights, measures, absent) for weights in kept]
    write_examples(found)
    write_json(paths.METRICS / "examples" / "examples.json", {network.name: means(network) for network in found})


def examples_of(weights: Weights, measures: Measures, absent: dict[str, str]) -> NetworkExamples:
    """What a network makes of all its faces. absent: metric -> why it is not among the measures."""
    net = weights.load()
    apply = applied(net, torch.device("cpu"))
    examples = [restored(face, weights, apply, measures) for face in given_faces(weights)]
    name = weights.file.parent.name
    return NetworkExamples(name, weights.size_px, count_parameters(net) / 1e6, weights.card, absent, examples)


def restored(face: GivenFace, weights: Weights, apply: Apply, measures: Measures) -> Example:
    """A face as a network makes it, beside its bicubic enlargement; measured where there is a ground truth."""
    bicubic = pixels.resize(face.lr, weights.size_px, "bicubic")
    made = apply((face.lr if weights.takes == "lr" else bicubic)[None])[0]
    figures = {}
    if face.has_hr:
        for name, image in (("bicubic", bicubic), ("network", made)):
            figures[name] = {metric: measure(image, face.original) for metric, measure in measures.items()}
    return Example(face.name, face.done, face.lr, bicubic, made, face.original, figures)


def means(network: NetworkExamples) -> dict:
    """Means over a network's examples with ground truth: "images", and metric -> value of "bicubic" and "network"."""
    measured = [example.figures for example in network.examples if example.figures]
    said: dict = {"images": len(measured)}
    for name in measured[0] if measured else ():
        metrics = measured[0][name]
        said[name] = {metric: float(np.mean([figures[name][metric] for figures in measured])) for metric in metrics}
    return said


def lpips_too(measures: Measures) -> tuple[Measures, dict[str, str]]:
    """The measures with LPIPS on AlexNet, or why it is absent."""
    try:
        path = weights_path(paths.PRETRAINED / "metrics", "alexnet")
    except PretrainedMissing as error:
        return measures, {LPIPS: str(error)}
    from pipeline.metrics.lpips import LPIPSMetric

    lpips = LPIPSMetric("alex", path)
    return measures | {LPIPS: lambda image, hr: lpips(np.stack([image]), np.stack([hr]))[0]}, {}
