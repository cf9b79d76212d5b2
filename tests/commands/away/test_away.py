"""Packed here, trained on a machine that lacks almost everything, brought back."""

import hashlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import ingest_rows
from params.edited import edit_params
from PIL import Image
from safetensors.torch import load, load_file
from small_sets import smooth_image, smooth_landmarks
from stage_project import go_to_copy, written
from tests_root import ROOT

from pipeline.commands.away import back, halves, pack, parcel
from pipeline.commands.away.there import start, stop
from pipeline.losses.composite.perceptual import VGGFeatures
from pipeline.params.file import parse
from pipeline.store import manifest, paths
from pipeline.store.features import CONV_LAYERS
from pipeline.store.files import write_json
from pipeline.store.landmarks import LANDMARK_COLUMNS
from pipeline.store.pretrained import STATUS, PretrainedMissing
from pipeline.store.weights import read_card, save_weights
from pipeline.train.run import train_network

PHOTOS = 6
LACKING = ("dvc", "ray", "mtcnn", "imagehash", "pi_heif", "lpips", "torchvision", "torch_fidelity")


def lay_photos(key):
    """Photos of a set, and the manifest of the filter, which keeps all but one."""
    root = Path(getattr(parse().data, key).root)
    root.mkdir(parents=True, exist_ok=True)
    for number in range(PHOTOS + 1):
        Image.fromarray(smooth_image(number, 96)).save(root / f"{number}.png")
    square = {"mode": "box", "left": 0, "top": 0, "side": 96.0}
    rows = []
    for number, row in enumerate(ingest_rows(root)):
        landmarks = dict(zip(LANDMARK_COLUMNS, (smooth_landmarks(number) * 96).reshape(-1).tolist(), strict=True))
        rows.append(row | {"photo": row["key"], **square, **landmarks})
    rows[2] |= {"kept": False, "reason": "blur"}
    manifest.write_manifest(paths.stage_folder("filter", key), rows)


def by_the_clock(name, minutes=0.02, **entry):
    def edit(values):
        values["networks"][name] |= {"changes": {"train": {"minutes": minutes}}} | entry

    edit_params(edit)


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    """Photos that went through the filter, and params that train both networks for a second."""
    root = written(tmp_path_factory.mktemp("laid") / "place", steps=2)

    def edit(values):
        for key in ("celeba", "ffhq"):
            values["data"][key]["resize"]["size_px"] = 32
        values["data"]["celeba"]["degrade"]["lr_px"] = 4

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        edit_params(edit)
        for key in ("celeba", "ffhq"):
            lay_photos(key)
        for task in ("x8", "blind"):
            write_json(paths.PRETRAINED / task / STATUS, {})
        by_the_clock("agrnet")
        by_the_clock("hr")
    return root


