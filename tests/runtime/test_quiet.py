"""What a library would tell its maker about its use, it doesn't."""

import os
import re
import subprocess
import sys

from tests_root import ROOT

ONE = """
from pipeline.commands.restore.networks.by_onnx import shipped
print(len(shipped()))
"""


def test_onnxruntime_makes_no_identity_and_keeps_no_events(tmp_path):
    """Where it reports, it writes these beneath the home and the temporary folder as soon as it is imported."""
    own = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | own
    done = subprocess.run(
        [sys.executable, "-c", ONE], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) >= 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nobody_imports_it_past_that():
    importing = re.compile(r"^\s*(?:import|from) onnxruntime\b", re.MULTILINE)
    files = [file for folder in ("pipeline", "stages", "tests") for file in (ROOT / folder).rglob("*.py")]
    assert [file.name for file in files if importing.search(file.read_text())] == ["quiet.py"]
