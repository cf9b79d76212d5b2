"""What a part imports: data stages no torch, training nothing that a bare GPU machine lacks."""

import subprocess
import sys

import pytest
from tests_root import ROOT

DATA = ("ingest", "crop", "filter", "resize", "degrade")
LACKING = (
    *("dvc", "ray", "albumentations", "lpips", "torchvision", "torch_fidelity"),
    *("mtcnn", "imagehash", "pi_heif"),
)


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
def test_what_runs_on_a_bare_gpu_machine_needs_nothing_that_it_lacks():
    """Training, every network and loss; then, with albumentations, which comes as a wheel, the commands of
    pipeline/commands/away there and the stages that they call. One process, since torch takes seconds to load: what it has
    imported already needed less than there is.
    """
    run(
        "import sys\n"
        f"sys.modules |= dict.fromkeys({LACKING!r})\n"
        "import stages.train, pipeline.train.graph\n"
        "from pipeline.networks.build import NETWORKS, network_class\n"
        "from pipeline.losses.build import LOSSES\n"
        "import importlib\n"
        "[network_class(*form) for form in NETWORKS]\n"
        "[importlib.import_module(f'pipeline.losses.{loss}') for loss in LOSSES]\n"
        "del sys.modules['albumentations']\n"
        "import stages.resize, stages.degrade\n"
        "import pipeline.commands.away.halves, pipeline.commands.away.parcel"
    )


def test_the_command_that_begins_there_needs_python_alone():
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pipeline.commands.away.there"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
