import pytest
import torch
from small_networks import FORMS_OF_OURS
from torch import nn

from pipeline.commands.diagrams.tower import LEAVES, rows_of
from pipeline.commands.diagrams.traced import runs, trace
from pipeline.commands.diagrams.words import amount
from pipeline.infer.count import count_macs, count_parameters


class Crossing(nn.Module):
    """a, b, b in a row; a scaled copy goes round b and b, an unscaled one round everything."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 4, 1)
        self.b = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Identity(), nn.Conv2d(4, 4, 3, padding=1))
        self.c = nn.Conv2d(4, 4, 1)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        a = self.a(x)
        return self.b(a) * self.c(a) + torch.cat([x, x], 1)


def test_the_main_way_is_the_longest_and_the_others_lie_beside_it():
    traced = trace(Crossing(), (1, 2, 8, 8))
    assert [step.path or step.what for step in traced.main_way()] == ["input", "a", "b.0", "b.2", "mul", "add"]
    round_b, round_all = traced.sides()
    assert (round_b.source.path, [s.path for s in round_b.steps], round_b.target.what) == ("a", ["c"], "mul")
    assert (round_all.source.what, [s.what for s in round_all.steps], round_all.target.what) == (
        "input",
        ["cat"],
        "add",
    )
    assert [step.path for step in traced.readers("a")] == ["b.0", "c"]


def test_equal_layers_in_a_row_are_folded_and_others_are_not():
    steps = trace(Crossing(), (1, 2, 8, 8)).main_way()
    assert [(step.path or step.what, count) for step, count in runs(steps)] == [
        ("input", 1), ("a", 1), ("b.0", 2), ("mul", 1), ("add", 1)
    ]  # fmt: skip


@pytest.mark.parametrize("name", FORMS_OF_OURS)
def test_the_blocks_of_a_network_hold_all_of_its_cost(name):
    net = FORMS_OF_OURS[name]().eval()
    rows = rows_of(trace(net, (1, 3, 32, 32), LEAVES))
    blocks = [(row.step, row.count) for row in rows] + [(step, 1) for row in rows for step in row.branch]
    assert sum(step.parameters * count for step, count in blocks) == count_parameters(net)
    assert sum(step.macs * count for step, count in blocks) == count_macs(net, (1, 3, 32, 32))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (504, "504"), (999, "999"), (1000, "1.00 k"), (3891, "3.89 k"), (99_960, "100 k"), (999_600, "1.00 M"),
     (12_712_345, "12.7 M"), (30_378_549_312, "30.4 G"), (2e12, "2 T")],
)  # fmt: skip
def test_an_amount_has_three_digits(count, words):
    assert amount(count) == words
