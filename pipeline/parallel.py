"""One function over many units of work: in-process for few images, Ray Data for many. The only module that knows Ray.

A unit is what makes one shard, so the bytes depend on the units alone and not on who works on them, or in what order.
"""

import logging
import math
import os
import pickle
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.params import RuntimeParams

Unit = dict[str, Any]

# Of one unit and one tar file: a constant and no param, since it decides the bytes of the shards. Few files for DVC at
# 200,000 images, units enough for a cluster at 2,000.
SHARD_IMAGES = 128


def shard_units(rows: list[dict], shard_images: int = SHARD_IMAGES) -> list[Unit]:
    """Cut rows into units of at most `shard_images`: {"shard": "00000.tar", "first": index of the first row, "rows"}."""
    starts = range(0, len(rows), shard_images)
    return [
        {"shard": f"{n:05d}.tar", "first": start, "rows": rows[start : start + shard_images]}
        for n, start in enumerate(starts)
    ]


def run_units(
    task: Callable[[Unit], list[dict]],
    rows: list[dict],
    runtime: RuntimeParams,
    describe: str,
    shard_images: int = SHARD_IMAGES,
) -> list[dict]:
    """Apply `task` to all rows, a unit at a time; returns the rows it made, in the order of the input.

    task: picklable; gets a unit and returns one row or more per row of it. An image that fails is the task's to record;
    an exception from it stops the run.
    """
    units = shard_units(rows, shard_images)
    if len(rows) > runtime.ray_above_images:
        results = _over_ray(task, units, runtime)
    else:
        results = map(task, units)
    done = []
    with tqdm(total=len(rows), desc=describe, unit="img", mininterval=1.0) as bar:
        for unit, result in zip(units, results, strict=True):
            done.extend(result)
            bar.update(len(unit["rows"]))
    return done


def _over_ray(task: Callable[[Unit], list[dict]], units: list[Unit], runtime: RuntimeParams) -> Iterable[list[dict]]:
    # Set before the import: Ray reads it there. Nothing but the stage `pretrained` talks to the network.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    _start(ray, runtime)
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # errors only: the one progress bar is ours
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    function = pickle.dumps(task)

    def work(item: dict) -> dict:
        return {"result": pickle.dumps(pickle.loads(function)(pickle.loads(item["unit"])))}

    items = [{"unit": pickle.dumps(unit)} for unit in units]
    try:
        # One block per unit: a unit is the piece that is scheduled, retried and reported.
        made = ray.data.from_items(items, override_num_blocks=len(items)).map(work)
        for row in made.iter_rows():
            yield pickle.loads(row["result"])
    finally:
        ray.shutdown()


def _start(ray, runtime: RuntimeParams) -> None:
    quiet = {"logging_level": "error", "log_to_driver": False}
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _check_alive(address)
        ray.init(address=address, **quiet)
        return
    cores = runtime.workers or os.cpu_count()
    # Whole shards of JPEG rows pass through the store, never decoded images of a set.
    store = min(2**31, max(2**28, math.floor(0.1 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))))
    ray.init(num_cpus=cores, include_dashboard=False, object_store_memory=store, **quiet)


def _check_alive(address: str) -> None:
    """Ray waits two minutes for a dead address; a connection says it at once."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto" or not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"RAY_ADDRESS={address} does not answer ({error}): start the cluster, correct the address, "
            "or unset RAY_ADDRESS to work on this machine alone"
        ) from None


def absolute(path: str | Path) -> Path:
    """A path that a worker in another working directory reads the same."""
    return Path(path).absolute()
