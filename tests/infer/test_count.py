import torch
from torch import nn

from pipeline.infer.count import count_macs, count_parameters


def test_convolutions_and_linear_layers_count_by_hand():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 4, (1, 5), groups=2, bias=False), nn.ReLU()
    )
    first = 8 * 5 * 5 * (3 * 9)  # 10 px -> 5 px
    second = 4 * 5 * 1 * (4 * 5)
    assert count_macs(net, (2, 3, 10, 10)) == 2 * (first + second)
    assert count_parameters(net) == 8 * 27 + 8 + 4 * 4 * 5
    assert count_macs(nn.Linear(6, 5), (7, 3, 6)) == 7 * 3 * 6 * 5


def test_a_module_called_twice_costs_twice_and_holds_its_parameters_once():
    conv = nn.Conv2d(3, 3, 1)
    net = nn.Sequential(conv, conv)
    assert count_macs(net, (1, 3, 4, 4)) == 2 * 9 * 16
    assert count_parameters(net) == 12


def test_the_meta_device_counts_the_same():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Upsample(scale_factor=2))
    assert count_macs(net, (1, 3, 1000, 1000)) == 8 * 998 * 998 * 27


def test_the_network_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout())
    net[2].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    count_macs(net, (1, 3, 2, 2))
    assert [m.training for m in net.modules()] == [True, True, True, False]
    assert not any(m._forward_hooks for m in net.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
