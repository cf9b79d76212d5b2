"""dvc.yaml against the code: what a stage reads is what it is cached against."""

import ast
import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.losses.build import LOSSES
from pipeline.networks.build import NETWORKS
from pipeline.params.base import told
from pipeline.params.data import BlurRule, FilterParams, SideRule
from pipeline.params.degrade import Range, RealDegradation
from pipeline.params.file import load, parse
from pipeline.params.stages import EvaluateParams, InferParams
from pipeline.store import paths
from pipeline.train.run import code_rooms

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
BODIES = {name: stage.get("do", stage) for name, stage in STAGES.items()}
PARAMS = parse(ROOT / "params.yaml")

# They carry data and decide nothing (dvc.yaml says so at its head).
EXEMPT = ("params/", "store/", "runtime/", "networks/build.py", "losses/build.py")
OF_DATA, OF_NETWORKS = ("ingest", "crop", "filter", "resize", "degrade"), ("train", "infer", "evaluate")
# (stage, model, task, loss): every item that dvc.yaml's templates are filled with, and every one that they could be.
ITEMS = [(stage, *form, loss) for stage in OF_NETWORKS for form in NETWORKS for loss in LOSSES]
ITEMS += [(stage, "", "", "") for stage in BODIES if stage not in OF_NETWORKS]


@cache
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


@cache
def closure(stage, model, loss):
    """All project files that a stage script imports, directly or not, with the rooms of the network and the loss that it is
    run for, which the two build.py import by name. What is exempt is left out."""
    todo, files = [ROOT / f"stages/{stage}.py"], set()
    models = paths.TASKS.values() if stage == "examples" else (model,)  # it runs the paper's two
    while todo:
        current = todo.pop()
        if str(current).endswith("networks/build.py"):
            todo += [file for name in models for file in sorted((ROOT / "pipeline/networks" / name).glob("*.py"))]
        if str(current).endswith("losses/build.py"):
            todo += sorted((ROOT / "pipeline/losses" / loss).glob("*.py"))
        if current in files:
            continue
        files.add(current)
        todo += [file for name in imports(current) if (file := module_file(name)) and file not in files]
    found = {str(file.relative_to(ROOT)) for file in files if file.stat().st_size}
    exempt = tuple(f"pipeline/{part}" for part in EXEMPT)
    return {path for path in found if path.startswith("pipeline/") and not path.startswith(exempt)}


def deps(stage, model, task, loss):
    filled = {"${item.model}": model, "${item.task}": task, "${item.loss}": loss}
    named = BODIES[stage]["deps"]
    for template, value in filled.items():
        named = [dep.replace(template, value) for dep in named]
    return named


def test_a_stage_is_its_script():
    assert {*STAGES, "__init__"} == {file.stem for file in (ROOT / "stages").glob("*.py")}
    for name, body in BODIES.items():
        assert body["cmd"].split()[:3] == ["python", "-m", f"stages.{name}"]
        assert f"stages/{name}.py" in body["deps"]


@pytest.mark.parametrize(("stage", "model", "task", "loss"), ITEMS)
def test_deps_are_the_rooms_that_a_stage_looks_into(stage, model, task, loss):
    named = [dep for dep in deps(stage, model, task, loss) if dep.startswith("pipeline/")]
    if stage == "recipes":
        assert named == ["pipeline/params"]  # here alone: train is cached against what comes of it
        return
    used = closure(stage, model, loss)
    assert [dep for dep in named if not (ROOT / dep).is_dir()] == []
    assert [file for file in used if not any(file.startswith(f"{dep}/") for dep in named)] == []
    assert [dep for dep in named if not any(file.startswith(f"{dep}/") for file in used)] == []


@pytest.mark.parametrize("name", PARAMS.networks)
def test_an_unfinished_training_depends_on_the_rooms_that_dvc_names(name):
    recipe = PARAMS.recipe(name)
    named = [dep for dep in deps("train", recipe.model, recipe.task, recipe.loss) if dep.startswith("pipeline/")]
    assert sorted(f"pipeline/{room}" for room in code_rooms(recipe)) == sorted(named)


LOOKS = {"filter": {"resize"}, "examples": {"resize", "degrade", "infer"}}  # as tests/test_house.py


def test_a_stage_names_no_room_of_another_stage_but_where_it_shows_their_work():
    for stage, body in BODIES.items():
        rooms = {Path(dep).name for dep in body["deps"] if dep.startswith("pipeline/")}
        own = {"reference": "evaluate", "bicubic": "evaluate"}.get(stage, stage)
        assert rooms & (set(BODIES) - {own}) == LOOKS.get(stage, set()), stage


