"""What a part imports: data stages no torch, training nothing that a bare GPU machine lacks."""

import subprocess
import sys

import pytest

DATA = (
    "pipeline.ingest.read, pipeline.ingest.listing, pipeline.crop.find, pipeline.resize.cut, pipeline.filter.rules, "
    "pipeline.filter.samples, pipeline.degrade.write"
)
TRAINING = (
    "pipeline.train.run, pipeline.train.agrnet_trainer, pipeline.train.adversarial_trainer, "
    "pipeline.train.graph, pipeline.train.trainer, pipeline.train.foreign, "
    "pipeline.networks.build"
)
TRUNK = "pipeline.losses.composite.trunk"


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
