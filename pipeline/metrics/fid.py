"""Fréchet Inception distance between two sets of pictures, Eq. (32), Sec. 4.4."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

MIN_COMPARABLE = 2048  # the feature's length: with fewer pictures a side the covariance is singular, the FID biased up
FEATURE = "2048"


def frechet_distance(mu1: np.ndarray, sigma1: np.ndarray, mu2: np.ndarray, sigma2: np.ndarray) -> float:
    """Squared Fréchet distance of two normal distributions given by means (D,) and covariances (D, D).

    ValueError on shapes that do not belong together or on values that are not finite.
    Eq. (32), Sec. 4.4, whose text misnames the square root: it is the matrix one, of which the trace is taken.
    """
    mu1, sigma1, mu2, sigma2 = (np.asarray(part, dtype=np.float64) for part in (mu1, sigma1, mu2, sigma2))
    if mu1.ndim != 1 or mu1.shape != mu2.shape or not sigma1.shape == sigma2.shape == mu1.shape * 2:
        shapes = [part.shape for part in (mu1, sigma1, mu2, sigma2)]
        raise ValueError(f"means and covariances of shapes {shapes}; (D,), (D, D), (D,), (D, D) are needed")
    if not all(np.isfinite(part).all() for part in (mu1, sigma1, mu2, sigma2)):
        raise ValueError("means or covariances hold a value that is not finite")
    # Tr sqrt(S1 S2) = Tr sqrt(R S2 R) with R = sqrt(S1): R S2 R is symmetric, so its eigenvalues are real and at
    # least 0 but for rounding, also where few pictures leave S1 and S2 singular.
    values, vectors = np.linalg.eigh(sigma1)
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    trace_root = np.sqrt(np.linalg.eigvalsh(root @ sigma2 @ root).clip(min=0.0)).sum()
    distance = np.square(mu1 - mu2).sum() + np.trace(sigma1) + np.trace(sigma2) - 2.0 * trace_root
    return float(max(distance, 0.0))  # rounding may leave -1e-12 for two equal sets


def inception_features(images: Iterable[np.ndarray], weights: Path, device: str = "cpu", batch: int = 32) -> np.ndarray:
    """Pooled Inception features of pictures, (N, 2048) float64, in the order given.

    `images` are (H, W, 3) uint8 RGB, read one batch at a time (a generator will do), all of one size within a batch;
    `weights` is torch-fidelity's file, as `pipeline.pretrained` brings it. ValueError on other pictures.
    The resizing to 299 px is the extractor's own, bilinear as in the TensorFlow original.
    """
    from torch_fidelity import FeatureExtractorInceptionV3  # imports torchvision: seconds that only FID should pay

    with torch.random.fork_rng(devices=[]):  # its layers draw random numbers before the file's replace them
        model = FeatureExtractorInceptionV3(
            "inception-v3-compat", [FEATURE], feature_extractor_weights_path=str(weights)
        ).to(device)
    features = [np.empty((0, int(FEATURE)))]
    with torch.inference_mode():
        for tensor in _batches(images, batch):
            features.append(model(tensor.to(device))[0].cpu().numpy().astype(np.float64))
    return np.concatenate(features)


def fid_features(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """FID of two sets of features (Na, D) and (Nb, D); ValueError with fewer than 2 rows a side. Eq. (32), Sec. 4.4."""
    return frechet_distance(*_statistics(features_a), *_statistics(features_b))


def fid_inception(
    images_a: Iterable[np.ndarray], images_b: Iterable[np.ndarray], weights: Path, device: str = "cpu"
) -> dict[str, float | int | bool]:
    """FID between two sets of pictures: {"fid", "n_a", "n_b", "comparable"}.

    Pictures, weights and errors as `inception_features`; ValueError with fewer than 2 pictures a side. "comparable" is
    False where a side has fewer than 2,048 pictures: such a value must not be held against published ones.
    """
    a = inception_features(images_a, weights, device)
    b = inception_features(images_b, weights, device)
    return {
        "fid": fid_features(a, b),
        "n_a": len(a),
        "n_b": len(b),
        "comparable": min(len(a), len(b)) >= MIN_COMPARABLE,
    }


def fid_report(restored: np.ndarray, bicubic: np.ndarray, reference: np.ndarray, seed: int) -> dict:
    """FID of a restored set with what is needed to read it, from the `inception_features` of each set.

    Gives {"fid", "fid_bicubic", "fid_floor", "n_restored", "n_bicubic", "n_reference", "n_floor", "comparable"}:
    the restored and the bicubic set against the reference, and the floor, which is the FID between two random halves of
    the reference of n_floor pictures each (one is left out of an odd number). A half is small, so the floor is what
    this many pictures cannot tell from perfect, not zero. "comparable" as in `fid_inception`, for restored and
    reference. ValueError with fewer than 2 restored or bicubic or 4 reference pictures.
    Eq. (32), Sec. 4.4; reference: the HR pictures of the synthetic test set.
    """
    n_floor = len(reference) // 2
    if n_floor < 2:
        raise ValueError(f"{len(reference)} reference pictures; FID's floor needs 4 or more, 2 in each half")
    order = np.random.default_rng(seed).permutation(len(reference))
    return {
        "fid": fid_features(restored, reference),
        "fid_bicubic": fid_features(bicubic, reference),
        "fid_floor": fid_features(reference[order[:n_floor]], reference[order[n_floor : 2 * n_floor]]),
        "n_restored": len(restored),
        "n_bicubic": len(bicubic),
        "n_reference": len(reference),
        "n_floor": n_floor,
        "comparable": min(len(restored), len(reference)) >= MIN_COMPARABLE,
    }


def _statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(features) < 2:
        raise ValueError(f"{len(features)} picture(s) on one side; FID needs 2 or more (and 2,048 to be comparable)")
    features = np.asarray(features, dtype=np.float64)
    return features.mean(axis=0), np.cov(features, rowvar=False)


def _batches(images: Iterable[np.ndarray], batch: int) -> Iterator[torch.Tensor]:
    """(B, 3, H, W) uint8 tensors of up to `batch` pictures."""
    images = iter(images)
    while group := list(islice(images, batch)):
        for image in group:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape != group[0].shape:
                raise ValueError(
                    f"picture of shape {image.shape}, dtype {image.dtype}, in a batch whose first is "
                    f"{group[0].shape}; (H, W, 3) uint8 RGB of one size is needed"
                )
        yield torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2)  # B x H x W x 3 to B x 3 x H x W
