import copy

import pytest
import torch
from process_tasks import NETS
from torch import nn

from pipeline.networks.agrnet import AGRNet
from pipeline.networks.units.aru import ARU
from pipeline.train import recompute
from pipeline.train.recompute import recomputed


def built(name):
    torch.manual_seed(0)
    return NETS[name]()


def batch(step=0):
    return torch.randn(4, 3, 16, 24, generator=torch.Generator().manual_seed(step))


def loss_of(net, x):
    outputs = net(x)
    return sum(output.square().mean() for output in (outputs if isinstance(outputs, list) else [outputs]))


def gradients(net):
    return {name: p.grad for name, p in net.named_parameters()}


def same(ours, theirs):
    torch.testing.assert_close(dict(ours), dict(theirs), rtol=0, atol=0)


@pytest.mark.parametrize("name", NETS)
def test_outputs_gradients_statistics_and_three_steps_are_bit_for_bit_the_plain_ones(name):
    nets = [built(name), recomputed(built(name))]
    adams = [torch.optim.Adam(net.parameters(), lr=1e-3) for net in nets]
    for step in range(3):
        losses = [loss_of(net, batch(step)) for net in nets]
        assert losses[0] == losses[1]
        for loss, adam in zip(losses, adams, strict=True):
            adam.zero_grad()
            loss.backward()
            adam.step()
        same(gradients(nets[1]), gradients(nets[0]))
        same(nets[1].state_dict(), nets[0].state_dict())
    counts = [value for key, value in nets[1].state_dict().items() if key.endswith("num_batches_tracked")]
    assert counts
    assert set(map(int, counts)) == {3}
    assert list(nets[1].state_dict()) == list(nets[0].state_dict())


@pytest.mark.parametrize("name", NETS)
def test_under_autocast_and_channels_last_too(name):
    nets = [net.to(memory_format=torch.channels_last) for net in (built(name), recomputed(built(name)))]
    for net in nets:
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(net, batch().to(memory_format=torch.channels_last))
        loss.backward()
    same(gradients(nets[1]), gradients(nets[0]))
    same(nets[1].state_dict(), nets[0].state_dict())


def saved_bytes(net):
    """Bytes that the network keeps from its forward pass for the backward pass, its parameters not counted."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*net.parameters(), *net.buffers())}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        alive = net(torch.randn(2, 3, 32, 32))
    assert alive.requires_grad
    return sum(kept.values())


def test_a_network_of_ten_units_keeps_a_quarter_at_most():
    torch.manual_seed(0)
    net = AGRNet(10, 16, 18, 4, 4)
    plain = saved_bytes(net)
    assert 0 < saved_bytes(recomputed(net)) < plain / 4


def test_units_run_once_more_and_only_in_training():
    net = recomputed(recomputed(built("agrnet")))  # twice is once
    units = sum(isinstance(module, ARU) for module in net.modules())
    runs = []
    for module in net.modules():
        if isinstance(module, ARU):
            module.shortcut.register_forward_hook(lambda *_: runs.append(1))
    loss_of(net, batch()).backward()
    assert len(runs) == 2 * units
    runs.clear()
    with torch.no_grad():
        net(batch())
    loss_of(net.eval(), batch()).backward()
    assert len(runs) == 2 * units  # one pass each


def test_the_copied_network_recomputes_with_its_own_weights():
    net = recomputed(built("agrnet"))
    twin = copy.deepcopy(net)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(0.1)
    plain = built("agrnet")
    plain.load_state_dict(twin.state_dict())
    for one in (twin, plain):
        loss_of(one, batch()).backward()
    same(gradients(twin), gradients(plain))
    same(net.state_dict(), before)
    assert all(p.grad is None for p in net.parameters())


def test_a_unit_whose_class_changes_afterwards_runs_its_new_forward():
    class Doubled(ARU):
        def forward(self, x):
            return 2 * super().forward(x)

    class Net(nn.Sequential):
        units = staticmethod(lambda: (ARU,))

    unit = recomputed(Net(ARU(8, 8, reduction=4)))[0]
    assert "forward" in vars(unit)
    x = torch.randn(2, 8, 6, 6)
    once = unit(x)
    unit.__class__ = Doubled
    torch.testing.assert_close(unit(x), 2 * once, rtol=0, atol=0)


def test_buffers_are_put_back_after_an_error():
    unit = ARU(8, 8, reduction=4)
    before = [id(buffer) for buffer in unit.buffers()]
    unit.attention[0].forward = None  # fails when the residual branch has run
    with pytest.raises(TypeError), recompute._buffers_kept(unit):
        unit(torch.randn(2, 8, 6, 6))
    assert before == [id(buffer) for buffer in unit.buffers()]


@pytest.mark.slow
def test_a_compiled_network_is_the_same():
    nets = [built("agrnet"), recomputed(built("agrnet"))]
    compiled = torch.compile(nets[1], backend="aot_eager_decomp_partition")
    loss_of(nets[0], batch()).backward()
    loss_of(compiled, batch()).backward()
    torch.testing.assert_close(gradients(nets[1]), gradients(nets[0]), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(dict(nets[1].state_dict()), dict(nets[0].state_dict()))
