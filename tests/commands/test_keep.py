"""What is kept of a run: figures and weights, never a picture of a face."""

import json

import pytest
import stage_project
import torch
from params.edited import edit_params
from safetensors.torch import load_file

from pipeline.commands import keep
from pipeline.infer.trained import check
from pipeline.networks.build import network_of
from pipeline.params.file import parse
from pipeline.store import manifest, paths
from pipeline.store.files import write_json
from pipeline.store.swept import write_rates
from pipeline.store.weights import discriminator_files, save_discriminators
from pipeline.train import checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return stage_project.trained(tmp_path_factory.mktemp("trained") / "place")


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    stage_project.go_to_copy(trained, tmp_path, monkeypatch)
    for name, psnr in (("agrnet", 24.6), ("hr", 24.6), ("bicubic", 23.0)):
        write_json(paths.METRICS / name / "evaluate.json", {"helen": {"images": 6, "psnr_y": psnr}})
    write_json(paths.counts_file("crop", "celeba"), {"in": 6})
    write_json(paths.METRICS / "reference/evaluate.json", {"celebahq": {"images": 2}})
    manifest.write_csv(paths.REPORTS / "tables/table_4.csv", [{"a": 1}])
    for name in ("agrnet", "dic"):
        write_rates({"network": name})
    for figure in ("strip_helen.png", "slices_celebahq_light.png"):
        (paths.REPORTS / "figures").mkdir(exist_ok=True)
        (paths.REPORTS / "figures" / figure).write_bytes(b"a picture")
    return tmp_path


def test_a_run_is_kept_without_pictures_of_faces(project):
    assert list((paths.CURVES / "agrnet").rglob("*.png"))
    folder = keep.keep_run("mine", ["agrnet"])
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert {
        *("params.yaml", "metrics/agrnet/evaluate.json", "metrics/agrnet/train.json", "metrics/bicubic/evaluate.json"),
        *("metrics/data/celeba/crop.json", "models/agrnet/card.json", "models/agrnet/runs.json", "tables/table_4.csv"),
        *("curves/agrnet/seed_3/plots/metrics/train/loss.tsv", "metrics/reference/evaluate.json"),
        "sweep/agrnet.json",
    } <= names
    assert "sweep/dic.json" not in names
    assert [name for name in names if name.endswith((".png", ".safetensors"))] == ["figures/slices_celebahq_light.png"]
    with pytest.raises(FileExistsError):
        keep.keep_run("mine", ["agrnet"])


def test_a_network_that_was_not_evaluated_is_not_kept(project):
    with pytest.raises(ValueError, match="agrnet_gam has not been evaluated"):
        keep.keep_run("mine", ["agrnet_gam"])
    assert not keep.KEPT_RUNS.exists()


def test_weights_are_kept_in_half_precision_with_their_figures_and_licence(project):
    stale = paths.KEPT_WEIGHTS / "agrnet/gate.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("of other weights")
    folder = keep.keep_weights("agrnet")
    assert not stale.exists()
    card = json.loads((folder / "card.json").read_text())
    assert card["figures_in_float32"]["helen"]["psnr_y"] == 24.6
    assert (card["precision"], card["seed"]) == ("float16", 3)
    assert "MIT" in card["may_be_used_for"]
    half, whole = load_file(folder / "weights.safetensors"), load_file(paths.MODELS / "agrnet/seed_3.safetensors")
    assert {value.dtype for value in half.values()} == {torch.float16, torch.int64}
    for name, value in whole.items():
        torch.testing.assert_close(half[name].float(), value.float(), rtol=1e-3, atol=1e-6)
    network_of(parse().recipe("agrnet")).load_state_dict(half)


def test_a_run_of_other_params_is_not_kept(project):
    edit_params(lambda values: values["tasks"]["x8"].update(learning_rate=0.1234, threads=3))
    with pytest.raises(ValueError, match=r"agrnet was trained otherwise than params.yaml says \(train.learning_rate\)"):
        keep.keep_run("mine", ["agrnet"])
    assert not keep.KEPT_RUNS.exists()


