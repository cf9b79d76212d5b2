"""Fixtures for all tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tests_root import ROOT


@pytest.fixture
def shared() -> Path:
    """The folder of photographs, weights and reference answers beside the checkout; skips where it is missing."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder with photographs and weights is not beside this checkout")
    return folder


@pytest.fixture(autouse=True)
def _one_thread():
    """Networks this small are fastest on one thread, and many threads on a busy machine slow them tenfold."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
