"""Fréchet distance between two sets of features, Eq. (32), Sec. 4.4, whatever network the features come from.

On Inception's features (pipeline/metrics/fid.py) it is FID; on others (pipeline/metrics/vgg_features.py) it is not.
"""

import numpy as np


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


def frechet_features(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Fréchet distance of two sets of features, (Na, D) and (Nb, D), by their means and sample covariances.

    The order of the rows does not matter but for rounding. ValueError with fewer than 2 rows a side, with sets of
    different D, and on values that are not finite. Eq. (32), Sec. 4.4.
    """
    return frechet_distance(*_statistics(features_a), *_statistics(features_b))


def floor(reference: np.ndarray, seed: int) -> float:
    """Fréchet distance between two random halves of the reference's features (N, D).

    It is what N / 2 pictures cannot tell from perfect: sets of few pictures are biased up, so it is well above 0. One row
    is left out of an odd number; `seed` decides the halves. ValueError with fewer than 4 rows.
    """
    half = len(reference) // 2
    if half < 2:
        raise ValueError(f"{len(reference)} reference picture(s); the floor needs 4 or more, 2 in each half")
    order = np.random.default_rng(seed).permutation(len(reference))
    return frechet_features(reference[order[:half]], reference[order[half : 2 * half]])


def _statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"features of shape {features.shape} on one side; a Fréchet distance needs (N, D) of 2 pictures or more"
        )
    return features.mean(axis=0), np.cov(features, rowvar=False).reshape(features.shape[1], -1)