@pytest.mark.parametrize("stage", sorted(BODIES))
def test_params_are_what_the_script_asks_for(stage):
    path = ROOT / f"stages/{stage}.py"
    spec = importlib.util.spec_from_file_location(f"stage_{stage}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = [param.replace("${", "{") for param in BODIES[stage].get("params", [])]
    asked = [section for section in re.findall(r"\$\{([\w.]+)\}", BODIES[stage]["cmd"]) if section != "key"]
    named += [re.sub("^item", "data.{key}", section) for section in asked]
    assert named == list(module.PARAMS)
    key = "hr_md" if stage in OF_NETWORKS else "celeba" if stage in OF_DATA else None
    load(module.PARAMS, ROOT / "params.yaml", key)


MEASURED = EvaluateParams(batch_size=99, device="cuda", threads=7, metrics=["lpips_vgg"])


@pytest.fixture(scope="module")
def commands():
    """Each stage's command, as DVC fills it in."""
    with Repo(str(ROOT)) as repo:
        return {stage.addressing: stage.cmd for stage in repo.index.stages}


@pytest.mark.parametrize(
    ("stage", "section", "other"),
    [
        ("infer", "infer", InferParams(batch_size=99, precision="tf32")),
        *((stage, "evaluate", MEASURED) for stage in ("evaluate", "reference", "bicubic")),
    ],
)
def test_the_command_that_dvc_fills_in_gives_the_section_to_the_script(stage, section, other, commands):
    name = next(iter(PARAMS.networks))
    of = [name] if stage in OF_NETWORKS else []
    words = shlex.split(commands["@".join([stage, *of])])
    begin = ["python", "-m", f"stages.{stage}", *of]
    assert words[: len(begin)] == begin
    given, wanted = told(other, words[len(begin) :]), getattr(PARAMS, section)
    assert {key: getattr(given, key) for key in wanted.model_fields_set} == wanted.model_dump(exclude_unset=True)


@pytest.mark.parametrize("key", paths.SETS)
@pytest.mark.parametrize("stage", ["crop", "filter", "resize", "degrade"])
def test_the_command_that_dvc_fills_in_gives_a_set_s_section_to_the_script(stage, key, commands):
    words = shlex.split(commands[f"{stage}@{key}"])
    given = getattr(PARAMS.data, key)
    begin = ["python", "-m", f"stages.{stage}", key, *([] if stage == "degrade" else [given.root])]
    assert words[: len(begin)] == begin
    wanted, settings = getattr(given, stage), words[len(begin) :]
    assert told(wanted, settings) == wanted
    assert len([word for word in settings if word.startswith("--")]) == leaves(wanted.model_dump(exclude_unset=True))


def leaves(values):
    return sum(leaves(value) if isinstance(value, dict) else 1 for value in values.values())


EDITED = FilterParams(
    side_px=SideRule(over=64, under=128, action="remove", kinds=["ffhq"]), blur=BlurRule(min=9, action="remove")
)


@pytest.mark.parametrize(
    ("section", "settings", "wanted"),
    [
        (
            RealDegradation(kind="eq28", seed=3, blur_probability=0.5),
            "--kind eq28 --seed 0 --lr_side_px.low 64 --lr_side_px.high 128 --interpolations nearest area",
            RealDegradation(
                kind="eq28", seed=0, lr_side_px=Range(low=64, high=128), interpolations=("nearest", "area")
            ),
        ),
        (
            RealDegradation(kind="eq28", seed=0),
            "--kind eq28 --preset sparnethd --seed 0",
            RealDegradation(kind="eq28", preset="sparnethd", seed=0),
        ),
        (
            EDITED,
            "--side_px.over 64 --side_px.under None --side_px.action flag --side_px.kinds celeba helen",
            FilterParams(side_px=SideRule(over=64, action="flag", kinds=["celeba", "helen"])),
        ),
        (
            EvaluateParams(batch_size=9, metrics=["lpips_vgg"]),
            "--batch_size 8",
            EvaluateParams(batch_size=8, metrics=[]),
        ),
        (EDITED, "", EDITED),  # by hand
    ],
)
def test_nothing_counts_but_what_the_command_says(section, settings, wanted):
    assert told(section, settings.split()) == wanted


def test_a_setting_that_does_not_fit_ends_the_stage(capsys):
    for settings in (["--batch", "2"], ["--batch_size", "none"], ["--device", "tpu"]):
        with pytest.raises(SystemExit) as end:
            told(PARAMS.infer, settings)
        assert end.value.code == 2
        assert settings[0].strip("-") in capsys.readouterr().err


def test_foreach_runs_over_the_dicts_of_params():
    assert {name: stage["foreach"] for name, stage in STAGES.items() if "foreach" in stage} == {
        **dict.fromkeys(OF_DATA, "${data}"),
        **dict.fromkeys(OF_NETWORKS, "${networks}"),
    }


def test_outputs_lie_where_paths_says():
    def filled(text, key):
        item = getattr(PARAMS.data, key)
        return text.replace("${key}", key).replace("${item.task}", item.task).replace("${item.split}", item.split)

    for key in paths.SETS:
        for stage in ("ingest", "crop", "filter"):
            assert [filled(out, key) for out in BODIES[stage]["outs"]] == [str(paths.stage_folder(stage, key))]
        for stage in ("resize", "degrade"):
            assert [filled(out, key) for out in BODIES[stage]["outs"]] == [str(paths.paired_folder(stage, key))]
        for stage in OF_DATA:
            (metric,) = BODIES[stage]["metrics"]
            assert [filled(name, key) for name in metric] == [str(paths.counts_file(stage, key))]


def test_outputs_of_networks_lie_where_paths_says():
    name = "agrnet"
    outs = {stage: [out.replace("${key}", name) for out in BODIES[stage]["outs"]] for stage in OF_NETWORKS}
    assert outs == {
        "train": [str(paths.MODELS / name), str(paths.CURVES / name)],
        "infer": [str(paths.INFERRED / name)],
        "evaluate": [str(paths.EVALUATED / name)],
    }
    assert BODIES["examples"]["outs"] == [str(paths.EXAMPLES)]
    assert str(paths.KEPT_WEIGHTS) in BODIES["examples"]["deps"]


def test_dvc_has_little_to_read():
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 275
    lock = ROOT / "dvc.lock"
    if PARAMS.profile == "demo":
        assert len(lock.read_text().splitlines()) <= 6250


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
