"""Trains what was packed, on a bare machine, in the folder that the archive was unpacked in:

    python3 -m pipeline.commands.away.there --minutes 9 --out OUT

Everything ends before the minutes are over. OUT has each network's newest weights, in files of at most 15.5 MiB, from the
first saved state on. Needs nothing but Python itself to begin: what else is missing comes as wheels.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

PLAN = "away.json"
WHEELS = "wheels"
SITE = "site"
RESERVE_S = 25.0  # kept free at the end, for a last parcel of a training that was stopped
LOOK_S = 1.0
PARCEL = "pipeline.commands.away.parcel"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="for everything, data and parcels among it")
    parser.add_argument("--out", type=Path, required=True, help="an empty folder for what is to be brought back")
    given = parser.parse_args()
    sys.exit(work(given.out, time.monotonic() + 60 * given.minutes - RESERVE_S))


def work(out: Path, deadline: float) -> int:
    """Prepare, train, pack; returns 0 where every training came to its own end. deadline: of time.monotonic()."""
    plan, environment = json.loads(Path(PLAN).read_text()), with_wheels()
    out.mkdir(parents=True, exist_ok=True)
    module(environment, "pipeline.commands.away.halves")
    for stage in ("resize", "degrade"):
        running = [start(environment, f"stages.{stage}", key) for key in plan["sets"]]
        if any([process.wait() for process in running]):  # all of them are waited for
            return said(f"{stage} failed: nothing is trained")
        said(f"{stage} is done, {deadline - time.monotonic():.0f} s are left")
    failed = [name for name in plan["networks"] if not train(environment, name, out, deadline)]
    if failed:
        return said(f"not trained to the end: {', '.join(failed)}")
    return 0


def train(environment: dict, name: str, out: Path, deadline: float) -> bool:
    """One training, stopped at the deadline, with a parcel of every state that it saves; whether it came to its end."""
    if time.monotonic() >= deadline:
        said(f"{name}: no time is left for it")
        return False
    process, seen, parcel = start(environment, "stages.train", name), saved(name), None
    try:
        while process.poll() is None:
            time.sleep(LOOK_S)
            if time.monotonic() >= deadline:
                said(f"{name}: stopped, its time is over")
                break
            if saved(name) != seen and (parcel is None or parcel.poll() is not None):
                seen = saved(name)
                parcel = start(environment, PARCEL, name, str(out), "unfinished")  # beside the training, which goes on
    finally:
        stop(process)
    if parcel:
        parcel.wait()
    ended = process.returncode == 0
    if ended or saved(name):
        module(environment, PARCEL, name, str(out), "finished" if ended else "unfinished")
    return ended


def saved(name: str) -> int:
    """What tells one saved state of a network from the next."""
    return max((file.stat().st_mtime_ns for file in Path(".scratch/training").glob(f"{name}_seed_*.pt")), default=0)


def with_wheels() -> dict[str, str]:
    """The environment in which what came as wheels is found; a wheel is an archive of what is to lie on the path."""
    for wheel in sorted(Path(WHEELS).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(SITE)
    search = [str(Path(SITE).resolve()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(search), "PYTHONUNBUFFERED": "1"}


def start(environment: dict, *module_and_arguments: str) -> subprocess.Popen:
    """A module of this folder as a process of its own, in a group with those that it starts."""
    return subprocess.Popen([sys.executable, "-m", *module_and_arguments], env=environment, process_group=0)


def stop(process: subprocess.Popen) -> None:
    """End a process that still runs, and those that it started: a training has one per GPU."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def module(environment: dict, *module_and_arguments: str) -> None:
    """Run a module to its end. What fails here says so and costs no training."""
    if code := start(environment, *module_and_arguments).wait():
        said(f"{' '.join(module_and_arguments)} ended with {code}")


def said(text: str) -> int:
    """Say something at once; returns 1, a failure's code."""
    print(f"away: {text}", flush=True)
    return 1


if __name__ == "__main__":
    main()
