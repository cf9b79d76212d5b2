import pytest
import torch

from pipeline.pretrained import checks
from pipeline.store.features import CONV_LAYERS


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "vgg19"])
def test_layer_tables_are_torchvisions(name):
    from torchvision import models

    with torch.device("meta"):
        features = getattr(models, name)(weights=None).features.state_dict()
    wanted = {}
    for number, (inputs, outputs, side) in CONV_LAYERS[name].items():
        wanted[f"{number}.weight"] = (outputs, inputs, side, side)
        wanted[f"{number}.bias"] = (outputs,)
    assert {key: tuple(value.shape) for key, value in features.items()} == wanted


def test_digest_sees_values_names_and_shapes():
    base = {"a": torch.arange(6.0), "b": torch.ones(2)}
    same = {"b": torch.ones(2), "a": torch.arange(6.0)}
    assert checks.digest(base) == checks.digest(same)
    others = [
        {**base, "b": torch.tensor([1.0, 1.0 + 1e-6])},
        {**base, "a": torch.arange(6.0).reshape(2, 3)},
        {"a": base["a"], "c": base["b"]},
        {**base, "b": torch.ones(2, dtype=torch.float64)},
    ]
    assert len({checks.digest(tensors) for tensors in [base, *others]}) == 5
