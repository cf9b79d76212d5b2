import copy
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from process_tasks import NETS
from tests_root import ROOT
from torch import nn

from pipeline.train import distributed
from pipeline.train.distributed import AllReducedBatchNorm2d, World

ALONE = World(0, 1, 0)


def test_one_process_has_no_group_and_changes_nothing(monkeypatch):
    net = nn.Sequential(nn.BatchNorm2d(2))
    terms = {"loss": torch.tensor(3.0)}
    for size in (None, "1"):
        if size:
            monkeypatch.setenv("WORLD_SIZE", size)
        with distributed.joined("cpu") as world:
            assert world == ALONE
            assert not torch.distributed.is_initialized()
            assert type(distributed.synchronised(net, world)[0]) is nn.BatchNorm2d
            distributed.broadcast(net, world)
            distributed.average_gradients(net.parameters(), world)
            assert distributed.mean_over(terms, world) == terms
            assert distributed.any_process(True, world)
            assert not distributed.any_process(False, world)


def test_an_incomplete_environment_and_too_few_gpus_are_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match="not RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT: start several"):
        distributed.start("cpu")
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(RuntimeError, match="process 1 of this machine has no GPU: it has 1"):
        distributed.start("cuda")


@pytest.fixture
def group(tmp_path):
    """A group of this process alone."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_batch_norms_alone_are_converted_and_keep_their_parameters():
    class Swapped(nn.Sequential):
        pass

    unit = nn.Sequential(nn.BatchNorm2d(2), nn.InstanceNorm2d(2, affine=True), nn.GroupNorm(1, 2))
    unit.__class__ = Swapped
    net = nn.Sequential(nn.Conv2d(2, 2, 1), unit, nn.BatchNorm2d(2, affine=False))
    before, keys = [*net.parameters(), *net.buffers()], list(net.state_dict())
    net = distributed.synchronised(distributed.synchronised(net, World(0, 2, 0)), World(0, 2, 0))
    kinds = [AllReducedBatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm]
    assert [type(m) for m in net[1]] == kinds
    assert type(net[1]) is Swapped
    assert type(net[2]) is AllReducedBatchNorm2d
    assert all(a is b for a, b in zip(before, [*net.parameters(), *net.buffers()], strict=True))
    assert list(net.state_dict()) == keys


def test_on_gpus_torchs_synchronised_norm_takes_their_place(monkeypatch):
    monkeypatch.setattr(torch.distributed, "get_backend", lambda: "nccl")  # converting needs neither group nor GPU
    net = NETS["agrnet"]()
    before, keys = [*net.parameters(), *net.buffers()], list(net.state_dict())
    net = distributed.synchronised(net, World(0, 2, 0))
    found = [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert {type(norm) for norm in found} == {nn.SyncBatchNorm}
    assert all(a is b for a, b in zip(before, [*net.parameters(), *net.buffers()], strict=True))
    assert list(net.state_dict()) == keys


@pytest.mark.usefixtures("group")
def test_norms_whose_computation_would_be_lost_are_refused():
    class Other(nn.BatchNorm2d):
        def forward(self, x):
            return x

    class Named(nn.BatchNorm2d):
        pass

    for norm in (Other(2), nn.BatchNorm1d(2)):
        with pytest.raises(TypeError, match=f"0 is a {type(norm).__name__}"):
            distributed.synchronised(nn.Sequential(norm), World(0, 2, 0))
    assert type(distributed.synchronised(Named(2), World(0, 2, 0))) is AllReducedBatchNorm2d


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("options", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}])
@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (2, 2, 1, 1)])
def test_with_one_process_it_is_batch_norm_and_so_are_its_gradients(shape, options):
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(2, **options).double()
    ours = distributed.synchronised(copy.deepcopy(plain), World(0, 2, 0))
    for _ in range(2):
        x = torch.randn(shape, dtype=torch.float64)
        inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
        for norm, one in zip((plain, ours), inputs, strict=True):
            (norm(one) * torch.arange(x.numel()).view(shape)).sum().backward()
        torch.testing.assert_close(inputs[1].grad, inputs[0].grad, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(dict(ours.state_dict()), dict(plain.state_dict()))
    torch.testing.assert_close([p.grad for p in ours.parameters()], [p.grad for p in plain.parameters()])
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x), rtol=1e-12, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([torch.float32, torch.int64]))), st.integers(1, 200))
def test_buckets_hold_every_tensor_once_in_order_and_within_the_limit(sizes, limit):
    tensors = [torch.zeros(n, dtype=dtype) for n, dtype in sizes]
    buckets = list(distributed._buckets(tensors, limit))
    by_dtype = [t for dtype in dict.fromkeys(t.dtype for t in tensors) for t in tensors if t.dtype == dtype]
    assert [id(t) for bucket in buckets for t in bucket] == [id(t) for t in by_dtype]
    for bucket in buckets:
        assert len({t.dtype for t in bucket}) == 1
        assert len(bucket) == 1 or sum(t.nbytes for t in bucket) <= limit


@pytest.mark.usefixtures("group")
def test_gradients_survive_buckets_smaller_than_they_are(monkeypatch):
    monkeypatch.setattr(distributed, "BUCKET_BYTES", 100)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)).to(memory_format=torch.channels_last)
    net[0].bias.requires_grad_(False)
    net(torch.randn(1, 3, 8, 8)).sum().backward()
    before = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    distributed.average_gradients(net.parameters(), World(0, 2, 0))  # of two processes, of which one is there
    after = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
    torch.testing.assert_close(after, {name: grad / 2 for name, grad in before.items()})


FAILING = """
import sys
from pathlib import Path
import torch.distributed
from pipeline.train.distributed import any_process, joined
try:
    with joined("cpu", timeout_s=60) as world:
        assert any_process(world.rank == 0, world)
        Path(sys.argv[1], str(world.rank)).write_text(str(world))
        any_process(False, world)
        if world.rank == 1:
            raise FloatingPointError("process 1 is unwell")
        any_process(False, world)
finally:
    print("left" if not torch.distributed.is_initialized() else "still joined", flush=True)
"""


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """What torchrun says of two processes of which one fails, and the folder that they wrote to. One that ends well:
    tests/train/test_processes.py."""
    folder = tmp_path_factory.mktemp("failed")
    (folder / "script.py").write_text(FAILING)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command += [str(folder / "script.py"), str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done, folder


@pytest.mark.middle
def test_torchrun_starts_two_processes(failed):
    folder = failed[1]
    assert (folder / "0").read_text() == "World(rank=0, size=2, local_rank=0)"
    assert (folder / "1").read_text() == "World(rank=1, size=2, local_rank=1)"


@pytest.mark.middle
def test_an_error_in_one_process_ends_all(failed):
    done = failed[0]
    assert done.returncode != 0
    assert "process 1 is unwell" in done.stderr
    assert "left" in done.stdout
    assert "still joined" not in done.stdout
