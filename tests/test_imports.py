"""What a part imports: data stages no torch, training nothing that a bare GPU machine lacks."""

import subprocess
import sys

import pytest

DATA = (
    "pipeline.sources.ingest, pipeline.sources.listing, pipeline.faces.crop, pipeline.faces.cut, pipeline.faces.rules, "
    "pipeline.faces.samples, pipeline.degradation.stage"
)
TRAINING = (
    "pipeline.training.run, pipeline.training.agrnet.trainer, pipeline.training.agrnet_hr.trainer, "
    "pipeline.training.graph, pipeline.training.peers.trainer, pipeline.training.peers.foreign, "
    "pipeline.networks.peers.build"
)
TRUNK = "pipeline.training.agrnet_hr.trunk"


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.middle
def test_data_stages_import_no_torch_also_through_albumentations():
    run(
        f"import sys, numpy as np, {DATA}\n"
        "from pipeline.degradation import kernels\n"
        "kernels.blur(np.zeros((9, 9, 3), np.uint8), 'average', 3, 0, 0, 0)\n"
        "assert 'albumentations' in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
        "import torch; torch.zeros(1)"  # hidden while albumentations was imported, and there again
    )


@pytest.mark.middle
def test_training_needs_neither_dvc_nor_ray_nor_albumentations_nor_lpips():
    run(
        "import sys\n"
        "sys.modules |= dict.fromkeys(('dvc', 'ray', 'albumentations', 'lpips', 'torchvision', 'torch_fidelity'))\n"
        f"import {TRAINING}, {TRUNK}"
    )
