"""Environment, params and deviations: what the cards and files say, the same each time."""

import csv
import json
import platform
import tomllib
from importlib import metadata

import pytest
from tests_root import ROOT

from pipeline.params.file import PARAMS_FILE
from pipeline.report.tables import environment
from pipeline.store import manifest, paths
from pipeline.store.files import write_json
from pipeline.train.checkpoint import digest


def card_of(name: str, **values) -> None:
    path = paths.MODELS / name / "card.json"
    write_json(path, json.loads(path.read_text()) | values)


def line_of(markdown: str, start: str) -> str:
    part = markdown.split("## Environment and parameters")[1]
    return next(line for line in part.splitlines() if line.startswith(f"| {start}"))


def test_cards_tell_what_the_networks_were_trained_with(project):
    made = {"device": "a processor", "versions": {"python": "3.11.7", "torch": "2.15.0"}, "code_sha256": "ab" * 32}
    card_of("agrnet", **made)
    card_of("agrnet_baseline", **made)
    markdown, _ = project.build()
    told = line_of(markdown, "agrnet, agrnet_baseline<br>AGRNet |")
    assert told.endswith("| a processor | fp32 | 3.11.7 | 2.15.0 | abababababab | not recorded |")
    with open(paths.REPORTS / "tables" / "environment_trainings.csv") as file:
        assert next(csv.DictReader(file))["code"] == "ab" * 32


def test_what_a_card_does_not_tell_is_not_recorded(project):
    project.by_others("agrnet")
    markdown, _ = project.build("agrnet")
    assert line_of(markdown, "agrnet<br>AGRNet |").count("| not recorded") == 6


def test_a_sets_digest_is_the_one_that_cards_name(project):
    for key in paths.SETS:
        files = [paths.paired_folder(stage, key) / manifest.FILE for stage in ("degrade", "resize")]
        assert environment.set_digest(key) == digest(files=files)


@pytest.mark.middle
def test_weights_of_other_data_are_told(project):
    said = "Not the data that lie here as CelebA"
    data = {"set": "celeba", "images": 3, "size_px": 32}
    card_of("agrnet", data=data | {"manifests_sha256": environment.set_digest("celeba")})
    markdown, _ = project.build()
    assert said not in markdown
    assert environment.set_digest("celeba")[:12] in line_of(markdown, "agrnet<br>AGRNet |")
    card_of("agrnet", data=data | {"manifests_sha256": "0" * 64})
    markdown, html = project.build()
    assert said in markdown
    assert said in html


def test_versions_are_those_that_run_here(pages):
    markdown, _ = pages
    assert line_of(markdown, "Python |") == f"| Python | {platform.python_version()} |"
    assert line_of(markdown, "torch |") == f"| torch | {metadata.version('torch')} |"


def test_every_package_named_is_a_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = project["dependencies"] + project["optional-dependencies"]["pipeline"]
    assert all(any(line.startswith(package) for line in named) for package in environment.PACKAGES)


def test_params_stand_there_whole_and_are_no_markup(project):
    text = "profile: demo # <b>a & b</b>\nseeds: [0]\n"
    PARAMS_FILE.write_text(text)
    markdown, html = project.build()
    assert f"```yaml\n{text}```" in markdown
    assert "profile: demo # &lt;b&gt;a &amp; b&lt;/b&gt;\nseeds: [0]\n</code></pre>" in html


def test_the_readme_points_to_the_only_copy_of_the_deviations():
    assert f"]({environment.DEVIATIONS.relative_to(ROOT)})" in (ROOT / "README.md").read_text()


def test_deviations_are_rendered_in_both_forms(pages):
    markdown, html = pages
    text = environment.DEVIATIONS.read_text()
    assert text.strip() in markdown
    part = html.split('<section id="deviations"')[1].split("</section>")[0]
    assert part.count("<li>") == text.count("\n- ")
    assert part.count("<strong>") == text.count("**") // 2
    assert "*" not in part
    assert "`" not in part
