"""Fixtures for the tests of the training."""

import gc
import importlib

import pytest


@pytest.fixture(scope="module", autouse=True)
def _libraries_stay():
    """Every training ends with a collection, which would look through what its first optimiser imports: 0.1 s each time."""
    importlib.import_module("torch._dynamo")
    gc.collect()
    gc.freeze()
