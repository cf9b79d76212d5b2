"""Training in several processes, one per GPU, as torchrun starts them.

Every process holds the whole network and works on its share of the batch. Batch norm sees the whole batch, and gradients
are averaged once after each backward pass, so that n processes with equal shares train as one with the whole batch does.
DistributedDataParallel is not used: it hooks itself into one forward and one backward pass, and the GAN step runs D three
times a step, twice without gradients for its weights. With one process each function here does nothing.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

BUCKET_BYTES = 64 * 2**20  # gradients are sent in buckets of this size: few calls, little memory


@dataclass(frozen=True)
class World:
    """The processes of a run: this one's number (from 0), how many there are, and its number on this machine."""

    rank: int
    size: int
    local_rank: int


ALONE = World(0, 1, 0)
LAUNCH = ("torch.distributed.run", "--standalone", "--nproc-per-node")


def launched(processes: int, stage: str, key: str) -> None:
    """Where several processes are asked for and this is none of them: run the stage in so many, and end as they do.

    stage: a module, "stages.train", so that the code of this checkout comes first in each of them.
    """
    if processes > 1 and "WORLD_SIZE" not in os.environ:
        command = [sys.executable, "-m", *LAUNCH, str(processes), "-m", stage, key]
        sys.exit(subprocess.run(command, check=False).returncode)


