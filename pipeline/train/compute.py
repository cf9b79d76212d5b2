"""How a network is trained on the machine at hand; what is trained is said elsewhere."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from pipeline.networks.units.fast import faster, is_fast
from pipeline.networks.units.prepared import Prepared
from pipeline.params.tasks import TrainParams
from pipeline.runtime import device as devices
from pipeline.train.distributed import ALONE, World, average_gradients, broadcast, synchronised
from pipeline.train.recompute import recomputed


@dataclass(frozen=True)
class Compute:
    """Device, precision, layout and processes of a training; `options` are those of params.yaml.

    Raises RuntimeError where the machine lacks what the options ask for.
    """

    options: TrainParams
    device: torch.device
    world: World = ALONE

    def __post_init__(self) -> None:
        devices.use_threads(self.options.threads)
        devices.use_precision(self.options.precision, self.device)
        if self.options.cuda_graph is True and self.device.type != "cuda":
            raise RuntimeError("cuda_graph: true is a GPU's; set it to auto in params.yaml to train on a CPU")
        if self.options.compile:
            devices.check_compiler(self.device)

    @property
    def recorded(self) -> bool:
        """Whether steps are recorded (`pipeline.train.graph`): on a GPU unless that is switched off, by one process."""
        return bool(self.options.cuda_graph) and self.device.type == "cuda" and self.world.size == 1

    def placed(self, net: torch.nn.Module) -> torch.nn.Module:
        """A network on the device, in the layout asked for, the same in all processes."""
        layout = torch.channels_last if self.options.channels_last else torch.contiguous_format
        net = synchronised(net.to(self.device, memory_format=layout), self.world)
        broadcast(net, self.world)
        return net

    def generator(self, net: torch.nn.Module) -> torch.nn.Module:
        """`placed`, in its faster forms and with its activations computed again where that is asked for.

        Parameters and the names of the state stay those of the network as it is written down.
        """
        if self.options.faster_forms:
            net = faster(net)
        net = self.placed(net)
        return recomputed(net) if self.options.recompute else net

    def called(self, net: torch.nn.Module) -> Callable:
        """What to call in place of the network in a training step."""
        call = torch.compile(net) if self.options.compile else net
        if not is_fast(net) or self.options.recompute:
            return call
        short = torch.bfloat16 if self.options.precision == "bf16" else None
        return Prepared(net, call, short, self.block)

    @property
    def block(self) -> int:
        """What hidden channels of the faster forms are filled up to a multiple of: a GPU's matrix units take 8 at a time.

        They compute in less than float32; a CPU's kernels fill up for themselves.
        """
        return 8 if self.device.type == "cuda" and self.options.precision != "fp32" else 1

    def autocast(self) -> AbstractContextManager:
        """Around forward passes; losses are computed outside of it, in float32."""
        return devices.autocast(self.options.precision, self.device)

    def images(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) images in the layout asked for."""
        return images if self.options.channels_last else images.contiguous()

    def adam(self, parameters: Iterable[torch.nn.Parameter], rate: float) -> torch.optim.Adam:
        """Adam (Sec. 4.1), all parameters updated by one kernel.

        For a recorded step its learning rate lies on the GPU, where replays read it.
        """
        lr = torch.tensor(rate, device=self.device) if self.recorded else rate
        return torch.optim.Adam(parameters, lr=lr, betas=self.options.betas, fused=True, capturable=self.recorded)

    def load_adam(self, adam: torch.optim.Adam, state: dict) -> None:
        """Give an optimiser of `adam` the moments of a state, which may be that of a run on another device.

        What its rates are stored in stays, numbers or tensors that a recorded step reads; they are set before each step.
        """
        adam.load_state_dict({"state": state["state"], "param_groups": adam.state_dict()["param_groups"]})

    def average_gradients(self, net: torch.nn.Module) -> None:
        """Between backward pass and update: the mean of the gradients over the processes."""
        average_gradients(net.parameters(), self.world)
