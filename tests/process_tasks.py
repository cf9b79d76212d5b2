"""What the tests of several processes run, in this process or in a pair of them: `python process_tasks.py TASKS`.

The pair is a process that has imported torch, and its fork. TASKS is JSON: what `run_pair` takes, with a port for each.
"""

import contextlib
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import torch
from tests_root import ROOT
from torch import nn

from pipeline.losses.composite.discriminator import Discriminator
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR
from pipeline.train import distributed
from pipeline.train.distributed import World
from pipeline.train.recompute import recomputed

NETS = {
    "agrnet": lambda: AGRNet(2, 16, 8, fem_reduction=4, scale_reduction=4),
    "agrnet_hr": lambda: AGRNetHR(2, (4, 8, 8, 16), fem_reduction=4, scale_reduction=4),
}
BATCH = 4
CASES = [  # network, dtype, images: of two, each process has one
    ("agrnet", torch.float64, BATCH),
    ("agrnet", torch.float32, BATCH),
    ("agrnet", torch.float64, 2),
    ("agrnet_hr", torch.float64, BATCH),
    ("agrnet_hr", torch.float32, BATCH),
    ("agrnet_hr", torch.float64, 2),
]
TIMEOUT_S = 240


def one_step(name: str, dtype: torch.dtype, world: World, images: int = BATCH, recompute: bool = False) -> dict:
    """Outputs, averaged gradients and buffers of one training step on this process's share of a batch."""
    torch.manual_seed(0)
    net = distributed.synchronised(NETS[name]().to(dtype), world)
    net = recomputed(net) if recompute else net
    shape = (images, 3, 16, 24)
    x, y = (torch.randn(shape, dtype=dtype).chunk(world.size)[world.rank] for _ in range(2))
    outputs = net(x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    loss = (outputs[-1] - y).square().mean() + sum(output.abs().mean() for output in outputs)
    loss.backward()
    distributed.average_gradients(net.parameters(), world)
    return {
        "loss": distributed.mean_over({"loss": loss}, world)["loss"],
        "outputs": [output.detach() for output in outputs],
        "gradients": {key: p.grad for key, p in net.named_parameters()},
        "state": net.state_dict(),
    }


def discriminator_step(world: World) -> dict:
    """State of a discriminator after one Adam step of Eq. (23), after it looked at images without gradients for itself."""
    torch.manual_seed(world.rank)
    net = Discriminator(width=4, layers=2).double()
    distributed.broadcast(net, world)
    adam = torch.optim.Adam(net.parameters(), lr=1e-2)
    torch.manual_seed(7)
    shape = (BATCH, 3, 16, 16)
    real, fake = (torch.randn(shape, dtype=torch.float64).chunk(world.size)[world.rank] for _ in range(2))
    net.requires_grad_(False)
    net(fake)
    net.requires_grad_(True)
    loss = torch.relu(1 - net(real)[0]).mean() + torch.relu(1 + net(fake)[0]).mean()
    loss.backward()
    distributed.average_gradients(net.parameters(), world)
    adam.step()
    return net.state_dict()


def norms(world: World) -> dict:
    """Batch norm alone, on inputs that are hard: far from zero, unequal shares, bfloat16."""
    torch.manual_seed(0)
    far = 1e4 + torch.randn(4, 3, 5, 5)
    share = far.split([3, 1])[world.rank] if world.size > 1 else far  # unequal
    norm = distributed.synchronised(nn.BatchNorm2d(3, momentum=None), world)
    norm(share)
    y = norm(share).detach()
    half = distributed.synchronised(nn.BatchNorm2d(3), world)
    with torch.autocast("cpu", torch.bfloat16):
        y_half = half((share - 1e4).bfloat16()).detach()
    return {"y": y, "state": norm.state_dict(), "y_half": y_half, "state_half": half.state_dict(), "x": far}


def small_things(world: World) -> dict:
    """Flags, means and a broadcast, for inputs that differ between the processes."""
    torch.manual_seed(world.rank)
    net = distributed.synchronised(nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)), world)
    net = net.to(memory_format=torch.channels_last)
    net[1].running_mean.fill_(world.rank)
    net[1].num_batches_tracked.fill_(world.rank + 5)
    distributed.broadcast(net, world)
    terms = {"b": torch.tensor(1.0 + world.rank), "a": torch.tensor(4.0 * world.rank, dtype=torch.float64)}
    return {
        "one": distributed.any_process(world.rank == 1, world),
        "none": distributed.any_process(False, world),
        "means": distributed.mean_over(terms, world),
        "net": net.state_dict(),
        "world": (world.rank, world.size, world.local_rank),
    }


def results_of(world: World) -> dict:
    """Every result that the tests of two processes ask for, at the price of one start."""
    steps = {" ".join(map(str, case)): one_step(*case[:2], world, case[2]) for case in CASES}
    recomputed_steps = {
        f"{name} {again}": one_step(name, torch.float32, world, recompute=again)
        for name in NETS
        for again in (False, True)
    }
    others = {"D": discriminator_step(world), "norms": norms(world), "small": small_things(world)}
    return steps | recomputed_steps | others


def run_pair(*tasks: tuple[Path, str | None]) -> None:
    """Run the tasks in two processes, one after the other, at the price of one start; they must end within TIMEOUT_S.

    A task: the folder where it runs, and the network that the stage `train` trains there; of none, `results_of` are written
    to <rank>.pt.
    """
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in tasks]
        for one in free:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in free]
    told = json.dumps([(str(folder), key, port) for (folder, key), port in zip(tasks, ports, strict=True)])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, __file__, told],
        env=os.environ | shared,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def write_results() -> None:
    torch.set_num_threads(1)
    with distributed.joined("cpu", timeout_s=60) as world:
        torch.save(results_of(world), f"{world.rank}.pt")


def main(told: str) -> None:
    """Fork, and do every task in both processes, which find each other as torchrun's do."""
    importlib.import_module("torch._dynamo")  # the first optimiser does it; here once for both
    other = os.fork()
    rank = "0" if other else "1"
    os.environ |= {"RANK": rank, "LOCAL_RANK": rank}
    try:
        for folder, key, port in json.loads(told):
            os.chdir(folder)
            os.environ["MASTER_PORT"] = str(port)
            if key is None:
                write_results()
            else:
                sys.argv = ["stages.train", key]
                runpy.run_module("stages.train", run_name="__main__", alter_sys=True)
    finally:
        code = os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) if other else 0
    sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
