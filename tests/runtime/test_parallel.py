"""The same function in-process and over Ray: same rows, same order, whatever happens to workers and clusters."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from ray_tasks import FACES, ROWS, KilledOnce, Told, double
from small_sets import make_resized
from tests_root import ROOT

from pipeline.degrade.write import DegradeFaces
from pipeline.ingest.read import ReadPhotos
from pipeline.params.degrade import RealDegradation
from pipeline.params.stages import RuntimeParams
from pipeline.runtime.parallel import run_units, shard_units


@pytest.fixture(autouse=True)
def _workers_find_the_tasks(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'tests'}")


def over_ray(workers=2):
    return RuntimeParams(ray_above_images=0, workers=workers)


IN_PROCESS = RuntimeParams(ray_above_images=1000, workers=0)


def test_units_hold_every_row_once():
    units = shard_units(ROWS, 10)
    assert [len(unit["rows"]) for unit in units] == [10, 10, 5]
    assert [unit["shard"] for unit in units] == ["00000.tar", "00001.tar", "00002.tar"]
    assert [row for unit in units for row in unit["rows"]] == ROWS


# A Ray of one's own takes many seconds of CPU to start: one serves both, left running by the first and ended by the second.
OVER_RAY = """
import json
import sys
from pathlib import Path
import ray
from ray_tasks import FACES, ROWS, Told, no_room
from pipeline.ingest.read import ReadPhotos
from pipeline.params.stages import RuntimeParams
from pipeline.runtime.parallel import run_units
folder, runtime = Path(sys.argv[1]), RuntimeParams(ray_above_images=0, workers=2)
end, ray.shutdown = ray.shutdown, lambda: None
rows = run_units(Told(ReadPhotos(folder, folder / "ray")), FACES, runtime, "over Ray", 3)
(folder / "rows").write_text(repr(rows))
(folder / "started").write_text(json.dumps(ray.is_initialized()))
ray.init, ray.shutdown = lambda *_, **__: None, end
try:
    run_units(no_room, ROWS, runtime, "over Ray", 10)
except BaseException as error:
    (folder / "error").write_text(f"{type(error).__name__}: {error}")
(folder / "left").write_text(json.dumps(ray.is_initialized()))
"""


@pytest.fixture(scope="module")
def over_one_ray(tmp_path_factory):
    """The folder and the process in which Ray made photos and stopped at an exception."""
    folder = tmp_path_factory.mktemp("ray")
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-c", OVER_RAY, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | paths)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.mark.middle
def test_ray_gives_what_one_process_gives(tmp_path, over_one_ray):
    """The same shards, and rows in the same order whose values keep their types."""
    folder, _ = over_one_ray
    alone = run_units(Told(ReadPhotos(tmp_path, tmp_path / "alone")), FACES, IN_PROCESS, "alone", 3)
    assert (folder / "rows").read_text() == repr(alone)
    assert [row["key"] for row in alone] == [face["key"] for face in FACES]
    shards = sorted(file.name for file in (tmp_path / "alone").iterdir())
    assert shards == ["00000.tar", "00001.tar", "00002.tar", "00003.tar"]
    assert sorted(file.name for file in (folder / "ray").iterdir()) == shards
    for shard in shards:
        assert (folder / "ray" / shard).read_bytes() == (tmp_path / "alone" / shard).read_bytes()


@pytest.mark.middle
def test_ray_says_nothing_beside_the_one_progress_bar(over_one_ray):
    _, done = over_one_ray
    assert done.stdout == ""
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip()]
    assert lines
    assert all(line.startswith("over Ray:") for line in lines), lines


@pytest.mark.middle
def test_an_exception_comes_as_it_is_and_ray_is_left(over_one_ray):
    folder, _ = over_one_ray
    assert (folder / "error").read_text().startswith("DiskFull: [Errno 28] no room to write 00001.tar")
    assert [(folder / name).read_text() for name in ("started", "left")] == ["true", "false"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_killed_worker_changes_nothing(tmp_path, workers):
    from pipeline.store.manifest import write_manifest

    faces = [{"key": f"{n:02d}", "kind": "synthetic", "seed": 5, "index": n, "size_px": 64} for n in range(12)]
    folders = {}
    for name, runtime in (("alone", IN_PROCESS), ("killed", over_ray(workers))):
        folders[name] = tmp_path / name
        task = ReadPhotos(tmp_path, folders[name])
        if name == "killed":
            folders[name].mkdir()
            task = KilledOnce(task, tmp_path / "mark")
        rows = run_units(task, faces, runtime, name, shard_images=3)
        write_manifest(folders[name], rows, [face["key"] for face in faces])
    assert (tmp_path / "mark").exists()
    contents = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders.values()]
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_degraded_images_are_the_same_for_any_number_of_workers(tmp_path):
    """0 (in-process), 1, 2 and 4 workers."""
    resized = tmp_path / "resized"
    rows = make_resized(resized, images=9)
    params = RealDegradation(kind="eq28", seed=3, variants=2)
    made = {}
    for workers in (0, 1, 2, 4):
        out = tmp_path / str(workers)
        runtime = over_ray(workers) if workers else IN_PROCESS
        records = run_units(DegradeFaces(resized, out, params), rows, runtime, "degrade", shard_images=2)
        made[workers] = records, {file.name: file.read_bytes() for file in out.iterdir()}
    assert len(made[0][0]) == 18
    assert made[0] == made[1] == made[2] == made[4]


def silent_port():
    """A port where something listens that says nothing."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


