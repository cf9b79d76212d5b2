import inspect
from importlib import import_module

import pytest
import torch

from pipeline.losses import Loss
from pipeline.losses.build import LOSSES, build_loss
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
