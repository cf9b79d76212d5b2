"""Learning rates over a run."""

import pytest
import torch
from tests_root import ROOT

from pipeline.params.file import parse
from pipeline.train.schedule import length_of, rate_factor, set_rates


def test_cosine_falls_from_one_towards_zero():
    factors = [rate_factor("cosine", step, 10) for step in range(10)]
    assert factors[0] == 1
    assert factors[5] == pytest.approx(0.5)
    assert factors == sorted(factors, reverse=True)
    assert 0 < factors[-1] < 0.03


@pytest.mark.parametrize(("images", "steps"), [(1, 1), (38, 1), (200, 2), (1000, 8)])
def test_an_epoch_has_a_step_at_least(images, steps):
    options = parse(ROOT / "profiles/demo.yaml").tasks.x8
    options = options.model_copy(update={"steps": None, "epochs": 1, "batch_size": 128})
    assert length_of(options, images, None).most == steps


def test_constant_and_unknown():
    assert {rate_factor("constant", step, 10) for step in range(10)} == {1.0}
    with pytest.raises(ValueError, match="constant, cosine"):
        rate_factor("linear", 0, 10)


def test_each_optimiser_keeps_its_own_rate():
    optimisers = [(torch.optim.Adam([torch.zeros(1)]), rate) for rate in (1.0, 4.0)]
    set_rates(optimisers, 0.5)
    assert [optimiser.param_groups[0]["lr"] for optimiser, _ in optimisers] == [0.5, 2.0]


def test_rates_that_are_tensors_are_written_where_they_lie():
    rate = torch.tensor(0.5)
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=rate, capturable=False)
    set_rates([(optimiser, 0.5)], 0.25)
    (group,) = optimiser.param_groups
    assert group["lr"] is rate
    assert float(rate) == 0.125
