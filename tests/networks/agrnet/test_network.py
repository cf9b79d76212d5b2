import pytest
import torch
import torch.nn.functional as F

from pipeline.infer.count import count_macs, count_parameters
from pipeline.networks.agrnet import AGRNet
from pipeline.networks.units.acon import MetaAconC
from pipeline.networks.units.gam import GAM

TINY = {"num_arus": 2, "width": 16, "head_width": 6}
TABLE_5 = {7: "10.74", 8: "11.39", 9: "12.03", 10: "12.68", 11: "13.33", 12: "13.97"}
EXACT = {7: 10_743_502, 8: 11_389_223, 9: 12_034_944, 10: 12_680_665, 11: 13_326_386, 12: 13_972_107}
TABLE_4 = {  # arguments, meta-ACON modules and GAMs in 16 units, parameters
    "baseline": ({"activation": "relu", "attention": False}, 0, 0, 6_779_343),
    "acon": ({"attention": False}, 32, 0, 6_946_713),
    "gam": ({"activation": "relu"}, 0, 16, 12_513_295),
    "acon_gam": ({}, 32, 16, 12_680_665),
}


def on_meta(**arguments):
    with torch.device("meta"):
        return AGRNet(**arguments)


@pytest.mark.parametrize("num_arus", TABLE_5)
def test_parameters_are_those_of_table_5(num_arus):
    parameters = count_parameters(on_meta(num_arus=num_arus))
    assert parameters == EXACT[num_arus]
    assert f"{parameters / 1e6:.2f}" == TABLE_5[num_arus]


def test_default_costs_30_4_gmac_at_128():
    assert f"{count_macs(on_meta(), (1, 3, 128, 128)) / 1e9:.1f}" == "30.4"


@pytest.mark.parametrize("name", TABLE_4)
def test_variants_of_table_4(name):
    arguments, acons, gams, parameters = TABLE_4[name]
    net = on_meta(**arguments)
    assert sum(isinstance(m, MetaAconC) for m in net.modules()) == acons
    assert sum(isinstance(m, GAM) for m in net.modules()) == gams
    assert count_parameters(net) == parameters


def test_sizes_on_the_way_are_those_of_fig_7():
    net, sides = AGRNet(**TINY).eval(), []
    for unit in (*net.dsm, *net.fem, *net.usm):
        unit.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    assert net(torch.rand(1, 3, 16, 32)).shape == (1, 3, 16, 32)
    assert sides == [16, 8, 4, 4, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 3, 16, 20), "16x20"), ((1, 3, 12, 16), "12x16"), ((1, 1, 16, 16), "expected"), ((3, 16, 16), "expected")],
)
def test_wrong_shapes_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        AGRNet(**TINY)(torch.rand(shape))


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    net = AGRNet(**TINY)
    net(torch.rand(3, 3, 16, 16)).square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None] == []


def test_in_eval_mode_an_image_does_not_see_its_batch_or_its_memory_format():
    torch.manual_seed(0)
    net = AGRNet(**TINY).eval()
    x = torch.rand(3, 3, 16, 16)
    together = net(x)
    torch.testing.assert_close(together[1:2], net(x[1:2]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        together,
        net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last)),
        atol=1e-5,
        rtol=1e-4,
    )


@pytest.mark.middle
def test_a_tiny_network_overfits_one_batch():
    torch.manual_seed(0)
    hr = F.interpolate(torch.rand(4, 3, 8, 8), size=16, mode="bilinear")
    lr_up = F.interpolate(F.avg_pool2d(hr, 4), size=16, mode="bicubic")
    net = AGRNet(num_arus=2, width=16)
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3, betas=(0.9, 0.99))
    losses = []
    for _ in range(100):
        loss = F.mse_loss(net(lr_up), hr)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    # The input itself is what interpolation gives; the network has to beat it fivefold on the images it was shown.
    assert losses[-1] < F.mse_loss(lr_up, hr).item() / 5, losses[::20]


@pytest.mark.middle
def test_compiles_without_a_graph_break():
    torch.manual_seed(0)
    net = AGRNet(**TINY | {"num_arus": 1}).eval()
    del net.dsm[1:], net.usm[1:]  # a second unit of a kind would be traced like the first
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
