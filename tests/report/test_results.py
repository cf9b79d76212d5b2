"""What the report takes from the other stages: the seeds that there are, and which networks are the paper's own."""

from types import SimpleNamespace

import pytest

from pipeline.params.recipe import Changes
from pipeline.report.figures.curves import curve_groups
from pipeline.report.results import read_run
from pipeline.report.tables.cells import unusable
from pipeline.store import paths


@pytest.mark.parametrize(
    ("changes", "itself"),
    [
        ({}, True),
        ({"train": {"learning_rate": 0.0016}}, True),  # as the sweep sets it
        ({"train": {"learning_rate": 0.0004}, "loss": {"discriminator_learning_rate": 0.0016}}, True),
        ({"train": {"learning_rate": 0.0016, "keep_images": "disk"}}, True),
        ({"train": {"learning_rate": 0.0016, "steps": 9}}, False),
        ({"model": {"attention": False}}, False),
        ({"loss": {"norm": "l1"}}, False),
    ],
)
def test_a_network_is_the_paper_s_at_any_learning_rate(project, changes, itself):
    params = project.params()
    entry = params.networks["agrnet"].model_copy(update={"changes": Changes(**changes)})
    run = read_run(params.model_copy(update={"networks": params.networks | {"agrnet": entry}}))
    assert run.results["agrnet"].itself == itself
    assert run.results["agrnet"].altered != itself


def test_a_mean_is_over_the_trainings_that_there_are(project):
    project.seeds = [0, 1, 2]
    params = project.params("agrnet")
    project.change(paths.MODELS / "agrnet" / "card.json", seeds=[0, 1])  # the third ended early
    assert read_run(params).results["agrnet"].seeds == [0, 1]


def test_weights_of_others_have_no_curve_whoever_s_network_it_is(project):
    project.by_others("agrnet")
    assert "agrnet" not in [result.name for results in curve_groups(project.run()).values() for result in results]


def test_a_run_without_reference_images_is_no_obstacle():
    result = SimpleNamespace(metrics={"real": {"images": 5}})
    run = SimpleNamespace(reference={})
    assert not unusable(result, "helen.psnr_y", run)
    assert unusable(result, "real.fid_inception", run)
