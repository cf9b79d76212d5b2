"""What every evaluation needs of the HR images: where their landmarks are, what feature networks see. Computed once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.evaluate.instruments import Instruments
from pipeline.images.pairs import Pairs, open_test_set, set_size
from pipeline.metrics.frechet import floor
from pipeline.store import manifest, paths
from pipeline.store.files import write_json

FLOOR_SEED = 0  # of the halves whose distance is the floor
LANDMARKS = "landmarks.parquet"


def make_reference(instruments: Instruments, keys: list[str]) -> None:
    """Look at the HR images of the test sets `keys`; writes data/reference/<task>/<set>/ and the metrics file `reference`.

    Per set the landmarks found; of the set that FID compares with (Sec. 4.4) also the features, and the floor: the distance
    between two random halves of it, below which no difference means anything.
    """
    metrics = {}
    for key in keys:
        reference_folder(key).parent.mkdir(parents=True, exist_ok=True)
        if set_size(key) and (pairs := open_test_set(key)).has_hr:
            metrics[key] = {"images": len(pairs), **_landmarks(key, pairs, instruments)}
            if key == paths.REFERENCE_SET:
                metrics[key] |= _features(key, pairs, instruments)
    write_json(paths.METRICS / "reference" / "evaluate.json", metrics)


def reference_folder(key: str) -> Path:
    """Where a test set's reference lies, below its task's folder, e.g. data/reference/x8/helen."""
    return paths.REFERENCE / paths.SETS[key][0] / key


def read_landmarks(key: str) -> dict[str, np.ndarray | None]:
    """Landmarks (5, 2) of each HR image of a set by its name, None where no face was found; {} where nobody looked."""
    path = reference_folder(key) / LANDMARKS
    if not path.is_file():
        return {}
    frame = pd.read_parquet(path)
    points = (None if row is None else np.array(row, dtype=np.float64).reshape(5, 2) for row in frame["points"])
    return dict(zip(frame["key"], points, strict=True))


def read_features(key: str, network: str) -> np.ndarray | None:
    """What a feature network sees in each HR image of a set, (N, D); None where it was not asked."""
    path = reference_folder(key) / f"{network}.npy"
    return np.load(path) if path.is_file() else None


def _landmarks(key: str, pairs: Pairs, instruments: Instruments) -> dict[str, float]:
    if instruments.find_landmarks is None:
        return {}
    found = [instruments.find_landmarks(image) for image in _hr_images(key, pairs)]
    points = [None if place is None else place.ravel().tolist() for place in found]
    manifest.write_table(reference_folder(key) / LANDMARKS, pd.DataFrame({"key": pairs.keys, "points": points}))
    return {"faces_found": float(np.mean([place is not None for place in found]))}


def _features(key: str, pairs: Pairs, instruments: Instruments) -> dict[str, float]:
    floors = {}
    for network, extract in instruments.features.items():
        features = extract(_hr_images(key, pairs))
        folder = reference_folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{network}.npy", features)
        for metric, of_network in instruments.set_metrics.items():
            if of_network == network and not metric.startswith("kid") and len(features) >= 4:
                floors[f"{metric}_floor"] = floor(features, FLOOR_SEED)
    return floors


def _hr_images(key: str, pairs: Pairs) -> Iterator[np.ndarray]:
    for index in tqdm(range(len(pairs)), f"HR of {key}", unit="img", mininterval=1):
        yield pairs.hr(index)
