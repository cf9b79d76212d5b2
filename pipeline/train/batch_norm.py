"""Precise batch norm: a network's running statistics are estimated again before it is evaluated or saved."""

import copy

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from pipeline.train.batches import Batches
from pipeline.train.compute import Compute
from pipeline.train.ema import DIRECTIONS
from pipeline.train.graph import Recorded
from pipeline.train.trainer import Trainer


class PreciseBatchNorm:
    """The network of a training as it is evaluated and saved.

    Running averages lag behind weights that move fast, and those of an averaged network are averages of other networks'
    statistics. With `precise_batch_norm` above 0 they are replaced in a copy by the means over that many batches of training
    images; nothing else is changed, and the training goes on as if nobody had looked. The batches are those that would come
    next: they depend on seed and step alone, so a resumed run evaluates the same network to the bit.

    Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), Sec. 3. Paper silent.
    """

    def __init__(self, trainer: Trainer | Recorded, batches: Batches, compute: Compute):
        self._trainer, self._batches, self._compute = trainer, batches, compute
        self._count = compute.options.precise_batch_norm if has_batch_norm(trainer.evaluated) else 0
        self._step, self._net = -1, trainer.evaluated

    def network(self, step: int) -> nn.Module:
        """The network after `step` steps, the one that is trained now. Of several processes all must ask: a batch norm sees
        the whole batch."""
        if not self._count:
            return self._trainer.evaluated
        if step != self._step:
            self._step, self._net = step, self._estimated(step)
        return self._net

    def _estimated(self, step: int) -> nn.Module:
        net = copy.deepcopy(self._trainer.evaluated)
        # A spectral normalisation takes a step at every pass in train mode, and with it the weights change.
        directions = {name: value.clone() for name, value in net.named_buffers() if name.endswith(DIRECTIONS)}
        parts = (part for batch in self._batches.run(step, step + self._count) for part in batch)
        with self._compute.autocast():
            update_bn((self._compute.images(part.input) for part in parts), net)
        net.load_state_dict(directions, strict=False)
        return net


def has_batch_norm(net: nn.Module) -> bool:
    """Whether any layer keeps running statistics of its batches, to normalise with when it is evaluated."""
    return any(isinstance(module, _BatchNorm) and module.track_running_stats for module in net.modules())
