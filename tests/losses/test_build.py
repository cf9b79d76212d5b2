import inspect
from importlib import import_module

import pytest

from pipeline.losses import Loss
from pipeline.losses.build import LOSSES, build_loss
from pipeline.params.losses import PixelParams


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_one_and_is_built_alike(name):
    kind = getattr(import_module(f"pipeline.losses.{name}"), LOSSES[name])
    assert issubclass(kind, Loss)
    assert kind.__call__ is not Loss.__call__
    assert len(inspect.signature(kind).parameters) == 3


def test_an_unknown_loss_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(ValueError, match=f"has no huber; losses are {', '.join(LOSSES)}"):
        build_loss("huber", PixelParams(norm="l1"), None, tmp_path)
