"""Fixtures for all tests."""

import atexit
import gc
import hashlib
import importlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tests_root import ROOT

from pipeline.store.landmarks import BOX_COLUMNS, LANDMARK_COLUMNS

MEMORY = Path("/dev/shm")  # Linux's file system in memory
ROOM_BYTES = 4 * 2**30


def pytest_configure() -> None:
    """The collector looks seldom: what is imported here is large and stays, and so is what the tests trace."""
    gc.set_threshold(20_000, 20, 20)
    if room_in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def room_in_memory() -> bool:
    """Whether temporary folders may lie in memory: it has room, and what tests write there may be run.

    A new folder took 7 us of CPU there and 44 on a disk (ext4), up to 385 where many others had just been deleted.
    """
    return (
        MEMORY.is_dir()
        and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
        and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    )


def pytest_collection_modifyitems(items) -> None:
    """The longest file first, then the others with middle tests: begun last, one would run alone while a process waits."""
    with_middle = {item.path for item in items if item.get_closest_marker("middle")}
    items.sort(key=lambda item: (item.path.name != "test_dag.py", item.path not in with_middle))


def pytest_collection_finish(session) -> None:
    """Modules and tests stay to the end, so the collector need not look through them again: 0.3 s each time."""
    gc.freeze()
    atexit.register(gc.unfreeze)  # or libraries find their objects alive when Python ends, and say so


@pytest.fixture
def shared() -> Path:
    """The folder of photographs, weights and reference answers beside the checkout; skips where it is missing."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder with photographs and weights is not beside this checkout")
    return folder


@pytest.fixture(autouse=True)
def _one_thread():
    """Networks this small are fastest on one thread, and many threads on a busy machine slow them tenfold."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def _libraries_stay(request):
    """Every training ends with a collection, which would look through what its first optimiser imports: 0.1 s each time."""
    if request.path.is_relative_to(ROOT / "tests/train"):
        importlib.import_module("torch._dynamo")
        gc.collect()
        gc.freeze()


def ingest_rows(root: Path, take: int | None = None) -> list[dict]:
    """Rows of data/ingest/<set>/manifest.parquet for every file below a folder."""
    from pipeline.store.manifest import kept  # pandas, which the process that hands tests out need not wait for

    rows = []
    for path in sorted(path for path in root.rglob("*") if path.is_file())[:take]:
        name, data = path.relative_to(root).as_posix(), path.read_bytes()
        try:
            with Image.open(path) as image:
                width, height = image.size
        except OSError:
            width, height = 0, 0
        place = {"kind": "folder", "number": -1, "path": name, "member": "", "shard": "", "offset": -1}
        content = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        rows.append(kept(name, **place, **content, width=width, height=height))
    return rows


def boxes(*faces: tuple) -> list[dict]:
    """Given boxes (x, y, width, height) of one photo, each with landmarks in it."""
    rows = []
    for x, y, width, height in faces:
        places = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])
        landmarks = (places * (width, height) + (x, y)).reshape(-1)
        numbers = dict(zip(BOX_COLUMNS, (x, y, width, height), strict=True))
        rows.append(numbers | dict(zip(LANDMARK_COLUMNS, landmarks, strict=True)) | {"score": 0.95})
    return rows


@pytest.fixture
def listed():
    """`ingest_rows`."""
    return ingest_rows


@pytest.fixture
def box():
    """`boxes`."""
    return boxes


@pytest.fixture
def photo():
    """Makes a photo with structure at every scale: RGB uint8 (height, width, 3)."""

    def make(width: int, height: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        image = np.zeros((height, width, 3))
        for cells in (2, 5, 13, 37):
            blocks = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            image += np.asarray(blocks.resize((width, height), Image.Resampling.BICUBIC))
        return np.uint8(image / 4)

    return make
