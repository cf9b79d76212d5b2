"""The benchmark measures what it says, on a network too small to say anything."""

import pytest
import torch
from safetensors.torch import load_file
from small_networks import TINY_HR
from tests_root import ROOT

from pipeline.commands.benchmarks import restore
from pipeline.networks.build import build_network
from pipeline.params.models import AGRNetHRParams


@pytest.mark.middle
def test_all_faces_go_through_and_the_share_is_that_of_the_rates(tmp_path, monkeypatch):
    monkeypatch.setattr(restore, "PHOTO_PX", (1000, 750))
    monkeypatch.setattr(restore, "PORTRAIT_PX", 180)
    case = restore.RestoreCase("agrnet_hr", "blind", AGRNetHRParams(**TINY_HR), 64, (2, 2))
    figures = restore.measure(case, tmp_path, torch.device("cpu"))
    assert figures["photos"] == 2
    assert figures["faces"] == pytest.approx(2 * restore.FACES, abs=1)  # the detector may err
    assert figures["of_the_networks_rate"] == pytest.approx(
        figures["restored_per_s"] / figures["network_alone_per_s"], rel=0.05, abs=0.001
    )
    assert 0 < figures["seconds"]["network"] < figures["seconds"]["all"]


def test_the_kept_networks_case_is_its_cards(monkeypatch):
    monkeypatch.chdir(ROOT)
    case = restore.kept_case()
    with torch.device("meta"):
        net = build_network(case.model, case.task, case.network.model_dump())
    kept = load_file(ROOT / "models/pretrained/hr/weights.safetensors")
    assert {name: value.shape for name, value in net.state_dict().items()} == {n: v.shape for n, v in kept.items()}
