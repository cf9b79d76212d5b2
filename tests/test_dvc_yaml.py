"""dvc.yaml against the code: what a stage reads is what it is cached against."""

import ast
import importlib.util
import re

import pytest
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.params.file import load, parse
from pipeline.params.models import PEER_NETWORKS
from pipeline.store import paths

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
BODIES = {name: stage.get("do", stage) for name, stage in STAGES.items()}
PARAMS = parse(ROOT / "params.yaml")

# They carry data and decide nothing (dvc.yaml says so at its head).
EXEMPT = ("pipeline/params/", "pipeline/store/", "pipeline/runtime/", "pipeline/networks/build.py")
MODELS = ("agrnet", "agrnet_hr")
PEER_STAGES = ("train_peer", "restore_peer", "evaluate_peer")
# (stage, model, whose sets it has): every item that dvc.yaml's templates are filled with.
ITEMS = [(stage, model, model) for stage in sorted(BODIES) if stage not in PEER_STAGES for model in MODELS]
ITEMS += [(stage, peer, sets) for stage in PEER_STAGES for peer, sets in PEER_NETWORKS]


def imports(path):
    """Modules of this project that a file names in any import, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "pipeline"}


def module_file(name):
    path = ROOT / name.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def closure(stage, model):
    """All project files that a stage script imports, directly or not, but what is exempt and other networks' rooms."""
    others = re.compile(rf"pipeline/networks/(?!units/|{model}/|build\.py|__init__)")
    todo, files = [ROOT / f"stages/{stage}.py"], set()
    while todo:
        for name in imports(todo.pop()):
            file = module_file(name)
            path = str(file.relative_to(ROOT)) if file else ""
            if file is None or file in files or others.match(path):
                continue
            files.add(file)
            todo.append(file)
    paths = {str(file.relative_to(ROOT)) for file in files if file.stat().st_size}
    return {path for path in paths if not path.startswith(EXEMPT)}


def deps(stage, model, sets):
    return [dep.replace("${item.model}", model).replace("${item.sets}", sets) for dep in BODIES[stage]["deps"]]


def test_a_stage_is_its_script():
    assert set(STAGES) == {file.stem for file in (ROOT / "stages").glob("*.py")}
    for name, body in BODIES.items():
        assert body["cmd"].split()[:3] == ["python", "-m", f"stages.{name}"]
        assert f"stages/{name}.py" in body["deps"]


@pytest.mark.parametrize(("stage", "model", "sets"), ITEMS)
def test_deps_are_the_rooms_that_a_stage_looks_into(stage, model, sets):
    named = [dep for dep in deps(stage, model, sets) if dep.startswith("pipeline/")]
    used = closure(stage, model)
    assert [dep for dep in named if not (ROOT / dep).is_dir()] == []
    assert [file for file in used if not any(file.startswith(f"{dep}/") for dep in named)] == []
    assert [dep for dep in named if not any(file.startswith(f"{dep}/") for file in used)] == []


@pytest.mark.parametrize("stage", sorted(BODIES))
def test_params_are_what_the_script_asks_for(stage):
    path = ROOT / f"stages/{stage}.py"
    spec = importlib.util.spec_from_file_location(f"stage_{stage}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = [
        p.replace("${key}", "{key}").replace("${item.model}", "{model}").replace("${item.sets}", "{sets}")
        for p in BODIES[stage]["params"]
    ]
    assert named == list(module.PARAMS)
    key = "hr_md" if stage in ("train", "restore", "evaluate") else "swinir" if stage in PEER_STAGES else "celeba"
    load(module.PARAMS, ROOT / "params.yaml", key=key)


def test_foreach_runs_over_the_dicts_of_params():
    assert {name: stage["foreach"] for name, stage in STAGES.items() if "foreach" in stage} == {
        **dict.fromkeys(("ingest", "crop", "filter", "resize", "degrade"), "${data}"),
        **dict.fromkeys(("train", "restore", "evaluate"), "${variants}"),
        **dict.fromkeys(PEER_STAGES, "${peers}"),
    }


def test_outputs_lie_where_paths_says():
    def filled(text, key):
        item = getattr(PARAMS.data, key)
        return text.replace("${key}", key).replace("${item.model}", item.model).replace("${item.split}", item.split)

    for key in paths.SETS:
        for stage in ("ingest", "crop", "filter"):
            assert [filled(out, key) for out in BODIES[stage]["outs"]] == [str(paths.stage_folder(stage, key))]
        for stage in ("resize", "degrade"):
            assert [filled(out, key) for out in BODIES[stage]["outs"]] == [str(paths.paired_folder(stage, key))]
        for stage in ("ingest", "crop", "filter", "resize", "degrade"):
            (metric,) = BODIES[stage]["metrics"]
            assert [filled(name, key) for name in metric] == [str(paths.counts_file(stage, key))]


def test_every_stage_says_what_it_does():
    for name, body in BODIES.items():
        assert len(body["desc"]) > 10, name


def test_nothing_but_the_layout_at_the_top():
    import subprocess

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    if not any(tracked):
        pytest.skip("not a git checkout")
    top = {re.sub("/.*", "", name) for name in tracked if name}
    assert top <= {
        *("pipeline", "stages", "params.yaml", "dvc.yaml", "models", "reports", "tests", "pyproject.toml", "README.md"),
        *("data", "profiles", "Makefile", "LICENSE"),
        *("requirements.lock", "dvc.lock", ".dvc", ".dvcignore", ".gitignore", ".ci"),  # what the tools demand
    }
