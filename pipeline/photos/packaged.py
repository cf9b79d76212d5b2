"""Photographs that come with scikit-image: real faces for a machine without a network.

The astronaut is NASA's portrait of Eileen Collins (public domain); lfw_subset holds 100 grey 25 x 25 px face crops of
Labeled Faces in the Wild and 100 patches without a face, of which the first hundred are taken. Both lie inside the package:
no download.
"""

import numpy as np

LFW_FACES = 100


def names() -> list[str]:
    """The names of the photographs, in order."""
    return ["astronaut", *(f"lfw_{i:03d}" for i in range(LFW_FACES))]


def photo(key: str) -> np.ndarray:
    """The photograph of that name as RGB uint8 (H, W, 3)."""
    from skimage import data

    if key == "astronaut":
        return data.astronaut()
    grey = np.rint(data.lfw_subset()[int(key.removeprefix("lfw_"))] * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
