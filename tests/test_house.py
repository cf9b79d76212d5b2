"""The house: rooms on floors, who may import whom, what a room may hold (pipeline/README.md)."""

import ast
import re
from collections import Counter
from functools import cache

import pytest
from tests_root import ROOT

from pipeline.losses.build import LOSSES
from pipeline.networks.build import NETWORKS

PACKAGE = ROOT / "pipeline"
# From below. Who stands higher may import who stands lower, never the other way, and nobody on its own floor.
FLOORS = (
    ("store",),
    ("images", "photos", "faces", "params"),
    ("networks", "metrics", "runtime"),
    ("losses",),
    ("pretrained", "ingest", "crop", "resize", "degrade"),
    ("filter", "infer", "evaluate", "report"),
    ("train", "examples"),
    ("commands",),
)
STAGE_ROOMS = (
    *("pretrained", "ingest", "crop", "filter", "resize", "degrade"),
    *("train", "infer", "evaluate", "examples", "report"),
)
# What fell to a rule of the filter is shown as resize would cut it; an example goes through cut, degradation and network.
LOOKS = {("filter", "resize"), ("examples", "resize"), ("examples", "degrade"), ("examples", "infer")}
# Two files of one name say little, but where the folder says the rest.
NAMES_OF_A_KIND = {"__init__.py", "__main__.py", "network.py", "loss.py", "run.py", "build.py"}
# Each folder holds its own side of the same thing: columns of a manifest and a metric on them, a section of params and what
# the report says of it, what is stored and what a command makes of it.
TWICE = {
    *("batches.py", "conventions.py", "curves.py", "data.py", "draw.py", "examples.py", "features.py", "file.py"),
    "landmarks.py",
    *("losses.py", "measure.py", "samples.py", "trained.py", "weights.py", "words.py", "cli.py"),
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(file) -> str:
    """A module's dotted name below the package, e.g. store.paths."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


NAMES = frozenset(map(name_of, MODULES))


@cache
def imported(file) -> frozenset[str]:
    """Modules of the package that a file names in any import, also inside functions, by their names below it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            assert "*" not in [alias.name for alias in node.names], f"{file}: a star import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    inside = {name.removeprefix("pipeline.") for name in found if name.startswith("pipeline.")}
    return NAMES & inside


def room(name: str) -> str:
    return name.partition(".")[0]


@cache
def edges() -> list[tuple[str, str]]:
    """Who imports whom, as rooms. Read by the tests, not while they are collected: that would be once in every process."""
    return sorted({(room(name_of(file)), room(name)) for file in MODULES for name in imported(file)})


FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def test_every_room_stands_on_a_floor_and_no_module_lies_loose():
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(FLOOR)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


def test_who_stands_higher_imports_who_stands_lower():
    assert edges()
    assert [f"{a} imports {b}" for a, b in edges() if a != b and FLOOR[a] <= FLOOR[b]] == []


def test_a_stages_room_looks_into_no_other_stages_room_but_where_it_shows_their_work():
    looks = {(a, b) for a, b in edges() if a != b and a in STAGE_ROOMS and b in STAGE_ROOMS}
    assert looks == LOOKS


def test_store_imports_nothing_params_only_where_things_lie_runtime_only_params():
    for file in MODULES:
        name = name_of(file)
        others = {other for other in imported(file) if room(other) != room(name)}
        if room(name) == "store":
            assert others == set(), name
        if room(name) == "params":
            assert others <= {"store", "store.paths"}, name
        if room(name) == "runtime":
            assert {room(other) for other in others} <= {"params"}, name


@pytest.mark.parametrize(("floor", "rooms"), [("networks", {model for model, _ in NETWORKS}), ("losses", set(LOSSES))])
def test_a_network_and_a_loss_know_what_they_share_and_no_other(floor, rooms):
    """Only build.py names them all; what it imports it imports by name."""
    for file in (PACKAGE / floor).rglob("*.py"):
        name = name_of(file)
        own = name.split(".")[1:2]
        seen = {other.split(".")[1] for other in imported(file) if room(other) == floor and "." in other}
        assert seen <= {"units", *own}, name
    folders = {path.name for path in (PACKAGE / floor).iterdir() if path.is_dir()} - {"units", "__pycache__"}
    assert folders == rooms


def test_imports_are_a_tree():
    graph = {name_of(file): set(imported(file)) - {name_of(file)} for file in MODULES}
    # A package whose __init__ hands on what its modules hold is named by whoever imports one of them: no circle.
    done, under_way = set(), []

    def visit(name):
        if name in done:
            return
        assert name not in under_way, " -> ".join([*under_way[under_way.index(name) :], name])
        under_way.append(name)
        for other in sorted(graph[name]):
            if not name.startswith(f"{other}."):
                visit(other)
        under_way.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def test_nobody_imports_commands_or_stages():
    assert [edge for edge in edges() if edge[1] == "commands" and edge[0] != "commands"] == []
    for file in (ROOT / "stages").glob("*.py"):
        assert "commands" not in {room(name) for name in imported(file)}, file.name
    for file in MODULES:
        assert not re.search(r"^\s*(from|import) stages\b", file.read_text(), re.MULTILINE), file


@pytest.mark.parametrize("name", [*FLOOR, "tests"])
def test_a_folder_of_20_files_asks_for_rooms_of_its_own(name):
    top = ROOT / name if name == "tests" else PACKAGE / name
    for folder in [top, *(path for path in top.rglob("*") if path.is_dir() and path.name != "__pycache__")]:
        files = [path.name for path in folder.iterdir() if path.is_file() and path.name != "__init__.py"]
        assert len(files) < 20, f"{folder.relative_to(ROOT)}: {len(files)} files"


def test_a_files_name_stands_once_but_where_its_folder_says_the_rest():
    names = Counter(file.name for file in MODULES if file.name not in NAMES_OF_A_KIND)
    del names["published.py"]  # what others publish: weights in two networks' rooms, figures in the report's
    assert {name for name, count in names.items() if count > 1} == TWICE
    assert max(names.values()) == 2


def test_a_class_name_has_one_meaning():
    classes = Counter(
        node.name
        for file in MODULES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in classes.items() if count > 1} <= {"Hourglass"}  # of two papers, in their rooms


def test_tests_mirror_the_package():
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    beside = {"browser", "stages"}  # the report in a real browser; stages as DVC calls them
    assert [str(folder) for folder in folders if str(folder) not in beside and not (PACKAGE / folder).is_dir()] == []


# Whole words of the code as it was; each had another meaning somewhere else.
WORDS = (
    "variant",
    "variants",
    "peer_loss",
    "model_name",
    "restorer",
    "Restorer",
    "restore_network",
    "family",
    "LOWEST",
)
ALLOWED = {
    "variant": "PLUMBING",
    "variants": r"degrade[.\w]*[.,] ?\"?variants|of an older scheme|\"variants\" in values",
    "family": "font-family",
}


@pytest.mark.parametrize("word", WORDS)
def test_words_that_meant_several_things_are_gone(word):
    """A network is an entry of params.yaml, a model the class it is built from, a task one of two, restore a command."""
    for file in MODULES:
        if word.startswith("variant") and "degrade" in (*file.parts, file.stem):
            continue  # Eq. (28) makes variants of an image
        for line in file.read_text().splitlines():
            if re.search(rf"\b{word}\b", line):
                assert re.search(ALLOWED.get(word, "^$"), line), f"{file.relative_to(ROOT)}: {line.strip()}"


def test_every_network_sees_the_same_range():
    """[-1, 1]: no parameter says otherwise (networks/units/tensors.py)."""
    for file in MODULES:
        assert not re.search(r"\blowest\s*[:=]", file.read_text()), file
