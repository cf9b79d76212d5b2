import inspect
import re
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from tests_root import ROOT

from pipeline.losses.build import LOSSES, build_loss
from pipeline.losses.units.loss import Loss
from pipeline.params.losses import LOSSES as SECTIONS
from pipeline.params.losses import PixelParams
from pipeline.train.batches import Part


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_one_and_is_built_alike(name):
    kind = getattr(import_module(f"pipeline.losses.{name}"), LOSSES[name])
    assert issubclass(kind, Loss)
    assert kind.__call__ is not Loss.__call__
    assert len(inspect.signature(kind).parameters) == 3


def test_an_unknown_loss_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(ValueError, match=f"has no huber; losses are {', '.join(LOSSES)}"):
        build_loss("huber", PixelParams(norm="l1"), None, tmp_path)


@pytest.mark.parametrize("name", ["dic", "sfmnet"])
def test_a_loss_of_one_network_says_so_of_what_another_gives(name, tmp_path):
    loss = build_loss(name, SECTIONS[name](), None, tmp_path)
    image = torch.zeros(1, 3, 16, 16)
    with pytest.raises(ValueError, match=f"the loss {name} is for networks that give .*; take another `loss`"):
        loss(image, Part(image, image, torch.zeros(1, 5, 2)))


def test_the_loss_of_ones_own_that_the_readme_shows_is_one():
    text = (ROOT / "pipeline/networks/README.md").read_text()
    code = re.search(r"`pipeline/losses/charbonnier/loss\.py`:\n\n```python\n(.*?)```", text, re.DOTALL)[1]
    names: dict = {}
    exec(code, names)
    loss = names["CharbonnierLoss"](SimpleNamespace(eps=0.5), None, None)
    sr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    value, terms = loss(sr, Part(sr, hr))
    torch.testing.assert_close(value, ((sr - hr).square() + 0.25).sqrt().mean())
    assert (terms, loss.learn(), loss.landmarks) == ({}, {}, False)
