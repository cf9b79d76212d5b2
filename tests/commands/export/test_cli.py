"""The export command without its optional dependencies, and its options."""

import subprocess
import sys

import pytest
from commands.export.exported import model_folder

from pipeline.commands.export import cli


def test_help_needs_neither_torch_nor_onnx():
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('torch', 'onnx', 'onnxruntime', 'onnxscript'))\n"
        "from pipeline.commands.export.cli import main\n"
        "main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no evidence of anybody's identity" in " ".join(done.stdout.split())


def test_absent_dependencies_are_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name.startswith("onnx") else name)
    assert cli.main(["--onnx", str(tmp_path / "net.onnx"), "--weights", "models/x"]) == 2
    assert "needs onnx, onnxscript: pip install" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--batch", "0"], ["--size-px", "-8"], ["--batch", "2", "--dynamic-batch"], []])
def test_wrong_options_end_the_command(wrong, capsys):
    needed = ["--onnx", "net.onnx", "--weights", "models/x"] if wrong else []
    with pytest.raises(SystemExit) as ended:
        cli.main(needed + wrong)
    assert ended.value.code == 2
    assert "usage: agrnet-export" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("card", "is there already and not from an export"),
        ("mine", "is there already and not from an export"),
        ("broken", "is there already and not from an export"),
        ("runs", "means something else beside weights"),
    ],
)
def test_nothing_is_replaced_that_no_export_wrote(tmp_path, monkeypatch, capsys, name, why):
    monkeypatch.setattr(cli, "find_spec", lambda name: name)
    folder = model_folder(tmp_path / "w", "agrnet")
    (folder / "mine.json").write_text('{"tolerance": 1}')
    (folder / "broken.json").write_text("{")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert cli.main(["--onnx", str(folder / f"{name}.onnx"), "--weights", str(folder)]) == 2
    assert f"{name}.json, which {why}: name another .onnx file" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_earlier_exports_record_may_be_replaced(tmp_path):
    (tmp_path / "net.json").write_text('{"largest_difference": 1e-6, "tolerance": 1e-4, "checks": []}')
    cli._refuse_to_replace(tmp_path / "net.json")
