"""kill -9 at any moment: the stage run again ends bit for bit where an undisturbed one ends."""

import random
import signal
import subprocess
import time

import pytest
from stage_project import ENVIRONMENT, STAGE, write_project

from pipeline.store import paths

STEPS = 60
KILLS = 6


def start(key):
    return subprocess.Popen(
        [*STAGE, key], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def saved(key):
    """A state of the run that tells one save from the next."""
    path = paths.SCRATCH / f"training/{key}_seed_0.pt"
    return path.stat().st_mtime_ns if path.exists() else 0


def saving(key):
    return list((paths.SCRATCH / "training").glob(f".{key}_seed_0.pt.*"))


def kill_when(process, due):
    """kill -9 once `due` says so; False where the process ended before."""
    while process.poll() is None:
        if due():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.0005)
    return False


def outputs(key):
    found = {}
    for folder in (paths.MODELS / key, paths.CURVES / key):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name not in ("runs.json", "images_per_s.tsv"):
                found[str(file)] = file.read_bytes()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("key", ["agrnet", "hr"])
def test_killed_again_and_again_a_run_ends_where_it_would_have_ended(tmp_path, monkeypatch, key):
    whole = tmp_path / "whole"
    whole.mkdir()
    write_project(whole, monkeypatch, steps=STEPS)
    process = start(key)
    assert process.wait(timeout=300) == 0, process.stderr.read()
    expected = outputs(key)

    cut = tmp_path / "cut"
    cut.mkdir()
    write_project(cut, monkeypatch, steps=STEPS)
    draw = random.Random(key)
    kills = during_a_save = 0
    while kills < KILLS:
        process, before = start(key), saved(key)
        if kills % 2:  # while the state is being written
            killed = kill_when(process, lambda: saving(key))
            during_a_save += bool(killed and saving(key))
        else:  # some time after the first save of this process
            until = []

            def due(before=before, until=until):
                if saved(key) != before and not until:
                    until.append(time.monotonic() + draw.uniform(0, 0.4))
                return until and time.monotonic() > until[0]

            killed = kill_when(process, due)
        assert killed, f"ended before it could be killed, after {kills} kills: {process.stderr.read()}"
        kills += 1
    assert during_a_save
    process = start(key)
    assert process.wait(timeout=300) == 0, process.stderr.read()
    assert outputs(key) == expected
    assert not saving(key)
