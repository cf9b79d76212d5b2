"""The whole DAG from the real dvc.yaml, on a small experiment: runs end to end, reruns only what changed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.images.pixels import encode_jpeg

CODE = ("pipeline", "stages", "dvc.yaml", ".dvcignore", ".gitignore", "data/raw")
PLOTS = ".dvc/plots"


def small_params():
    """The demo with a few images, two steps, two variants of AGRNet, one of AGRNet-HR, a peer, no weights from outside."""
    params = YAML(typ="safe").load(ROOT / "profiles/demo.yaml")
    params["pretrained"] |= dict.fromkeys(("alexnet", "vgg16", "vgg19", "inception"), "off")
    for key, data in params["data"].items():
        data["sources"] = [{"kind": "synthetic", "count": 3, "size_px": 192, "seed": 1}]
        data["resize"]["size_px"] = 64
        if key in ("celeba", "helen"):
            data["filter"].pop("side_px", None)  # the faces are smaller than the paper's
            data["degrade"]["lr_px"] = 8
    params["data"]["helen"]["sources"] += [{"kind": "folder", "path": "."}]  # ODD_FILES
    params["data"]["real"]["sources"] = [{"kind": "folder", "path": "."}]  # nobody put a photo there
    params["models"]["agrnet"]["network"] |= {"num_arus": 1, "width": 8, "head_width": 4}
    params["models"]["agrnet_hr"]["network"] |= {"num_arus": 1, "widths": [4, 8, 8, 8]}
    params["models"]["agrnet_hr"]["discriminator"] |= {"layers": 2, "width": 4}
    for model in params["models"].values():
        model["train"] |= {"steps": 2, "batch_size": 2, "log_every_steps": 1, "validation_images": 1}
    chosen = ("agrnet", "agrnet_gam", "hr")
    params["variants"] = {name: params["variants"][name] for name in chosen}
    network = {"width": 8, "depths": [1], "heads": 2, "window": 4, "up_width": 8}
    params["peers"] = {"swinir": params["peers"]["swinir"] | {"network": network}}
    params["report"]["strips"] = 1
    return params


def odd_files() -> dict[str, bytes]:
    """What lies among the photos of Helen, and is rejected there, name -> content."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encode_jpeg(noise, 90)
    return {"empty.jpg": b"", "text.jpg": b"no photo", "truncated.jpg": whole[: len(whole) // 2], "wall.jpg": whole}


# Images that each stage saw, by set; elsewhere three generated faces pass all stages.
SEEN = {
    "helen": {"ingest": 7, "crop": 5, "filter": 4, "resize": 3, "degrade": 3},
    "real": dict.fromkeys(("ingest", "crop", "filter", "resize", "degrade"), 0),
}
REASONS = {
    "ingest": {"unreadable": 2},
    "crop": {"unreadable": 1},
    "filter": {"no face": 1},
}


class Project:
    """A copy of the project's code with its own params, in git and DVC, in a temporary folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        # The stages' `python` is the one of these tests; their code is the copy's.
        self.env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_ALBUMENTATIONS_UPDATE": "1",
        }

    def create(self, params: dict) -> "Project":
        for name in CODE:
            source, target = ROOT / name, self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)
        for name, data in odd_files().items():
            (self.folder / "data/raw/helen" / name).write_bytes(data)
        self.write(params)
        self.run("git", "init", "-q")
        self.run("git", "config", "user.name", "test")
        self.run("git", "config", "user.email", "test@example.org")
        self.run("dvc", "init", "-q")
        self.run("dvc", "config", "core.analytics", "false")
        shutil.copytree(ROOT / PLOTS, self.folder / PLOTS)
        self.commit()
        return self

    def write(self, params: dict) -> None:
        YAML().dump(params, self.folder / "params.yaml")

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def commit(self) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "state")

    def repro(self) -> list[str]:
        """Run the pipeline; returns the stages that ran."""
        lines = self.run("dvc", "repro").splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def json(self, path: str) -> dict:
        return json.loads((self.folder / path).read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("dag")).create(small_params())


def figures_of(project):
    """The report as far as the parameters, which still name the columns of a table whose variant is gone."""
    figures, parameters = (project.folder / "reports/report.md").read_text().split("\n## Environment and parameters\n")
    assert "report:" in parameters
    return figures


@pytest.mark.middle
def test_the_dag_runs_end_to_end_and_reruns_only_what_changed(project):
    ran = project.repro()
    sets = ("celeba", "helen", "ffhq", "celebahq", "real")
    assert sorted(ran) == sorted(
        ["pretrained", "reference", "bicubic", "report"]
        + [f"{stage}@{key}" for stage in ("ingest", "crop", "filter", "resize", "degrade") for key in sets]
        + [f"{stage}@{name}" for stage in ("train", "restore", "evaluate") for name in ("agrnet", "agrnet_gam", "hr")]
        + [f"{stage}_peer@swinir" for stage in ("train", "restore", "evaluate")]
    )
    for key in sets:
        for stage in ("ingest", "crop", "filter", "resize", "degrade"):
            counts = project.json(f"reports/metrics/data/{key}/{stage}.json")
            assert counts["in"] == counts["kept"] + counts["rejected"] == SEEN.get(key, {}).get(stage, 3)
            assert counts["reasons"] == (REASONS.get(stage, {}) if key == "helen" else {})
    metrics = project.json("reports/metrics/agrnet/evaluate.json")
    assert 5 < metrics["helen"]["psnr_y"] < 60
    assert "lpips_alex" not in metrics["helen"]
    assert "switched off" in project.json("data/evaluate/agrnet/absent.json")["lpips_alex"]
    assert "real" not in project.json("reports/metrics/hr/evaluate.json")
    assert "holds no image" in project.json("data/evaluate/hr/absent.json")["real"]
    page = (project.folder / "reports/report.html").read_text()
    assert f"{metrics['helen']['psnr_y']:.2f}" in page
    project.commit()

    start = time.monotonic()
    assert project.repro() == []
    assert time.monotonic() - start < 5

    (project.folder / "data/raw/helen/empty.jpg").write_bytes(b"not empty any more")
    reran = ["ingest@helen", "crop@helen", "filter@helen", "resize@helen", "report"]  # what they keep has not changed
    assert project.repro() == reran
    project.commit()

    params = small_params()
    params["variants"]["agrnet_gam"]["changes"]["network"]["head_width"] = 6
    project.write(params)
    assert project.repro() == ["train@agrnet_gam", "restore@agrnet_gam", "evaluate@agrnet_gam", "report"]
    changed = {path for path, change in json.loads(project.run("dvc", "metrics", "diff", "--json")).items() if change}
    assert changed == {f"reports/metrics/agrnet_gam/{name}.json" for name in ("train", "cost", "evaluate")}
    table = project.run("dvc", "metrics", "diff", "--md")
    assert "agrnet_gam/evaluate.json" in table
    assert "helen.psnr_y" in table
    columns = project.run("dvc", "exp", "show", "--csv", "--only-changed").splitlines()[0]
    assert "agrnet_gam/evaluate.json:helen.psnr_y" in columns
    assert "metrics/agrnet/" not in columns
    project.run("dvc", "plots", "diff", "HEAD")
    plots = (project.folder / "dvc_plots/index.html").read_text()
    assert all(f'id = "{name}"' in plots for name in ("agrnet_loss", "agrnet_hr_psnr_y", "helen_psnr_y"))
    assert all(f'"rev": "{rev}"' in plots for rev in ("HEAD", "workspace"))

    params["peers"]["swinir"]["network"]["up_width"] = 4
    project.write(params)
    assert project.repro() == ["train_peer@swinir", "restore_peer@swinir", "evaluate_peer@swinir", "report"]

    params["evaluate"]["metrics"].remove("conventions")  # metrics change, and no network runs again
    project.write(params)
    reran = project.repro()
    assert {stage.split("@")[0] for stage in reran} == {"reference", "bicubic", "evaluate", "evaluate_peer", "report"}
    assert "psnr_dic" not in pd.read_parquet(project.folder / "data/evaluate/agrnet/helen.parquet")

    del params["variants"]["agrnet_gam"]
    project.write(params)
    before = figures_of(project)
    assert project.repro() == ["report"]
    assert "agrnet_gam" in before
    assert "agrnet_gam" not in figures_of(project)


# What a bare GPU machine lacks, and what README says to take there and to bring back.
LACKING = ("dvc", "dvclive", "ray", "albumentations", "lpips", "torchvision", "torch_fidelity", "skimage", "matplotlib")
THERE = ("params.yaml", "stages", "pipeline", "data/resize", "data/degrade", "data/pretrained")
BACK = ("models/agrnet", "reports/curves/agrnet", "reports/metrics/agrnet/train.json")
TRAIN = (
    f"import runpy, sys; sys.modules |= dict.fromkeys({LACKING!r}); sys.argv = ['stages/train.py', 'agrnet']; "
    "runpy.run_path('stages/train.py', run_name='__main__')"
)


def carry(names, source, target):
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(source / name, target / name)
        else:
            shutil.copy2(source / name, target / name)


@pytest.mark.middle
def test_a_network_is_trained_on_a_bare_machine_and_brought_back(project, tmp_path):
    params = small_params()
    project.write(params)
    project.repro()
    params["models"]["agrnet"]["train"]["learning_rate"] = 0.5
    params["variants"] = {"agrnet": params["variants"]["agrnet"], "hr": params["variants"]["hr"]}
    project.write(params)
    before = (project.folder / "models/agrnet/seed_0.safetensors").read_bytes()
    away = Project(tmp_path / "gpu_machine")
    carry(THERE, project.folder, away.folder)
    away.run(sys.executable, "-c", TRAIN)
    carry(BACK, away.folder, project.folder)
    assert (project.folder / "models/agrnet/seed_0.safetensors").read_bytes() != before
    project.run("dvc", "commit", "--force", "train@agrnet")
    # A peer has what it does not say itself from AGRNet's training, so that is looked at again; its own rate is the same.
    assert sorted(project.repro()) == ["evaluate@agrnet", "report", "restore@agrnet", "train_peer@swinir"]
    assert project.repro() == []


@pytest.mark.slow
def test_a_fresh_clone_pulls_and_runs_nothing(tmp_path):
    # In a project of its own: what a variant left that is gone would be missing in the clone, and the report made again.
    project = Project(tmp_path / "project")
    project.folder.mkdir()
    project.create(small_params()).repro()
    project.commit()
    project.run("dvc", "remote", "add", "-f", "-d", "shelf", str(tmp_path / "shelf"))
    project.commit()
    project.run("dvc", "push", "-q")
    subprocess.run(["git", "clone", "-q", project.folder, tmp_path / "clone"], check=True)
    clone = Project(tmp_path / "clone")
    shutil.copytree(
        project.folder / "data/raw", clone.folder / "data/raw", dirs_exist_ok=True
    )  # photos are in no history
    clone.run("dvc", "pull", "-q")
    assert clone.repro() == []
    assert (clone.folder / "reports/report.html").read_bytes() == (project.folder / "reports/report.html").read_bytes()


@pytest.mark.slow
def test_the_same_params_give_the_same_bytes_over_ray(project, tmp_path):
    project.repro()
    params = small_params()
    params["runtime"] |= {"ray_above_images": 0, "workers": 2}
    other = Project(tmp_path / "ray")
    other.folder.mkdir()
    other.create(params)
    other.run("dvc", "repro", "degrade")
    for file in sorted((project.folder / "data/degrade").rglob("*.*")):
        again = other.folder / file.relative_to(project.folder)
        assert again.read_bytes() == file.read_bytes(), file.name
