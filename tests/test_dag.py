"""The whole DAG from the real dvc.yaml, on a small experiment: runs end to end, reruns only what changed."""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dvc.dependency import param
from dvc.repo import Repo
from fsspec.implementations.memory import MemoryFileSystem
from ruamel.yaml import YAML
from tests_root import ROOT
from warm_python import warm_python

from pipeline.images.pixels import encode_jpeg

CODE = (
    "pipeline",
    "stages",
    "dvc.yaml",
    "reports/dvc.yaml",
    "reports/sweep",
    ".dvcignore",
    ".gitignore",
    "data/raw",
    "models/pretrained",
)
PLOTS = ".dvc/plots"
RAN = "ran"  # the commit with which the small params have run

NAMES = ("agrnet", "agrnet_gam", "hr", "dic", "swinir")


def small_params():
    """The demo with a few images, two steps, three forms of the paper's networks, two others, no weights from outside."""
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
    params["models"] |= {
        "agrnet": {"num_arus": 1, "width": 8, "head_width": 4},
        "agrnet_hr": {"num_arus": 1, "widths": [4, 8, 8, 8]},
        "swinir": {"width": 8, "depths": [1], "heads": 2, "window": 4, "up_width": 8},
        "dic": {
            **{"width": 4, "num_steps": 2, "num_groups": 2, "num_fusion_blocks": 1},
            **{"alignment_width": 8, "alignment_levels": 2},
        },
    }
    params["losses"]["composite"] |= {"discriminator_layers": 2, "discriminator_width": 4}
    for task in params["tasks"].values():
        task |= {"steps": 2, "batch_size": 2, "log_every_steps": 1, "validation_images": 1, "precise_batch_norm": 2}
    params["report"]["strips"] = 1
    return with_networks(params, NAMES)


def with_networks(params, names):
    """The params with some of their networks alone, and with the columns of these."""
    params["networks"] = {name: params["networks"][name] for name in names}
    tables = params["report"]["tables"]
    for name, table in list(tables.items()):
        columns = [column for column in table["columns"] if column["network"] in ("bicubic", *names)]
        table["columns"] = columns
        kept = {column["network"] for column in columns} - {"bicubic"}
        if not kept or table["baseline"] not in [column["label"] for column in columns]:
            del tables[name]
    return params