def test_weights_of_one_of_several_runs_have_its_figures(project):
    card, other = paths.MODELS / "agrnet/card.json", {"psnr_y": {"seeds": {"3": 25.5, "4": 23.7}, "images": 6}}
    write_json(card, json.loads(card.read_bytes()) | {"seeds": [3, 4]})
    write_json(paths.EVALUATED / "agrnet/intervals.json", {"helen": other})
    kept = json.loads((keep.keep_weights("agrnet") / "card.json").read_bytes())
    assert kept["figures_in_float32"] == {"helen": {"images": 6, "psnr_y": 25.5}}
    with pytest.raises(ValueError, match=r"0\.70 dB above bicubic"):
        keep.keep_weights("agrnet", seed=4)


def test_weights_out_of_the_cache_are_kept_without_the_times_of_their_training(project):
    (paths.MODELS / "agrnet/runs.json").unlink()
    folder = keep.keep_weights("agrnet")
    assert json.loads((folder / "card.json").read_text())["runs"] == {}


def test_weights_too_large_for_git_are_not_kept(project, monkeypatch):
    monkeypatch.setattr(keep, "LARGEST_BYTES", 1000)
    with pytest.raises(ValueError, match="are over 0 MB"):
        keep.keep_weights("agrnet")
    assert not paths.KEPT_WEIGHTS.exists()


def test_weights_that_gain_too_little_are_not_kept(project):
    write_json(paths.METRICS / "bicubic/evaluate.json", {"helen": {"images": 6, "psnr_y": 23.2}})
    with pytest.raises(ValueError, match=r"agrnet is 1\.40 dB above bicubic on helen; 1\.5 dB are needed"):
        keep.keep_weights("agrnet")
    assert not paths.KEPT_WEIGHTS.exists()


def test_weights_that_others_trained_are_not_kept(project):
    card = paths.MODELS / "agrnet/card.json"
    write_json(card, json.loads(card.read_text()) | {"trained_by": "others"})
    with pytest.raises(ValueError, match="was trained by others"):
        keep.keep_weights("agrnet")
    assert not paths.KEPT_WEIGHTS.exists()


def test_discriminators_are_kept_where_they_are_asked_for(project):
    state = torch.load(checkpoint.SCRATCH / "hr_seed_3.pt", weights_only=True)["trainer"]["loss"]["D"]
    folder = keep.keep_weights("hr", discriminators=True)
    (file,) = discriminator_files(folder)
    kept = load_file(file)
    assert kept.keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(kept[name].float(), value.float(), rtol=1e-3, atol=1e-6)
    assert check(folder).file.name == "weights.safetensors"  # restore goes on taking the weights
    keep.keep_weights("hr")
    assert discriminator_files(folder) == []  # those of weights that are kept no more


def test_discriminators_that_were_brought_back_with_the_weights_are_kept(project):
    (checkpoint.SCRATCH / "hr_seed_3.pt").unlink()
    state = {"a": torch.ones(3).half(), "b": torch.ones(2).half()}
    save_discriminators(paths.MODELS / "hr", state, part_bytes=1)
    (file,) = discriminator_files(keep.keep_weights("hr", discriminators=True))
    assert load_file(file).keys() == state.keys()


def test_where_there_are_no_discriminators_nothing_is_written(project):
    with pytest.raises(ValueError, match="agrnet: its loss, pixel, has no discriminators"):
        keep.keep_weights("agrnet", discriminators=True)
    card = paths.MODELS / "hr/card.json"
    write_json(card, json.loads(card.read_text()) | {"steps": 9})
    with pytest.raises(ValueError, match="is the state of another training than the one of hr's card"):
        keep.keep_weights("hr", discriminators=True)
    (checkpoint.SCRATCH / "hr_seed_3.pt").unlink()
    with pytest.raises(ValueError, match=r"hr_seed_3\.pt is not there"):
        keep.keep_weights("hr", discriminators=True)
    assert not paths.KEPT_WEIGHTS.exists()
