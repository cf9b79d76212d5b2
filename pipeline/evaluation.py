"""Networks on the test sets: restored images, metrics per image, means, and what could not be computed and why."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from pipeline import images, layout, manifest
from pipeline.device import pick_device, use_threads
from pipeline.metrics.psnr import psnr_y
from pipeline.metrics.ssim import ssim_y
from pipeline.pairs import Pairs
from pipeline.params import EvaluateParams
from pipeline.pretrained import PretrainedMissing, weights_path
from pipeline.restored import open_test_set, restored_folder, restored_images, set_size
from pipeline.shards import ShardWriter

WEIGHTS = layout.PRETRAINED / "metrics"
SHARD_IMAGES = 256
FID_SEED = 0  # of the halves whose distance is FID's floor

# Network input as uint8 (N, H, W, 3) -> restored images, the same.
Restore = Callable[[np.ndarray], np.ndarray]


def evaluate(
    name: str, keys: list[str], runs: Iterable[tuple[int, Restore]], cost: dict, params: EvaluateParams
) -> None:
    """Restore and measure the test sets `keys`; writes data/evaluate/<name>/ and the metrics file of `name`.

    runs: (seed, restoring function) of each training run. cost: figures of the network itself, added as they are.
    Metrics are means over images, then over seeds.
    """
    use_threads(params.threads)
    scorer = Scorer(params, pick_device(params.device))
    held = [key for key in keys if set_size(key)]
    scorer.absent |= {key: f"the set {key} holds no image, see its manifests" for key in keys if key not in held}
    results = [_evaluate_set(name, seed, key, restore, scorer, params) for seed, restore in runs for key in held]
    frame = pd.DataFrame([{"key": key, **metrics} for key, metrics in results], columns=None if results else ["key"])
    means = frame.groupby("key", sort=False).mean()
    metrics = {key: {m: v for m, v in row.items() if not np.isnan(v)} for key, row in means.to_dict("index").items()}
    manifest.write_json(layout.METRICS / name / "evaluate.json", metrics | cost)
    manifest.write_json(layout.EVALUATED / name / "absent.json", scorer.absent)


class Scorer:
    """The metrics that can be computed here; `absent` says of the others why not."""

    def __init__(self, params: EvaluateParams, device: torch.device):
        self.absent: dict[str, str] = {}
        self._device = device
        self._lpips = {}
        for trunk in params.lpips:
            weights = self._weights(f"lpips_{trunk}", {"alex": "alexnet", "vgg": "vgg16"}[trunk])
            if weights:
                from pipeline.metrics.lpips import LPIPSMetric

                self._lpips[f"lpips_{trunk}"] = LPIPSMetric(trunk, weights, str(device))
        self._inception = self._weights("fid_inception", "inception") if params.fid else None

    def _weights(self, metric: str, name: str) -> Path | None:
        try:
            return weights_path(WEIGHTS, name)
        except PretrainedMissing as error:
            self.absent[metric] = str(error)
            return None

    def pairwise(self, sr: np.ndarray, hr: np.ndarray) -> list[dict]:
        """One row of metrics per pair of two uint8 (N, H, W, 3) batches."""
        rows = [{"psnr_y": psnr_y(a, b), "ssim_y": ssim_y(a, b)} for a, b in zip(sr, hr, strict=True)]
        for metric, distance in self._lpips.items():
            for row, value in zip(rows, distance(sr, hr), strict=True):
                row[metric] = value
        return rows

    def fid(self, restored: Iterator[np.ndarray], floor: bool) -> dict:
        """FID of faces without ground truth against the HR images of the reference set (Sec. 4.4), and that set's N.

        floor: also the FID between random halves of the reference, below which no difference means anything. Returns {}
        where FID cannot be computed.
        """
        if self._inception is None:
            return {}
        from pipeline.metrics.fid import fid_features, fid_report, inception_features

        if not set_size(layout.REFERENCE_SET):
            self.absent["fid_inception"] = f"the reference set {layout.REFERENCE_SET} holds no image"
            return {}
        sets = (restored, _hr_images(open_test_set(layout.REFERENCE_SET)))
        features, reference = (inception_features(images, self._inception, str(self._device)) for images in sets)
        try:
            found = {"fid_inception": fid_features(features, reference), "reference_images": len(reference)}
            if floor:
                found["fid_inception_floor"] = fid_report(features, features, reference, FID_SEED)["fid_floor"]
        except ValueError as error:
            self.absent["fid_inception"] = str(error)
            return {}
        return found


def _hr_images(pairs: Pairs) -> Iterator[np.ndarray]:
    return (pairs.hr(index) for index in range(len(pairs)))


def _evaluate_set(
    name: str, seed: int, key: str, restore: Restore, scorer: Scorer, params: EvaluateParams
) -> tuple[str, dict]:
    pairs = open_test_set(key)
    folder = restored_folder(name, seed, key)
    rows = []
    with tqdm(total=len(pairs), desc=f"{name} on {key}", unit="img", mininterval=1.0) as bar:
        for first in range(0, len(pairs), SHARD_IMAGES):
            with ShardWriter(folder / f"{first // SHARD_IMAGES:05d}.tar") as shard:
                for start in range(first, min(first + SHARD_IMAGES, len(pairs)), params.batch_size):
                    indices = range(start, min(start + params.batch_size, first + SHARD_IMAGES, len(pairs)))
                    rows += _evaluate_batch(pairs, indices, restore, scorer, shard)
                    bar.update(len(indices))
    frame = manifest.write_manifest(folder, rows, pairs.keys)
    metrics = [column for column in frame if column.startswith(("psnr", "ssim", "lpips"))]
    means = {metric: float(frame[metric].mean()) for metric in metrics}
    if not pairs.has_hr:
        means |= scorer.fid(restored_images(folder), floor=name == layout.BICUBIC)
    return key, {"images": len(pairs), **means}


def _evaluate_batch(pairs: Pairs, indices: range, restore: Restore, scorer: Scorer, shard: ShardWriter) -> list[dict]:
    sr = restore(np.stack([pairs.lr_up(index) for index in indices]))
    scores = [{} for _ in indices]
    if pairs.has_hr:
        scores = scorer.pairwise(sr, np.stack([pairs.hr(index) for index in indices]))
    return [
        manifest.kept(pairs.row(index)["key"], **shard.add(f"{index:06d}.png", images.encode_png(image)), **score)
        for index, image, score in zip(indices, sr, scores, strict=True)
    ]
