import pytest
import torch
from published_sparnet import MIDDLE, UNITS, WIDTHS, Published

from pipeline.networks.sparnet import SPARNet, SPARNetHD
from pipeline.networks.sparnet.published import from_published


@pytest.mark.parametrize("attention", ["2d", "3d"])
@pytest.mark.parametrize("network", [SPARNet, SPARNetHD])
def test_published_weights_give_what_the_published_code_gives(network, attention):
    torch.manual_seed(0)
    published = Published(instance=network is SPARNetHD, maps_per_channel=attention == "3d")
    net = network(WIDTHS, UNITS, MIDDLE, attention_levels=2, attention=attention).eval()
    net.load_state_dict(from_published(published.state))  # strict: every name, every shape
    x = torch.rand(2, 3, 32, 48) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(net(x), published(x), atol=1e-4, rtol=1e-4)


def test_names_of_a_parallel_network_are_read_too():
    torch.manual_seed(0)
    state = Published(instance=False, maps_per_channel=False).state
    parallel = from_published({f"module.{name}": tensor for name, tensor in state.items()})
    assert parallel.keys() == from_published(state).keys()


@pytest.mark.parametrize(
    "name",
    [
        "encoder.1.att_func.b4_1.conv2d.weight",
        "conv_in.weight",
        "res_layers.0.conv3.conv2d.weight",
        "decoder.0.weight",
    ],
)
def test_a_name_of_another_network_is_refused(name):
    with pytest.raises(ValueError, match=name):
        from_published({name: torch.zeros(1)})


@pytest.mark.parametrize("network", [SPARNet, SPARNetHD])
def test_our_own_names_come_back_as_they_are(network):
    state = network(WIDTHS, UNITS, MIDDLE, attention_levels=2).state_dict()
    assert from_published(state) == state
