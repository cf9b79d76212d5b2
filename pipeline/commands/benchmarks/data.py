"""How fast the data stages are, as ratios to bare references in the same run: `make bench-data`.

Prints each figure and writes reports/benchmarks/data.json. With `--photos FOLDER` the pictures are that folder's instead of
generated faces; nothing of them is written down.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from pipeline.commands.benchmarks.bare import degrade_bare, detect_repeatedly, pool_of
from pipeline.commands.benchmarks.driver import hr_set
from pipeline.crop.find import FindFaces
from pipeline.degrade.draw import draw
from pipeline.degrade.eq28 import degrade
from pipeline.degrade.write import DegradeFaces
from pipeline.images import pixels
from pipeline.ingest.listing import list_photos
from pipeline.ingest.read import ReadPhotos
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.params.data import CropParams, FolderSource
from pipeline.params.degrade import RealDegradation
from pipeline.params.stages import RuntimeParams
from pipeline.photos import decode
from pipeline.runtime.cores import usable_cores
from pipeline.runtime.parallel import run_units, shard_units
from pipeline.store import images, manifest, paths
from pipeline.store.files import write_json

REPORT = paths.REPORTS / "benchmarks/data.json"
WORKERS = 2
HR_PX = 512
CELEBA_PX = (178, 218)
DISTINCT = 48  # pictures; more images are repetitions of them under other names, so that their draws differ
DEGRADE_IMAGES = 10000
CROP_IMAGES = 8192
DRIVER_IMAGES = (2000, 20000)
DVC_FILES = 20000
PAPER = RealDegradation(kind="eq28", seed=0)
OVER_RAY = RuntimeParams(ray_above_images=0, workers=WORKERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--photos", type=Path, help="a folder of photos of faces to measure on; default: generated faces"
    )
    photos = parser.parse_args().photos
    cv2.setNumThreads(1)
    pictures = _pictures(photos)
    figures = {"machine": _machine(), "pictures": "photographs" if photos else "generated faces"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        figures["degrade_image"] = _say("degrade_image", degrade_image(pictures))
        figures["degrade_stage"] = _say("degrade_stage", degrade_stage(pictures, folder / "degrade"))
        figures["crop_stage"] = _say("crop_stage", crop_stage(pictures, folder / "crop"))
        figures["driver_memory"] = _say("driver_memory", driver_memory(folder / "driver"))
        figures["dvc"] = _say("dvc", dvc(folder / "dvc"))
    write_json(REPORT, figures)
    print(f"written: {REPORT}")


def degrade_image(pictures: list[np.ndarray], rounds: int = 7) -> dict:
    """One image through Eq. (28), decoding and encoding included, against the bare OpenCV calls; one thread."""
    records = [draw(PAPER, str(number), HR_PX) for number in range(len(pictures))]
    work = list(zip([images.encode_png(picture) for picture in pictures], records, strict=True))
    ours = lambda: [degrade(images.decode(png), record) for png, record in work]  # noqa: E731
    bare = lambda: [degrade_bare(png, record) for png, record in work]  # noqa: E731
    ours(), bare()
    times = [(_seconds(ours), _seconds(bare)) for _ in range(rounds)]
    return {
        "ours_ms": _round(1e3 * median(ours for ours, _ in times) / len(work)),
        "bare_opencv_ms": _round(1e3 * median(bare for _, bare in times) / len(work)),
        "ratio": _round(median(ours / bare for ours, bare in times)),
        "wanted": "at most 1.3",
    }


def degrade_stage(pictures: list[np.ndarray], folder: Path, count: int = DEGRADE_IMAGES) -> dict:
    """The degrade stage over Ray, its start and end included, against a bare process pool that applies the same task."""
    rows = hr_set(folder / "hr", pictures, count)
    task = lambda name: DegradeFaces(folder / "hr", folder / name, PAPER)  # noqa: E731
    pool = _seconds(lambda: pool_of(WORKERS, task("pool"), shard_units(rows)))
    ray = _seconds(lambda: run_units(task("ray"), rows, OVER_RAY, "degrade over Ray"))
    return {
        "images": count,
        "pool_images_per_s": _round(count / pool),
        "ray_images_per_s": _round(count / ray),
        "ratio": _round(pool / ray),
        "wanted": "at least 0.8",
    }


def crop_stage(pictures: list[np.ndarray], folder: Path, count: int = CROP_IMAGES) -> dict:
    """The crop stage over Ray on photos of CelebA's size against the detector on decoded photos and nothing else, as many
    processes at once as the stage has workers.

    The detector is timed once it runs, and so is the stage: by a short run beside the long one. What both have in common,
    Ray's start and end, is told apart.
    """
    photos = [_celeba_sized(picture) for picture in pictures]
    root, ingested = folder / "photos", folder / "ingest"
    root.mkdir(parents=True)
    data = [pixels.encode_jpeg(photo, 90) for photo in photos]
    for number in range(count):
        (root / f"{number:06d}.jpg").write_bytes(data[number % len(data)])
    rows = _ingested(root, ingested)
    alone, before = detector_seconds(photos, 1), detector_seconds(photos, WORKERS)
    task = FindFaces(root, ingested, CropParams(mode="box"))
    few = count // 8
    short = _seconds(lambda: run_units(task, rows[:few], OVER_RAY, "crop over Ray, few"))
    whole = _seconds(lambda: run_units(task, rows, OVER_RAY, "crop over Ray"))
    together = (before + detector_seconds(photos, WORKERS)) / 2  # on both sides of the stage: machines drift
    running = (count - few) / (whole - short)
    return {
        "images": count,
        "detector_ms_alone": _round(1e3 * alone),
        "detector_ms_beside_another": _round(1e3 * together),
        "detector_images_per_s_times_workers": _round(WORKERS / together),
        "stage_images_per_s_running": _round(running),
        "stage_start_and_end_s": _round(whole - count / running),
        "ratio": _round(running / (WORKERS / together)),
        "ratio_with_start_and_end": _round(count / whole / (WORKERS / together)),
        "wanted": "at least 0.85",
    }


def detector_seconds(photos: list[np.ndarray], processes: int) -> float:
    """The detector's own seconds for a decoded photo, median of rounds, with so many processes detecting at once.

    Beside another process it is slower than alone, since the cores share what lies behind them: that is the machine's doing
    and no stage's.
    """
    with get_context("spawn").Pool(processes) as pool:
        return median(pool.map(detect_repeatedly, [photos] * processes))


def driver_memory(folder: Path) -> dict:
    """Peak memory of the process that leads a degrade stage over Ray, by number of images."""
    peaks = {}
    for count in DRIVER_IMAGES:
        command = [
            sys.executable,
            "-m",
            "pipeline.commands.benchmarks.driver",
            str(folder / str(count)),
            str(count),
            str(WORKERS),
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        peaks[str(count)] = _round(json.loads(done.stdout)["peak_bytes"] / 1e9)
    return {"peak_gb_by_images": peaks, "wanted": "below 1.5"}


def dvc(folder: Path, count: int = DVC_FILES) -> dict:
    """`dvc add` and `dvc status` of that many images as shards, as the stages write them, and as loose files."""
    repo = folder / "repo"
    repo.mkdir(parents=True)
    run = lambda *command: subprocess.run(  # noqa: E731
        ["dvc", *command], cwd=repo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    run("init", "--no-scm", "-q")
    face = np.zeros((16, 16, 3), np.uint8)
    rows = hr_set(repo / "shards", [face], count)
    manifest.write_manifest(repo / "shards", rows)
    data = images.encode_png(face)
    (repo / "files").mkdir()
    for number in range(count):
        (repo / f"files/{number:06d}.png").write_bytes(data + number.to_bytes(4, "big"))
    seconds = {}
    for name in ("shards", "files"):
        seconds[f"add_{name}_s"] = _round(_seconds(lambda name=name: run("add", "-q", name)))
        seconds[f"status_{name}_s"] = _round(
            median(_seconds(lambda name=name: run("status", "-q", f"{name}.dvc")) for _ in range(3))
        )
    ratios = {
        f"{what}_ratio": _round(seconds[f"{what}_files_s"] / seconds[f"{what}_shards_s"]) for what in ("add", "status")
    }
    return {"images": count, **seconds, **ratios}


def _pictures(folder: Path | None) -> list[np.ndarray]:
    """HR pictures of faces, RGB uint8 (512, 512, 3)."""
    if folder is None:
        return [render_face(draw_spec(9, number), HR_PX)[0] for number in range(DISTINCT)]
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))[:DISTINCT]
    if not files:
        sys.exit(f"{folder} holds no .jpg or .png")
    return [pixels.resize(decode.decode_photo(file.read_bytes()), HR_PX) for file in files]


def _celeba_sized(picture: np.ndarray) -> np.ndarray:
    """The picture as wide as a CelebA photo is high, cut to its width: faces of about CelebA's size."""
    width, height = CELEBA_PX
    left = (height - width) // 2
    return np.ascontiguousarray(pixels.resize(picture, height)[:, left : left + width])


def _ingested(root: Path, ingested: Path) -> list[dict]:
    photos = list_photos(root, [FolderSource(kind="folder")]).photos
    return run_units(ReadPhotos(root, ingested), photos, RuntimeParams(ray_above_images=10**9, workers=0), "ingest")


def _machine() -> dict:
    return {
        "cores": usable_cores(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "opencv": cv2.__version__,
    }


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def _say(name: str, figures: dict) -> dict:
    print(name, json.dumps(figures), flush=True)
    return figures


if __name__ == "__main__":
    main()
