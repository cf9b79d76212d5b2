"""Cores that may be used, on machines and in containers made up of files."""

import os

import pytest

from pipeline.params.stages import RuntimeParams
from pipeline.runtime import device, parallel
from pipeline.runtime.cores import usable_cores


@pytest.fixture
def eight(monkeypatch):
    """A machine of 16 cores, of which 8 may be used."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)


def made(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V1 = "11:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n"
CGROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", f"{CGROUP}/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", f"{CGROUP}/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", f"{CGROUP}/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", f"{CGROUP}/cpu.max": "10000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", f"{CGROUP}/cpu.max": "6400000 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/a.slice/b\n", f"{CGROUP}/a.slice/cpu.max": "300000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/a\n", f"{CGROUP}/a/cpu.max": "400000 100000", f"{CGROUP}/cpu.max": "max 1"}, 4),
        # The host's path, and the container's own group mounted at the root.
        (
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                f"{CGROUP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu/docker/1f/cpu.cfs_quota_us": "100000",
                f"{CGROUP}/cpu/docker/1f/cpu.cfs_period_us": "50000",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu/cpu.cfs_quota_us": "-1\n",
                f"{CGROUP}/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        ({"proc/self/cgroup": "nonsense\n\n0::/\n", f"{CGROUP}/cpu.max": "\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", f"{CGROUP}/cpu.max": "0 0"}, 8),
    ],
)
def test_affinity_and_a_containers_quota_count(tmp_path, eight, files, cores):
    assert usable_cores(made(tmp_path, files)) == cores


def test_a_system_without_affinity_has_all_its_cores(tmp_path, eight, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores(tmp_path) == 16
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(tmp_path) == 1


class Torch:
    """As many threads as torch would start."""

    def __init__(self, threads):
        self.threads = threads

    def get_num_threads(self):
        return self.threads

    def set_num_threads(self, threads):
        self.threads = threads


@pytest.mark.parametrize(("asked", "torchs", "cores", "threads"), [(0, 8, 2, 2), (0, 4, 8, 4), (3, 8, 2, 3)])
def test_torch_starts_no_more_threads_than_there_are_cores(monkeypatch, asked, torchs, cores, threads):
    fake = Torch(torchs)
    monkeypatch.setattr(device, "torch", fake)
    monkeypatch.setattr(device, "usable_cores", lambda: cores)
    device.use_threads(asked)
    assert fake.threads == threads


def test_a_system_that_does_not_tell_its_memory_gives_ray_little(monkeypatch):
    assert 2**28 <= parallel._store_bytes() <= 2**31
    monkeypatch.delattr(os, "sysconf")
    assert parallel._store_bytes() == 2**28


@pytest.mark.parametrize(("workers", "started"), [(0, 3), (5, 5)])
def test_ray_starts_a_worker_for_each_core_that_may_be_used(monkeypatch, workers, started):
    class Ray:
        def init(self, num_cpus, **options):
            self.cores = num_cpus

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(parallel, "usable_cores", lambda: 3)
    ray = Ray()
    parallel._start(ray, RuntimeParams(ray_above_images=0, workers=workers))
    assert ray.cores == started
