"""Evaluation: values equal those computed by hand, records and names are joined, what is not there is named."""

import json

import numpy as np
import pandas as pd
import pytest
from small_sets import make_set

from pipeline.evaluate import instruments
from pipeline.evaluate.reference import make_reference, read_features, read_landmarks
from pipeline.evaluate.run import evaluate, read_values
from pipeline.images.pairs import open_test_set
from pipeline.images.pixels import resize
from pipeline.metrics.fidelity.psnr import psnr_y
from pipeline.metrics.fidelity.ssim import ssim_y
from pipeline.metrics.statistics import mean_interval
from pipeline.params.stages import EvaluateParams
from pipeline.store import paths
from pipeline.store.manifest import ManifestError, read_manifest, rejected, write_manifest
from pipeline.store.pretrained import STATUS

PARAMS = EvaluateParams(batch_size=4, device="cpu", metrics=["lpips_alex", "fid_inception"])
POINTS = np.array([[8.0, 10], [24, 10], [16, 18], [10, 24], [22, 24]])


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = paths.PRETRAINED / "metrics"
    folder.mkdir(parents=True)
    absent = {"available": False, "file": None, "reason": "out of reach"}
    (folder / STATUS).write_text(json.dumps(dict.fromkeys(("alexnet", "vgg16", "inception"), absent)))


def the_input(key, _seed):
    pairs = open_test_set(key)
    return pairs.keys, (pairs.lr_up(index) for index in range(len(pairs)))


def read(name):
    metrics = json.loads((paths.METRICS / name / "evaluate.json").read_text())
    folder = paths.EVALUATED / name
    return metrics, *(json.loads((folder / f"{file}.json").read_text()) for file in ("absent", "intervals"))


def enlarged(faces):
    return [resize(resize(face, 4), 32) for face in faces]


def test_means_are_those_of_each_image_and_absences_are_named():
    faces = make_set("helen")
    make_set("real", images=3)
    evaluate("bicubic", [0], ["helen", "real"], the_input, PARAMS)
    metrics, absent, intervals = read("bicubic")
    psnr = [psnr_y(sr, hr) for sr, hr in zip(enlarged(faces), faces, strict=True)]
    ssim = [ssim_y(sr, hr) for sr, hr in zip(enlarged(faces), faces, strict=True)]
    assert metrics["helen"] == pytest.approx({"images": 6, "psnr_y": np.mean(psnr), "ssim_y": np.mean(ssim)})
    assert metrics["real"] == {"images": 3}
    assert set(absent) == {"lpips_alex", "fid_inception"}
    assert "out of reach" in absent["lpips_alex"]
    frame = read_values("bicubic", "helen")
    assert list(frame["key"]) == [str(number) for number in range(6)]
    np.testing.assert_array_equal(frame["psnr_y"], psnr)
    expected = mean_interval(np.array(psnr))
    assert intervals["helen"]["psnr_y"] == {
        "low": expected.low,
        "high": expected.high,
        "images": 6,
        "seeds": {"0": pytest.approx(np.mean(psnr))},
    }
    assert intervals["real"] == {}


def test_the_record_of_the_degradation_stands_beside_the_values():
    make_set("celebahq", images=4)
    evaluate("bicubic", [0], ["celebahq"], the_input, PARAMS)
    frame = read_values("bicubic", "celebahq")
    rows = read_manifest(paths.paired_folder("degrade", "celebahq"))
    for column in ("kind", "r", "sigma", "lr_side_px", "noise_level", "compression", "quality"):
        np.testing.assert_array_equal(frame[column], rows[column])
    np.testing.assert_array_equal(frame["draw_seed"], rows["seed"])
    assert list(frame["seed"]) == [0] * 4
    assert not {"shard", "offset", "sha256", "hr_shard", "kept"} & set(frame)


def test_seeds_are_averaged_and_kept_apart():
    faces = make_set("helen")

    def restored(key, seed):
        keys, images = the_input(key, seed)
        return keys, images if seed == 1 else (np.zeros_like(image) for image in images)

    evaluate("two", [1, 2], ["helen"], restored, PARAMS)
    metrics, _, intervals = read("two")
    of_seeds = [
        np.mean([psnr_y(sr, face) for face, sr in zip(faces, images, strict=True)])
        for images in (enlarged(faces), [np.zeros_like(face) for face in faces])
    ]
    assert metrics["helen"]["psnr_y"] == pytest.approx(np.mean(of_seeds))
    assert intervals["helen"]["psnr_y"]["seeds"] == {"1": pytest.approx(of_seeds[0]), "2": pytest.approx(of_seeds[1])}
    assert list(read_values("two", "helen")["seed"]) == [1] * 6 + [2] * 6


def test_other_names_are_an_error():
    make_set("helen", images=3)

    def shuffled(key, seed):
        keys, images = the_input(key, seed)
        return keys[::-1], images

    with pytest.raises(ManifestError, match="seed 0: its restored images are not those of the test set helen"):
        evaluate("mine", [0], ["helen"], shuffled, PARAMS)