def odd_files() -> dict[str, bytes]:
    """What lies among the photos of Helen, and is rejected there, name -> content."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encode_jpeg(noise, 90)
    return {"empty.jpg": b"", "text.jpg": b"no photo", "truncated.jpg": whole[: len(whole) // 2], "wall.jpg": whole}


SETS = ("celeba", "helen", "ffhq", "celebahq", "real")

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

    def __init__(self, folder: Path, warm: Path | None = None):
        """warm: a folder with a `python` and a `dvc` that whole runs use."""
        self.folder = folder
        # The stages' `python` is the one of these tests; their code is the copy's.
        self.env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_ALBUMENTATIONS_UPDATE": "1",
        }
        self.warm = {"PATH": f"{warm}{os.pathsep}{self.env['PATH']}"} if warm else {}

    def create(self, params: dict) -> "Project":
        for name in CODE:
            source, target = ROOT / name, self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))  # restore's
            else:
                shutil.copy2(source, target)
        self.put_odd_files()
        self.write(params)
        self.run("git", "init", "-q")
        self.run("git", "config", "user.name", "test")
        self.run("git", "config", "user.email", "test@example.org")
        self.run("git", "config", "core.compression", "0")  # weights, which only take time
        self.run("dvc", "init", "-q")
        self.run("dvc", "config", "core.analytics", "false")
        shutil.copytree(ROOT / PLOTS, self.folder / PLOTS)
        self.commit()
        return self

    def put_odd_files(self) -> None:
        for name, data in odd_files().items():
            (self.folder / "data/raw/helen" / name).write_bytes(data)

    def write(self, params: dict) -> None:
        YAML().dump(params, self.folder / "params.yaml")

    def run(self, *command: str, **env: str) -> str:
        # Into files: a pipe is waited for until the queue's worker, which inherits it, has ended too.
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run(command, cwd=self.folder, env=self.env | env, stdout=out, stderr=err, check=False)
            said, errors = (file.seek(0) or file.read() for file in (out, err))
        assert done.returncode == 0, f"{' '.join(command)}\n{said[-3000:]}\n{errors[-3000:]}"
        return said

    def fails(self, *command: str, **env: str) -> str:
        """What a command says that must fail."""
        done = subprocess.run(command, cwd=self.folder, env=self.env | env, capture_output=True, text=True, check=False)
        assert done.returncode != 0, f"{' '.join(command)}\n{done.stdout[-3000:]}"
        return done.stdout + done.stderr

    def changed(self) -> set[str]:
        """The stages whose code, data, params or outputs are not those of their last run, as DVC sees it."""
        # Asked here: a process each time would take most of its time to start. DVC parses params.yaml for every stage, and
        # looks through all folders that this process has hashed at each one.
        MemoryFileSystem.store.clear()
        with Repo(str(self.folder)) as repo, pytest.MonkeyPatch.context() as patch:
            patch.setattr(param, "load_path", functools.cache(param.load_path))
            return {name.split(":")[-1] for name in repo.status()}

    def commit(self) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "state")

    def run_once(self) -> list[str]:
        """The small params and all that follows from them: by the pipeline, later out of the cache. What ran."""
        if self.run("git", "tag"):
            self.run("git", "reset", "-q", "--hard", RAN)
            self.run("git", "clean", "-fdq")
            self.run("dvc", "checkout", "-q", "--force")
            self.put_odd_files()  # photos are in no history
            return []
        ran = self.repro()
        self.commit()
        self.run("git", "tag", RAN)
        return ran

    def repro(self, *stages: str) -> list[str]:
        """Run the pipeline, or what leads to some stages; returns the stages that ran."""
        lines = self.run("dvc", "repro", *stages, **self.warm).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def json(self, path: str) -> dict:
        return json.loads((self.folder / path).read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with warm_python(warm := tmp_path_factory.mktemp("warm")):
        yield Project(tmp_path_factory.mktemp("dag"), warm).create(small_params())


def figures_of(project):
    """The report as far as the parameters."""
    figures, parameters = (project.folder / "reports/report.md").read_text().split("\n## Environment and parameters\n")
    assert "report:" in parameters
    return figures


@pytest.mark.middle
def test_the_dag_runs_end_to_end_and_reruns_only_what_changed(project):
    assert sorted(project.run_once()) == sorted(
        ["pretrained", "recipes", "reference", "bicubic", "examples", "report"]
        + [f"{stage}@{key}" for stage in ("ingest", "crop", "filter", "resize", "degrade") for key in SETS]
        + [f"{stage}@{name}" for stage in ("train", "infer", "evaluate") for name in NAMES]
    )
    for key in SETS:
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

    before = os.times()
    assert project.repro() == []
    used = os.times()
    assert used.children_user + used.children_system < before.children_user + before.children_system + 5

    # Two changes that have nothing to do with each other: a file of a test set, and a network's head.
    (project.folder / "data/raw/helen/empty.jpg").write_bytes(b"not empty any more")
    params = small_params()
    params["networks"]["agrnet_gam"]["changes"]["model"]["head_width"] = 6
    project.write(params)
    reran = project.repro()
    of_the_file = ["ingest@helen", "crop@helen", "filter@helen", "resize@helen"]  # what they keep has not changed
    assert [stage for stage in reran if stage.endswith("@helen")] == of_the_file
    of_the_head = ["recipes", "train@agrnet_gam", "infer@agrnet_gam", "evaluate@agrnet_gam", "report"]
    assert [stage for stage in reran if not stage.endswith("@helen")] == of_the_head
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
    assert all(f'id = "{name}"' in plots for name in ("x8_loss", "blind_psnr_y", "helen_psnr_y"))
    assert all(f'"rev": "{rev}"' in plots for rev in ("HEAD", "workspace"))

    params["evaluate"]["metrics"].remove("conventions")  # metrics change, and no network runs again
    project.write(params)
    reran = project.repro()
    assert {stage.split("@")[0] for stage in reran} == {"reference", "bicubic", "evaluate", "report"}
    assert "psnr_dic" not in pd.read_parquet(project.folder / "data/evaluate/agrnet/helen.parquet")


ROOMS = {  # what is changed -> the stages whose inputs that is: section 3 of the design, asked of DVC
    "pipeline/networks/agrnet/network.py": {
        "examples",
        *(f"{stage}@{n}" for stage in ("train", "infer") for n in ("agrnet", "agrnet_gam")),
    },
    "pipeline/networks/agrnet_hr/network.py": {"train@hr", "infer@hr", "examples"},
    "pipeline/networks/swinir/network.py": {"train@swinir", "infer@swinir"},
    "pipeline/networks/units/acon.py": {
        "examples",
        *(f"{stage}@{name}" for stage in ("train", "infer") for name in NAMES),
    },
    "pipeline/losses/composite/terms.py": {"train@hr"},
    "pipeline/losses/dic/loss.py": {"train@dic"},
    "pipeline/losses/pixel/loss.py": {"train@agrnet", "train@agrnet_gam", "train@swinir"},
    "pipeline/metrics/kid.py": {"reference", "bicubic", "examples", "report", *(f"evaluate@{name}" for name in NAMES)},
    "pipeline/metrics/fidelity/psnr.py": {
        *("reference", "bicubic", "examples", "report"),
        *(f"{stage}@{name}" for stage in ("train", "evaluate") for name in NAMES),
    },
    "pipeline/report/page/prose.py": {"report"},
    "pipeline/photos/decode.py": {
        "examples",
        *(f"{stage}@{key}" for stage in ("ingest", "crop", "filter", "resize") for key in SETS),
    },
    "pipeline/train/schedule.py": {f"train@{name}" for name in NAMES},
    "pipeline/infer/fold.py": {"examples", *(f"infer@{name}" for name in NAMES)},
    "pipeline/examples/photographs.py": {"examples"},
    "models/pretrained/hr/card.json": {"examples", "report"},
    "stages/degrade.py": {f"degrade@{key}" for key in SETS},
    "pipeline/params/base.py": {"recipes"},
}
CARRIERS = (  # they carry and decide nothing
    *("pipeline/store/licences.py", "pipeline/runtime/parallel.py"),
    *("pipeline/networks/build.py", "pipeline/losses/build.py"),
    *("pipeline/commands/keep.py", "pipeline/networks/README.md"),
)


@contextlib.contextmanager
def edited(folder, *names):
    """Files with a line more, as long as the context lasts; one that is not there is there."""
    before = {folder / name: (folder / name).read_bytes() if (folder / name).is_file() else None for name in names}
    for file, content in before.items():
        file.write_bytes((content or b"") + b"# changed\n")
    yield
    for file, content in before.items():
        file.unlink() if content is None else file.write_bytes(content)


@pytest.mark.middle
def test_what_runs_again_when_one_thing_changes(project):
    project.run_once()
    for path, wanted in ROOMS.items():
        with edited(project.folder, path):
            assert (path, project.changed()) == (path, wanted)
    with edited(project.folder, *CARRIERS):
        assert project.changed() == set()
    params = small_params()
    params["networks"]["dic"]["changes"] = {"loss": {"align_weight": 0.2}}
    project.write(params)
    assert project.changed() == {"recipes", "report"}
    project.repro("recipes")
    assert project.changed() == {"train@dic", "report"}  # infer and evaluate follow from its weights
    params["losses"]["dic"]["align_weight"] = 0.3  # which the one network with this loss overrides
    project.write(params)
    project.repro("recipes")
    assert project.changed() == {"train@dic", "report"}
    params = small_params()
    params["networks"]["agrnet_acon"] = {"model": "agrnet", "task": "x8", "loss": "pixel"}
    project.write(params)
    project.repro("recipes")
    assert project.changed() == {"train@agrnet_acon", "infer@agrnet_acon", "evaluate@agrnet_acon", "report"}
    project.write(small_params())
    project.repro("recipes")
    assert project.changed() == set()


def shown(path: str) -> str:
    """The code that the README of the networks shows under a file's name."""
    text = (ROOT / "pipeline/networks/README.md").read_text()
    return re.search(rf"`{path}`:\n\n```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.middle
def test_a_network_of_ones_own_is_a_folder_a_line_and_an_entry(project):
    project.run_once()
    room, build = project.folder / "pipeline/networks/toy", project.folder / "pipeline/networks/build.py"
    room.mkdir()
    for name in ("network.py", "__init__.py"):
        (room / name).write_text(shown(f"pipeline/networks/toy/{name}"))
    build.write_text(build.read_text().replace("NETWORKS = {\n", 'NETWORKS = {\n    ("toy", "x8"): "Toy",\n'))
    params = with_networks(small_params(), [name for name in NAMES if name != "agrnet_gam"])  # and one that goes
    params["models"]["toy"] = {}
    params["networks"]["toy"] = {"model": "toy", "task": "x8", "loss": "pixel", "changes": {"model": {"width": 6}}}
    params["report"]["tables"]["table_2"]["columns"].append({"label": "Toy", "network": "toy"})
    project.write(params)
    figures = figures_of(project)
    assert project.repro() == ["recipes", "train@toy", "infer@toy", "evaluate@toy", "report"]
    assert ("| Toy" in figures, "agrnet_gam" in figures) == (False, True)
    figures = figures_of(project)
    assert ("| Toy" in figures, "agrnet_gam" in figures) == (True, False)
    params["networks"]["toy"]["changes"]["model"]["wdith"] = 6
    project.write(params)
    assert "Toy cannot be built with" in project.fails("dvc", "repro", "train@toy", **project.warm)


@pytest.mark.middle
def test_stages_run_the_code_of_the_checkout_they_lie_in(project, tmp_path):
    """One environment, into which another checkout is installed, and a clone whose code differs."""
    project.run_once()
    subprocess.run(["git", "clone", "-q", project.folder, tmp_path / "clone"], check=True)
    clone = Project(tmp_path / "clone")
    file = clone.folder / "pipeline/params/file.py"
    file.write_text('raise SystemExit("code of the clone")\n' + file.read_text())
    for stage in ("ingest@celeba", "report"):
        assert "code of the clone" in clone.fails("dvc", "repro", "--single-item", "--force", stage)
    command = "import os; os.environ.pop('WORLD_SIZE', None); from pipeline.train.distributed import launched; "
    assert "code of the clone" in clone.fails(sys.executable, "-c", f"{command}launched(2, 'stages.train', 'agrnet')")


@pytest.mark.middle
def test_an_experiment_runs_the_code_that_it_was_begun_with(project):
    project.run_once()
    file = project.folder / "pipeline/ingest/read.py"
    before = file.read_text()
    try:
        file.write_text(f'print("as it was tried")\n{before}')
        assert "as it was tried" in project.run("dvc", "exp", "run", "--temp", "--name", "beside", "ingest@celeba")
        file.write_text(f'print("as it was queued")\n{before}')
        project.run("dvc", "exp", "run", "--queue", "--name", "queued", "ingest@celeba")
        file.write_text(f'raise SystemExit("edited after queueing")\n{before}')
        project.run("dvc", "queue", "start")
        for _ in range(30):
            time.sleep(3)  # asking takes as much of the machine as the work does
            status = project.run("dvc", "queue", "status")
            if "Success" in status or "Failed" in status:
                break
        assert "Success" in status
        assert "as it was queued" in project.run("dvc", "queue", "logs", "queued")
        assert "edited after queueing" in project.fails("dvc", "repro", "--force", "--single-item", "ingest@celeba")
    finally:
        project.run("dvc", "queue", "stop", "--kill")


# What a bare GPU machine lacks, and what README says to take there and to bring back.
LACKING = ("dvc", "ray", "albumentations", "lpips", "torchvision", "torch_fidelity", "skimage", "matplotlib")
THERE = ("params.yaml", "stages", "pipeline", "data/pairs", "data/pretrained")
BACK = ("models/agrnet", "reports/curves/agrnet", "reports/metrics/agrnet/train.json")
TRAIN = (
    f"import runpy, sys; sys.modules |= dict.fromkeys({LACKING!r}); sys.argv = ['stages.train', 'agrnet']; "
    "runpy.run_module('stages.train', run_name='__main__')"
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
    project.run_once()
    params = with_networks(small_params(), ("agrnet", "hr"))
    params["tasks"]["x8"]["learning_rate"] = 0.5
    project.write(params)
    before = (project.folder / "models/agrnet/seed_0.safetensors").read_bytes()
    away = Project(tmp_path / "gpu_machine")
    carry(THERE, project.folder, away.folder)
    away.run(sys.executable, "-c", TRAIN)
    carry(BACK, away.folder, project.folder)
    assert (project.folder / "models/agrnet/seed_0.safetensors").read_bytes() != before
    project.repro("recipes")
    project.run("dvc", "commit", "--force", "train@agrnet")
    assert sorted(project.repro()) == ["evaluate@agrnet", "infer@agrnet", "report"]
    assert project.repro() == []


@pytest.mark.slow
def test_a_fresh_clone_pulls_and_runs_nothing(tmp_path):
    # In a project of its own: what a network left that is gone would be missing in the clone, and the report made again.
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
    project.run_once()
    params = small_params()
    params["runtime"] |= {"ray_above_images": 0, "workers": 2}
    other = Project(tmp_path / "ray")
    other.folder.mkdir()
    other.create(params)
    other.run("dvc", "repro", "degrade")
    for file in sorted((project.folder / "data/pairs").rglob("*.*")):
        again = other.folder / file.relative_to(project.folder)
        assert again.read_bytes() == file.read_bytes(), file.name
