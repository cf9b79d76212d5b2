import subprocess
import sys

import pytest
from small_networks import SMALL
from tests_root import ROOT

from pipeline.networks.build import NETWORKS, build_network, network_class


@pytest.mark.parametrize(("model", "task"), NETWORKS, ids=lambda value: value)
def test_a_class_says_of_itself_what_others_ask(model, task):
    kind = network_class(model, task)
    net = build_network(model, task, SMALL[model, task])
    assert type(net) is kind
    assert kind.title
    assert kind.takes in ("lr_up", "lr")
    assert any(isinstance(module, kind.units()) for module in net.modules())


@pytest.mark.middle
def test_only_the_room_that_is_asked_for_is_imported():
    code = (
        "import sys\n"
        "from pipeline.networks.build import network_class\n"
        "network_class('sfmnet', 'x8')\n"
        "print(*sorted({name.split('.')[2] for name in sys.modules if name.startswith('pipeline.networks.')}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["build", "sfmnet"]


def test_a_form_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="has no dic for the task blind, only for x8"):
        network_class("dic", "blind")
    with pytest.raises(ValueError, match="has no edsr for the task x8, models are agrnet, agrnet_hr, sparnet"):
        network_class("edsr", "x8")


def test_arguments_that_the_class_does_not_take_are_named():
    with pytest.raises(ValueError, match=r"AGRNet cannot be built with .*'depth': 3.*unexpected keyword argument"):
        build_network("agrnet", "x8", {"depth": 3})


def test_a_room_that_does_not_hand_its_class_on_is_told(monkeypatch):
    monkeypatch.setitem(NETWORKS, ("agrnet", "x8"), "AGRNett")
    with pytest.raises(ValueError, match=r"networks/agrnet/__init__\.py hands on no AGRNett, which build\.py names"):
        network_class("agrnet", "x8")
