"""Kernel Inception distance between two sets of features (Bińkowski et al. 2018), by torch-fidelity."""

from typing import NamedTuple

import numpy as np

SUBSETS = 100  # torch-fidelity's default, and the authors'
MAX_SUBSET = 1000


class KID(NamedTuple):
    """Mean and standard deviation over the subsets' values, and what they were taken over.

    The mean is an unbiased estimate of the squared distance, so it is around 0 for two equal distributions and may be
    below. std is the spread between subsets, not an error of the mean; 0 where one subset holds both sets whole.
    """

    mean: float
    std: float
    subset_size: int
    subsets: int


def kid(features_a: np.ndarray, features_b: np.ndarray, seed: int = 0) -> KID:
    """KID of two sets of features (Na, D) and (Nb, D), such as `fid.inception_features` gives; float64 throughout.

    The squared maximum mean discrepancy under the kernel (x.y / D + 1)^3, as torch_fidelity.metric_kid computes it, over
    100 random subsets of min(1000, Na, Nb) pictures a side that `seed` decides. Where such a subset is both sets whole,
    all would be the same, and one is taken. ValueError with fewer than 2 pictures a side or sets of different D.
    Unlike FID it is not biased by the number of pictures, so that small sets can be compared.
    The paper reports no KID.
    """
    a, b = (np.ascontiguousarray(features, dtype=np.float64) for features in (features_a, features_b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"features of shapes {a.shape} and {b.shape}; KID needs (N, D) of one D and 2 pictures or more"
        )
    import torch
    from torch_fidelity.metric_kid import (  # imports torchvision: seconds that only KID should pay
        KEY_METRIC_KID_MEAN,
        KEY_METRIC_KID_STD,
        kid_features_to_metric,
    )

    size = min(MAX_SUBSET, len(a), len(b))
    subsets = 1 if size == len(a) == len(b) else SUBSETS
    found = kid_features_to_metric(
        torch.from_numpy(a),
        torch.from_numpy(b),
        kid_subsets=subsets,
        kid_subset_size=size,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,  # 1 / D
        kid_kernel_poly_coef0=1.0,
        rng_seed=seed,
        verbose=False,
    )
    return KID(found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD], size, subsets)
