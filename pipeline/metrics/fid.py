"""Inception's features of pictures, between which the Fréchet distance is FID, Eq. (32), Sec. 4.4."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

MIN_COMPARABLE = 2048  # the feature's length: with fewer pictures a side the covariance is singular, the FID biased up
FEATURE = "2048"


def inception_features(images: Iterable[np.ndarray], weights: Path, device: str = "cpu", batch: int = 32) -> np.ndarray:
    """Pooled Inception features of pictures, (N, 2048) float64, in the order given.

    `images` are (H, W, 3) uint8 RGB, read one batch at a time (a generator will do), all of one size within a batch;
    `weights` is torch-fidelity's file, as `pipeline.pretrained.bring` brings it. ValueError on other pictures.
    The resizing to 299 px is the extractor's own, bilinear as in the TensorFlow original.
    FID is `frechet.frechet_features` of two such sets. With fewer than MIN_COMPARABLE pictures on a side it must not be
    held against published ones.
    """
    # Imported here, so that MIN_COMPARABLE can be read without torch; torch-fidelity also imports torchvision.
    import torch
    from torch_fidelity import FeatureExtractorInceptionV3

    from pipeline.metrics.batches import picture_batches
    from pipeline.metrics.float32 import in_float32

    with torch.random.fork_rng(devices=[]):  # its layers draw random numbers before the file's replace them
        model = FeatureExtractorInceptionV3(
            "inception-v3-compat", [FEATURE], feature_extractor_weights_path=str(weights)
        ).to(device)
    features = [np.empty((0, int(FEATURE)))]
    with torch.inference_mode(), in_float32():
        for tensor in picture_batches(images, batch):
            features.append(model(tensor.to(device))[0].cpu().numpy().astype(np.float64))
    return np.concatenate(features)
