"""What a part imports: data stages no torch, training nothing that a bare GPU machine lacks."""

import subprocess
import sys

import pytest
from tests_root import ROOT

DATA = ("ingest", "crop", "filter", "resize", "degrade")
LACKING = ("dvc", "ray", "albumentations", "lpips", "torchvision", "torch_fidelity")


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.middle
def test_data_stages_import_no_torch_also_through_albumentations():
    run(
        f"import sys, numpy as np, {', '.join(f'stages.{stage}' for stage in DATA)}\n"
        "from pipeline.degrade import kernels\n"
        "kernels.blur(np.zeros((9, 9, 3), np.uint8), 'average', 3, 0, 0, 0)\n"
        "assert 'albumentations' in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
        "import torch; torch.zeros(1)"  # hidden while albumentations was imported, and there again
    )


@pytest.mark.middle
def test_training_needs_nothing_that_a_bare_gpu_machine_lacks():
    run(
        "import sys\n"
        f"sys.modules |= dict.fromkeys({LACKING!r})\n"
        "import stages.train, pipeline.train.graph\n"
        "from pipeline.networks.build import NETWORKS, network_class\n"
        "from pipeline.losses.build import LOSSES\n"
        "import importlib\n"
        "[network_class(*form) for form in NETWORKS]\n"
        "[importlib.import_module(f'pipeline.losses.{loss}') for loss in LOSSES]"
    )