@pytest.mark.middle
@pytest.mark.parametrize("kind", ["closed", "silent", "no number"])
def test_a_dead_cluster_is_an_error_within_seconds(monkeypatch, kind):
    with silent_port() as listening:
        port = listening.getsockname()[1]
        address = {"silent": f"127.0.0.1:{port}", "closed": "127.0.0.1:9", "no number": "127.0.0.1:x"}
        monkeypatch.setenv("RAY_ADDRESS", address[kind])
        connect, waits = socket.create_connection, []

        def connect_sooner(place, timeout):
            waits.append(timeout)
            return connect(place, timeout / 10)

        monkeypatch.setattr(socket, "create_connection", connect_sooner)
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=f"RAY_ADDRESS={address[kind]} does not answer"):
            run_units(double, ROWS, over_ray(), "ray")
        assert max(waits, default=0) <= 5
        assert time.monotonic() - start < 10


def test_no_cluster_to_find_is_said_alike(monkeypatch):
    import ray

    def none_found(**_):
        raise ConnectionError("Could not find any running Ray instance")

    monkeypatch.setattr(ray, "init", none_found)  # the real search looks at every process of the machine
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(ConnectionError, match=r"RAY_ADDRESS=auto does not answer .*unset RAY_ADDRESS"):
        run_units(double, ROWS, over_ray(), "ray")


CLUSTER = """
import ray, time
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
print("address", cluster.address, flush=True)
try:
    input()
finally:
    cluster.shutdown()
"""

JOIN = """
import json
from ray_tasks import ROWS, double
from pipeline.runtime.parallel import run_units
from pipeline.params.stages import RuntimeParams
print(json.dumps(run_units(double, ROWS, RuntimeParams(ray_above_images=0, workers=7), "ray", 10)))
import ray
assert not ray.is_initialized()
"""


@pytest.mark.slow
def test_a_running_cluster_is_joined_and_left_running(tmp_path):
    """Two nodes of a cluster that somebody else started."""
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    cluster = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        address = next(line for line in cluster.stdout if line.startswith("address")).split()[1]
        joining = environment | {"RAY_ADDRESS": address}
        for _ in range(2):  # the second finds it as it was
            done = subprocess.run(
                [sys.executable, "-c", JOIN], env=joining, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout.splitlines()[-1]) == run_units(double, ROWS, IN_PROCESS, "alone", 10)
    finally:
        cluster.communicate("\n", timeout=60)


def test_nothing_to_do():
    assert run_units(double, [], over_ray(), "none") == []
