"""The benchmark of evaluation, at a size that takes a moment."""

import json

import pytest
import torch

from pipeline.commands.benchmarks.evaluate import share
from pipeline.networks.agrnet import AGRNet
from pipeline.store import paths
from pipeline.store.pretrained import STATUS


@pytest.mark.middle
def test_the_parts_of_an_evaluation_add_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = paths.PRETRAINED / "metrics"
    folder.mkdir(parents=True)
    absent = {"available": False, "file": None, "reason": "out of reach"}
    (folder / STATUS).write_text(json.dumps(dict.fromkeys(("alexnet", "vgg16", "inception"), absent)))
    found = share("helen", AGRNet(num_arus=1, width=8, head_width=4), 64, 10, torch.device("cpu"))
    assert found["images"] == 10
    assert 0 < found["network_of_all"] < found["network_of_infer"] <= 1
    assert found["network_s"] <= found["infer_s"]
    assert set(found["without"]) == {"lpips_alex", "lpips_vgg"}
    assert (paths.EVALUATED / "network/helen.parquet").is_file()