def test_an_empty_set_is_named_and_passed_over():
    make_set("celebahq", images=2)
    empty_sets("real")
    evaluate("bicubic", [0], ["celebahq", "real"], the_input, PARAMS)
    metrics, absent, _ = read("bicubic")
    assert set(metrics) == {"celebahq"}
    assert "holds no image" in absent["real"]


class Finder:
    """Finds landmarks where the image is bright enough, and moves them with the top left pixel's red."""

    def find(self, image):
        return POINTS + image[0, 0, 0] / 100 if image.mean() > 100 else None


def empty_sets(*keys):
    for stage in ("resize", "degrade"):
        for key in keys:
            write_manifest(paths.paired_folder(stage, key), [rejected("a", "no face")])


@pytest.fixture
def equipped(monkeypatch):
    """Instruments whose weights and detector are stand-ins: features of an image are its mean colours."""

    def colours(images):
        return np.array([image.mean(axis=(0, 1)) for image in images]).reshape(-1, 3)

    made = instruments.Instruments(PARAMS, "cpu")
    made.absent = {}
    made.find_landmarks = Finder().find
    made.features = {"inception": colours, "vgg16": colours}
    made.set_metrics = dict(instruments.SET_METRICS)
    monkeypatch.setattr("pipeline.evaluate.run.Instruments", lambda params, device: made)
    return made


def test_whole_sets_are_compared_with_the_reference(equipped):
    make_set("celebahq", images=8)
    make_set("real", images=5)
    empty_sets("helen")
    make_reference(equipped, paths.TEST_SETS)
    of_reference = json.loads((paths.METRICS / "reference/evaluate.json").read_text())["celebahq"]
    assert of_reference["images"] == 8
    assert of_reference["fid_inception_floor"] == of_reference["frechet_vgg16_floor"] > 0
    assert read_features("celebahq", "vgg16").shape == (8, 3)
    evaluate("bicubic", [0], ["real"], the_input, PARAMS)
    metrics, absent, _ = read("bicubic")
    assert metrics["real"]["fid_inception"] == metrics["real"]["frechet_vgg16"] > 0
    assert {"kid_inception", "kid_inception_std", "images", "faces_found"} < set(metrics["real"])
    assert absent == {}


def test_too_few_images_for_a_set_metric_are_said(equipped):
    make_set("celebahq", images=8)
    make_set("real", images=1)
    empty_sets("helen")
    make_reference(equipped, paths.TEST_SETS)
    evaluate("bicubic", [0], ["real"], the_input, PARAMS)
    metrics, absent, _ = read("bicubic")
    assert set(metrics["real"]) == {"images", "faces_found"}
    assert set(absent) == {"fid_inception", "kid_inception", "frechet_vgg16"}
    assert "2 pictures or more" in absent["kid_inception"]


def test_without_a_reference_set_it_is_said(equipped):
    make_set("real", images=3)
    empty_sets("helen", "celebahq")
    make_reference(equipped, paths.TEST_SETS)
    evaluate("bicubic", [0], ["real"], the_input, PARAMS)
    _, absent, _ = read("bicubic")
    assert "reference set celebahq holds no image" in absent["fid_inception"]


def test_landmarks_are_compared_where_both_show_a_face(equipped):
    faces = make_set("helen")
    for key in ("celebahq", "real"):
        make_set(key, images=2)
    make_reference(equipped, paths.TEST_SETS)
    found = read_landmarks("helen")
    expected = {str(number): Finder().find(face) for number, face in enumerate(faces)}
    assert {key for key, points in found.items() if points is None} == {k for k, p in expected.items() if p is None}

    def darkened(key, seed):  # the last two are too dark for the detector, in HR or only now
        keys, images = the_input(key, seed)
        return keys, [image if number < 4 else image // 8 for number, image in enumerate(images)]

    evaluate("mine", [0], ["helen"], darkened, PARAMS)
    frame = read_values("mine", "helen").set_index("key")
    for number, face in enumerate(faces):
        row, sr = frame.loc[str(number)], enlarged(faces)[number]
        of_sr = Finder().find(sr if number < 4 else sr // 8)
        if expected[str(number)] is None:
            assert np.isnan(row["faces_found"])
            assert np.isnan(row["landmark_distance"])
        else:
            assert row["faces_found"] == (of_sr is not None)
            if of_sr is not None:
                moved = abs(int(sr[0, 0, 0]) - int(face[0, 0, 0])) / 100 * np.sqrt(2)
                assert row["landmark_distance"] == pytest.approx(moved / 16)
    metrics = read("mine")[0]["helen"]
    assert 0 < metrics["faces_found"] < 1
    assert metrics["landmark_distance"] == pytest.approx(frame["landmark_distance"].mean())


def test_the_same_bytes_each_time():
    make_set("helen")
    for name in ("one", "two"):
        evaluate(name, [0], ["helen"], the_input, PARAMS)
    one, two = (paths.EVALUATED / name for name in ("one", "two"))
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()
    pd.testing.assert_frame_equal(read_values("one", "helen"), read_values("two", "helen"))