@pytest.fixture
def project(laid, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return go_to_copy(laid, tmp_path / "here", monkeypatch)


def there(folder, archive, monkeypatch):
    """The folder on the other machine, which has the archive and nothing else."""
    folder.mkdir()
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    monkeypatch.chdir(folder)
    return folder


def run_stage(name, key, monkeypatch):
    monkeypatch.setattr(sys, "argv", [name, key])
    runpy.run_path(ROOT / f"stages/{name}.py", run_name="__main__")


def manifests(key):
    return [(paths.paired_folder(stage, key) / manifest.FILE).read_bytes() for stage in ("resize", "degrade")]


@pytest.mark.middle
@pytest.mark.parametrize("key", ["celeba", "ffhq"])
def test_the_training_set_that_is_made_there_is_the_one_that_would_be_made_here(project, monkeypatch, key):
    made = {}
    for place in ("here", "there"):
        if place == "there":
            pack.pack(["agrnet", "hr"], project.parent / "away.tar.gz")
            there(project.parent / "there", project.parent / "away.tar.gz", monkeypatch)
            assert not (Path("data/raw")).exists()
        for stage in ("resize", "degrade"):
            run_stage(stage, key, monkeypatch)
        made[place] = manifests(key)
    assert made["here"] == made["there"]
    assert len(manifest.read_kept(paths.paired_folder("resize", key))) == PHOTOS


def test_what_cannot_be_packed_says_what_to_change(project):
    out = project.parent / "away.tar.gz"
    by_the_clock("agrnet_gam", minutes=None)
    edit_params(lambda values: values["networks"]["agrnet_gam"].pop("changes"))
    edit_params(lambda values: values["networks"]["dic"].update(weights={"path": "x", "sha256": "0" * 64}))
    edit_params(lambda values: values["networks"]["hr"].update(start="../weights"))
    for names, told in (
        (["nobody"], "there is no network 'nobody'"),
        (["agrnet_gam"], r"networks\.agrnet_gam: give its length in minutes"),
        (["dic"], r"networks\.dic is not trained"),
        (["hr"], "lies outside of this folder"),
    ):
        with pytest.raises(pack.PackError, match=told):
            pack.pack(names, out)
    with pytest.raises(pack.PackError, match=r"the archive would have 0\.\d MiB, 0\.01 are allowed \(code 1"):
        pack.pack(["agrnet"], out, limit_mib=0.01)
    assert not out.exists()


def test_without_the_perceptual_network_nothing_is_packed_where_the_loss_needs_it(project):
    write_json(paths.PRETRAINED / "blind" / STATUS, {"vgg16": {"available": False, "file": None, "reason": "off"}})
    edit_params(lambda values: values["losses"]["composite"].update(pc=1, without_trunk="stop"))
    with pytest.raises(PretrainedMissing, match=r"Eq\. \(25\), needs vgg16"):
        pack.pack(["hr"], Path("away.tar.gz"))
    assert not Path("away.tar.gz").exists()
    edit_params(lambda values: values["losses"]["composite"].update(without_trunk="leave_out"))
    pack.pack(["hr"], Path("away.tar.gz"))


def test_beside_a_checkout_code_and_kept_weights_stay_behind(project):
    kept = paths.KEPT_WEIGHTS / "hr"
    state = torch.nn.Linear(2, 2).state_dict()
    save_weights(kept / "weights.safetensors", state)
    by_the_clock("hr", start=pinned(kept))
    names = {}
    for beside in (True, False):
        pack.pack(["hr"], Path("away.tar.gz"), beside=beside)
        with tarfile.open("away.tar.gz") as tar:
            names[beside] = set(tar.getnames())
    left_out = names[False] - names[True]
    assert {"models/pretrained/hr/weights.safetensors", "stages/train.py", "pipeline/train/run.py"} <= left_out
    assert {Path(name).parts[0] for name in left_out} == {"models", "stages", "pipeline"}
    assert {Path(name).suffix for name in names[False] if name.startswith(("stages", "pipeline"))} == {".py"}
    assert not [name for name in names[False] if "celeba" in name]
    runtime = parse_bytes(pack.params_there()).runtime
    assert runtime.ray_above_images > 10**6


def parse_bytes(text):
    Path("there.yaml").write_bytes(text)
    return parse(Path("there.yaml"))


def pinned(folder):
    by_the_clock("hr", start=str(folder))
    with pytest.raises(ValueError, match="without its SHA-256") as told:
        pack.pack(["hr"], Path("away.tar.gz"))
    return {"path": str(folder), "sha256": re.search("sha256: ([0-9a-f]{64})", str(told.value))[1]}


def test_half_of_the_perceptual_network_travels_and_the_loss_sees_the_same():
    features = {}
    for number, (inputs, outputs, side) in CONV_LAYERS["vgg16"].items():
        features[f"features.{number}.weight"] = torch.randn(outputs, inputs, side, side) * 0.05
        features[f"features.{number}.bias"] = torch.randn(outputs) * 0.05
    half = halves.narrowed(features, "vgg16")
    assert sum(value.nbytes for value in half.values()) < 20.2e6
    assert halves.packed_name("blind", "vgg16") == "away/blind_vgg16.safetensors"
    whole = {name: value.half().float() for name, value in features.items()}
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    ours, full = (VGGFeatures("vgg16", state)(image) for state in (halves.widened(half, "vgg16"), whole))
    assert len(ours) == 5
    assert all(torch.equal(a, b) for a, b in zip(ours, full, strict=True))


def test_a_parcel_is_read_whole_or_not_at_all(tmp_path):
    out, content = tmp_path / "out", tmp_path / "content"
    for folder in (out, content / "models/mine"):
        folder.mkdir(parents=True)
    (content / "models/mine/a").write_bytes(os.urandom(9000))
    parcel.write_parts("mine", content, out, part_bytes=4000)
    parcel.write_parts("other", content, out, part_bytes=4000)
    first = {file.name for file in out.iterdir()}
    (content / "models/mine/a").write_bytes(os.urandom(9000))
    parcel.write_parts("mine", content, out, part_bytes=4000)
    second = {file.name for file in out.iterdir()}
    assert {name for name in first & second} == {name for name in second if name.startswith("other.")}
    assert max(file.stat().st_size for file in out.iterdir()) == 4000
    assert set(parcel.read_parts(out)) == {"mine", "other"}
    (content / "models/mine/a").write_bytes(os.urandom(90))
    (tmp_path / "again").mkdir()
    parcel.write_parts("mine", content, tmp_path / "again")
    (again,) = (Path(shutil.copy(file, out)) for file in (tmp_path / "again").iterdir())
    with pytest.raises(ValueError, match="of mine two trainings lie there whole"):
        parcel.read_parts(out)
    again.unlink()
    (damaged,) = out.glob("mine.*.2of*")
    damaged.write_bytes(b"x" * 4000)
    with pytest.raises(ValueError, match="of mine a part is missing or damaged"):
        parcel.read_parts(out)
    damaged.unlink()
    with pytest.raises(ValueError, match="of mine a part is missing or damaged"):
        parcel.read_parts(out)


@pytest.mark.parametrize(
    "name", ["params.yaml", "models/other/card.json", "models/mine/../../x", "reports/metrics/mine/x"]
)
def test_nothing_but_a_networks_results_is_brought_back(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content = tmp_path / "content"
    (content / "models/mine").mkdir(parents=True)
    (content / "models/other").mkdir()
    target = content / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("{}")
    Path("out").mkdir()
    parcel.write_parts("mine", content, Path("out"))
    if ".." in name:  # what tarfile itself would not write
        rename_member(Path("out"), name)
    with pytest.raises(ValueError, match="which is none of its results"):
        back.bring_back(Path("out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content", "out"]


def rename_member(out, name):
    for file in out.iterdir():
        file.unlink()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    digest = hashlib.sha256(packed.getvalue()).hexdigest()[:16]
    (out / f"mine.{digest}.1of1").write_bytes(packed.getvalue())


@pytest.mark.middle
def test_a_training_that_ended_and_one_that_did_not_come_back(project, monkeypatch):
    """In this process: what travels and where it lies. agrnet is at its end; of hr there is a saved state alone."""
    for key in ("celeba", "ffhq"):
        for stage in ("resize", "degrade"):
            run_stage(stage, key, monkeypatch)
    for name in ("agrnet", "hr"):
        by_the_clock(name, minutes=0.002)
        train_network(name, parse().recipe(name), [0])
    whole = {name: load_file(paths.MODELS / name / "seed_0.safetensors") for name in ("agrnet", "hr")}
    Path("out").mkdir()
    for name, how in (("agrnet", "finished"), ("hr", "unfinished")):
        monkeypatch.setattr(sys, "argv", ["parcel", name, "out", how])
        parcel.main()
    steps = {name: read_card(paths.MODELS / name)["steps"] for name in whole}
    assert back.bring_back(Path("out")) == ["agrnet", "hr"]
    for name, state in whole.items():
        card, folder = read_card(paths.MODELS / name), paths.MODELS / name
        assert (card["precision"], card["steps"]) == ("float16", steps[name])
        assert ("unfinished" in card) == ("ended_by" not in card) == (name == "hr")
        assert back.same_data(card)
        half = load((folder / "seed_0.safetensors").read_bytes())
        assert half.keys() == state.keys()
        assert (folder / "discriminators").is_dir() == (name == "hr")
        assert (paths.METRICS / name / "train.json").is_file()
        assert list((paths.CURVES / name).rglob("loss.tsv"))
    half = load_file(paths.MODELS / "agrnet/seed_0.safetensors")
    for key, value in whole["agrnet"].items():
        torch.testing.assert_close(half[key].float(), value.float(), rtol=1e-3, atol=1e-6)


BLOCK = f"""
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {LACKING!r}:
            raise ModuleNotFoundError(f"{{name}} is not on a bare GPU machine")

sys.meta_path.insert(0, Lacking())
"""


def train_there(folder, minutes):
    """The command as it is called there, in a Python that lacks what a bare GPU machine lacks, pydantic among it: that comes
    as a wheel."""
    (folder / "block").mkdir()
    (folder / "block/sitecustomize.py").write_text(BLOCK)
    environment = os.environ | {"PYTHONPATH": str(folder / "block"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pipeline.commands.away.there", "--minutes", str(minutes), "--out", "out"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_training_is_stopped_with_the_processes_that_it_started(tmp_path, monkeypatch):
    (tmp_path / "parent.py").write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, file=open('pid.unfinished', 'w'), flush=True)\n"
        "import os; os.replace('pid.unfinished', 'pid')\n"
        "time.sleep(600)\n"
    )
    monkeypatch.chdir(tmp_path)
    process = start(dict(os.environ), "parent")
    while not Path("pid").exists():
        time.sleep(0.01)
    stop(process)
    child = Path("/proc") / Path("pid").read_text().strip() / "stat"
    for _ in range(1000):
        try:
            state = child.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":  # ended, and nobody has asked how
            return
        time.sleep(0.01)
    pytest.fail("what the training started still runs")


@pytest.mark.slow
def test_there_and_back(project, monkeypatch):
    wheels = project / "wheels_here"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "brought-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("brought/__init__.py", "")
    pack.pack(["hr", "agrnet"], project.parent / "away.tar.gz", wheels)
    folder = there(project.parent / "there", project.parent / "away.tar.gz", monkeypatch)
    done = train_there(folder, minutes=8)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "site/brought/__init__.py").is_file()
    monkeypatch.chdir(project)
    assert back.bring_back(folder / "out") == ["agrnet", "hr"]
    for name in ("agrnet", "hr"):
        card = json.loads((paths.MODELS / name / "card.json").read_text())
        assert card["ended_by"].startswith("the clock, after 0.02 minutes")
        assert "unfinished" not in card


@pytest.mark.slow
def test_a_training_that_is_too_long_is_stopped_and_what_it_saved_comes_back(project, monkeypatch):
    by_the_clock("hr", minutes=60)
    pack.pack(["hr", "agrnet"], project.parent / "away.tar.gz")
    folder = there(project.parent / "there", project.parent / "away.tar.gz", monkeypatch)
    done = train_there(folder, minutes=1.5)
    assert done.returncode == 1
    assert "away: hr: stopped, its time is over" in done.stdout
    assert "away: agrnet: no time is left for it" in done.stdout
    monkeypatch.chdir(project)
    assert back.bring_back(folder / "out") == ["hr"]
    assert "unfinished" in read_card(paths.MODELS / "hr")