def start(device_type: str, timeout_s: float = 1800.0) -> World:
    """Join the processes that torchrun started; without torchrun, or where it started one, ALONE and no group.

    device_type: "cuda" (NCCL; each process takes the GPU of its local rank as torch's current one) or "cpu" (Gloo). A
    process that waits longer than `timeout_s` for another fails.
    Raises RuntimeError where torchrun's environment is incomplete or this machine has fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    missing = [name for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise RuntimeError(f"WORLD_SIZE is set, but not {', '.join(missing)}: start several processes through torchrun")
    world = World(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
    timeout = timedelta(seconds=timeout_s)
    if device_type != "cuda":
        dist.init_process_group("gloo", timeout=timeout)
        return world
    gpus = torch.cuda.device_count()
    if world.local_rank >= gpus:
        raise RuntimeError(f"process {world.local_rank} of this machine has no GPU: it has {gpus}; one each is needed")
    torch.cuda.set_device(world.local_rank)
    dist.init_process_group("nccl", timeout=timeout, device_id=torch.device("cuda", world.local_rank))
    return world


def stop(world: World) -> None:
    """Leave the processes that `start` joined."""
    if world.size > 1:
        dist.destroy_process_group()


def meet(world: World) -> None:
    """Wait until every process has come here."""
    if world.size > 1:
        dist.barrier()


@contextmanager
def joined(device_type: str, timeout_s: float = 1800.0) -> Iterator[World]:
    """`start`, and `stop` at the end of the block, also after an error."""
    world = start(device_type, timeout_s)
    try:
        yield world
    finally:
        stop(world)


class AllReducedBatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d over the batches of all processes, whose sizes may differ: nn.SyncBatchNorm refuses CPU tensors.

    Input and output: float (N, C, H, W); parameters, buffers and state_dict are nn.BatchNorm2d's, and so is eval mode. One
    value per channel and process is enough. Computes in float32 at least, also for bfloat16 inputs under autocast. The
    gradient is that of the sum of the processes' losses. Needs the processes of `start` in train mode.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        self._check_input_dim(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = wide.new_tensor([x.numel() // x.shape[1]])
        total, count = _Sum.apply(torch.cat([wide.sum((0, 2, 3)), count])).split([x.shape[1], 1])
        mean = total / count
        # The squares are summed about the mean: E[x^2] - E[x]^2 would lose the variance of channels far from zero.
        centred = wide - _per_channel(mean)
        var = _Sum.apply(centred.square().sum((0, 2, 3))) / count
        if self.track_running_stats:
            self._track(mean.detach(), (var * count / (count - 1)).detach())
        y = centred * _per_channel(torch.rsqrt(var + self.eps))
        if self.affine:
            y = y * _per_channel(self.weight) + _per_channel(self.bias)
        return y.to(x.dtype)

    def _track(self, mean: Tensor, unbiased_var: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        weight = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, value in ((self.running_mean, mean), (self.running_var, unbiased_var)):
            running.lerp_(value.to(running.dtype), weight)


def synchronised(net: nn.Module, world: World) -> nn.Module:
    """The network with batch norms that see the whole batch of all processes; parameters and buffers stay the same objects.

    On GPUs nn.SyncBatchNorm takes the place of each batch norm, on CPUs the batch norms become AllReducedBatchNorm2d. Other
    normalisation is per image and stays. A unit must call its norms as modules. Works in place; take the returned network,
    since one that is itself a batch norm is replaced.
    Raises TypeError for a batch norm that is not nn.BatchNorm2d's computation, which would be lost.
    """
    if world.size == 1:
        return net
    ours = (nn.BatchNorm2d.forward, nn.SyncBatchNorm.forward, AllReducedBatchNorm2d.forward)
    for name, module in net.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            plain = isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm) and type(module).forward in ours
            if not plain:
                raise TypeError(
                    f"{name or 'the network'} is a {type(module).__name__}; only nn.BatchNorm2d can be joined"
                )
    if dist.get_backend() == "nccl":
        return nn.SyncBatchNorm.convert_sync_batchnorm(net)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = AllReducedBatchNorm2d
    return net


@torch.no_grad()
def average_gradients(params: Iterable[nn.Parameter], world: World) -> None:
    """After a backward pass: each gradient becomes its mean over the processes.

    With equal shares and losses that are means over images this is the gradient of the whole batch. Parameters without a
    gradient are passed over; they must be the same ones in every process.
    """
    if world.size > 1:
        _in_buckets([p.grad for p in params if p.grad is not None], lambda flat: _sum_in_place(flat).div_(world.size))


@torch.no_grad()
def broadcast(net: nn.Module, world: World) -> None:
    """Give every process the parameters and buffers of process 0: before the first step and after a resume."""
    if world.size > 1:
        _in_buckets([*net.parameters(), *net.buffers()], lambda flat: dist.broadcast(flat, src=0))


def mean_over(values: dict[str, Tensor], world: World) -> dict[str, Tensor]:
    """Detached scalars averaged over the processes, each of which has the same names in the same order."""
    if world.size == 1 or not values:
        return values
    means = _sum_in_place(torch.stack([value.detach().double() for value in values.values()])) / world.size
    return {name: mean.to(value.dtype) for (name, value), mean in zip(values.items(), means, strict=True)}


def any_process(flag: bool, world: World) -> bool:
    """Whether any process says so: all stop at the same step, and none waits for one that has stopped."""
    if world.size == 1:
        return flag
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    return bool(_sum_in_place(torch.tensor(int(flag), device=device)) > 0)


class _Sum(torch.autograd.Function):
    """Sum over the processes; its gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return _sum_in_place(x.clone())

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return _Sum.apply(grad)


def _sum_in_place(x: Tensor) -> Tensor:
    dist.all_reduce(x)
    return x


def _per_channel(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)


def _in_buckets(tensors: list[Tensor], exchange: Callable[[Tensor], object]) -> None:
    """`exchange` changes flat copies of the tensors, bucket by bucket, and the result is copied back."""
    for bucket in _buckets(tensors, BUCKET_BYTES):
        flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
        exchange(flat)
        for tensor, values in zip(bucket, flat.split([tensor.numel() for tensor in bucket]), strict=True):
            tensor.copy_(values.view(tensor.shape))


def _buckets(tensors: list[Tensor], limit_bytes: int) -> Iterator[list[Tensor]]:
    """The tensors in order, those of one dtype together, at most `limit_bytes` in a bucket or else one tensor alone."""
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        bucket, filled = [], 0
        for tensor in tensors:
            if tensor.dtype == dtype:
                if bucket and filled + tensor.nbytes > limit_bytes:
                    yield bucket
                    bucket, filled = [], 0
                bucket.append(tensor)
                filled += tensor.nbytes
        yield bucket
