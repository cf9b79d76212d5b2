"""Trained networks on the test sets: every image is kept, so that metrics change without running them again."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from pipeline.images.pairs import Pairs, open_test_set, set_size
from pipeline.infer.apply import Apply
from pipeline.store import images, manifest, paths
from pipeline.store.restored import restored_folder
from pipeline.store.shards import ShardWriter

SHARD_IMAGES = 256
CODING_THREADS = 2  # read the next batch and write the last one while the network works


class Stopwatch:
    """A network as a function that counts the seconds spent in it, so that the network's share of a run is known."""

    def __init__(self, apply: Apply):
        self._apply = apply
        self.seconds = 0.0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        restored = self._apply(batch)
        self.seconds += time.perf_counter() - start
        return restored


def infer_sets(
    name: str, keys: list[str], runs: Iterable[tuple[int, Apply]], batch_size: int, takes: str = "lr_up"
) -> float | None:
    """Run each trained network on the test sets `keys` and keep its images under data/infer/<name>/seed_<seed>/<set>/.

    runs: (seed, network as a function). takes: the network's input, "lr_up" or "lr". Returns the network's share of the
    time, None where no set holds an image.
    """
    (paths.INFERRED / name).mkdir(parents=True, exist_ok=True)  # DVC wants it also where no set holds an image
    held = [key for key in keys if set_size(key)]
    total = network = 0.0
    for seed, apply in runs:
        watch, start = Stopwatch(apply), time.perf_counter()
        for key in held:
            _infer_set(name, seed, key, watch, batch_size, takes)
        total += time.perf_counter() - start
        network += watch.seconds
    return network / total if total and held else None


def first_batch(keys: list[str], batch_size: int, takes: str = "lr_up") -> np.ndarray | None:
    """The first network input of the sets, uint8 (N, H, W, 3), the set's images again where it has fewer than a batch; None
    where no set holds an image."""
    for key in keys:
        if set_size(key):
            pairs = open_test_set(key)
            return _load(pairs, [index % len(pairs) for index in range(batch_size)], takes)
    return None


def _infer_set(name: str, seed: int, key: str, apply: Apply, batch_size: int, takes: str) -> None:
    pairs, folder = open_test_set(key), restored_folder(name, seed, key)
    rows = []
    with (
        ThreadPoolExecutor(CODING_THREADS) as pool,
        tqdm(total=len(pairs), desc=f"{name} on {key}", unit="img", mininterval=1.0) as bar,
    ):
        for first in range(0, len(pairs), SHARD_IMAGES):
            last = min(first + SHARD_IMAGES, len(pairs))
            parts = [range(start, min(start + batch_size, last)) for start in range(first, last, batch_size)]
            with ShardWriter(folder / f"{first // SHARD_IMAGES:05d}.tar") as shard:
                for indices, files in _restored(pairs, parts, apply, pool, takes):
                    for index, data in zip(indices, files, strict=True):
                        rows.append(manifest.kept(pairs.row(index)["key"], **shard.add(f"{index:06d}.png", data)))
                    bar.update(len(indices))
    manifest.write_manifest(folder, rows, pairs.keys)


def _restored(
    pairs: Pairs, parts: list[range], apply: Apply, pool: ThreadPoolExecutor, takes: str
) -> Iterator[tuple[range, list[bytes]]]:
    """Batch by batch, in order: image numbers, and their PNG streams. At most three batches are in memory."""
    loaded, waiting = pool.submit(_load, pairs, parts[0], takes), None
    for number, indices in enumerate(parts):
        batch = loaded.result()
        if number + 1 < len(parts):
            loaded = pool.submit(_load, pairs, parts[number + 1], takes)
        restored = apply(batch)
        if waiting:
            yield waiting[0], waiting[1].result()
        waiting = indices, pool.submit(_encode, restored)
    yield waiting[0], waiting[1].result()


def _encode(batch: np.ndarray) -> list[bytes]:
    return [images.encode_png(image) for image in batch]


def _load(pairs: Pairs, indices: Iterable[int], takes: str) -> np.ndarray:
    read = pairs.lr if takes == "lr" else pairs.lr_up
    return np.stack([read(index) for index in indices])
