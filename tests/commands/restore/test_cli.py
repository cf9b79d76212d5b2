"""The command's door: help, mistakes, exit codes, and whatever people drop in."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from commands.restore.made import crowd, model_folder
from ingest.test_bad_input import READABLE, REFUSED, TRUNCATED, put
from PIL import Image
from tests_root import ROOT

from pipeline.commands.restore import cli
from pipeline.commands.restore.words import IDENTITY

POOR = ("003.jpg", "017.jpg")  # of the real photographs, blurred ones


@pytest.fixture
def hr(tmp_path):
    return model_folder(tmp_path / "models/hr")


def test_help_needs_no_torch_and_says_what_a_restored_face_is():
    code = (
        "import sys\n"
        "from pipeline.commands.restore.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'torch', 'numpy', 'cv2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert " ".join(IDENTITY.split()) in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.jpg"], "-o/--out"),
        (["-o", "out"], "PATH"),
        (["x.jpg", "-o", "out", "--strength", "1.5"], "'1.5' is no number from 0 to 1"),
        (["x.jpg", "-o", "out", "--strength", "nan"], "'nan' is no number from 0 to 1"),
        (["x.jpg", "-o", "out", "--upscale", "0.5"], "no number from 1 to 16"),
        (["x.jpg", "-o", "out", "--batch-size", "0"], "no whole number from 1 on"),
        (["x.jpg", "-o", "out", "--format", "gif"], "'gif' is not written; these are: jpeg, png"),
        (["x.jpg", "-o", "out", "--detector", "yunet"], "needs its file: --yunet FILE"),
        (["x.jpg", "-o", "out", "--aligned", "--upscale", "2"], "--upscale enlarges photos"),
    ],
)
def test_mistyped_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_nothing_can_be_started(tmp_path, hr, capsys):
    def refused(*arguments):
        assert cli.main([*map(str, arguments), "-o", str(tmp_path / "out")]) == 2
        assert not (tmp_path / "out").exists()
        return capsys.readouterr().err

    assert "nowhere.jpg is not there" in refused(tmp_path / "nowhere.jpg", "--weights", hr)
    (tmp_path / "empty").mkdir()
    assert "no photo in" in refused(tmp_path / "empty", "--weights", hr)
    Image.fromarray(crowd()).save(tmp_path / "a.png")
    (hr / "net.pth").write_bytes(b"")
    assert "is a pickle" in refused(tmp_path / "a.png", "--weights", hr / "net.pth")
    yunet = ("--detector", "yunet", "--yunet", hr / "net.pth")
    assert "net.pth is missing, or no YuNet network" in refused(tmp_path / "a.png", "--weights", hr, *yunet)
    assert "tf32 is a GPU's" in refused(tmp_path / "a.png", "--weights", hr, "--device", "cpu", "--precision", "tf32")


def test_min_score_of_zero_is_taken_and_each_detector_has_its_own():
    def score(*arguments):
        return cli._options(cli.parser().parse_args(["x.jpg", "-o", "out", *arguments])).min_score

    assert score() == 0.7
    assert score("--detector", "yunet", "--yunet", "f") == 0.85
    assert score("--min-score", "0") == 0


@pytest.mark.middle
def test_whatever_is_dropped_in(tmp_path, hr, capsys):
    files = READABLE | {name: data for name, (data, _) in REFUSED.items()} | {"cut.jpg": TRUNCATED}
    no_photos = {"notes.txt", "film.mp4"}
    put(tmp_path / "in", files)
    (tmp_path / "in/gone.jpg").symlink_to("nothing.jpg")
    assert cli.main([str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--weights", str(hr)]) == 1
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    results = {result["photo"].rpartition("/")[2]: result for result in summary["results"]}
    assert set(results) == {*files, "gone.jpg"} - no_photos
    assert {item["file"].rpartition("/")[2] for item in summary["skipped"]} == no_photos
    failed = {name for name, result in results.items() if result["status"] == "failed"}
    assert failed == {*REFUSED, "cut.jpg", "gone.jpg"} - no_photos
    said = capsys.readouterr().out
    assert "2 skipped: 2 no photo (1 .mp4, 1 .txt); films are restored where they are named" in said
    reasons = {name: why for name, (_, why) in REFUSED.items() if name not in no_photos} | {
        "cut.jpg": "truncated",
        "gone.jpg": "No such file",
    }
    for name, why in reasons.items():
        record = json.loads((tmp_path / f"out/{name}.json").read_text())
        assert why in record["reason"]
        assert f"/{name}: {record['reason']}" in said
        assert not (tmp_path / "out" / name).exists()
    for name in READABLE:
        assert results[name]["status"] == "unchanged"
        assert (tmp_path / "out" / name).read_bytes() == files[name]


def test_a_name_that_is_no_utf8_is_no_trouble(tmp_path, hr):
    folder = tmp_path / "in"
    folder.mkdir()
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(folder / "a.png")
    (folder / "a.png").rename(folder / name)
    assert cli.main([str(folder), "-o", str(tmp_path / "out"), "--weights", str(hr)]) == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["results"][0]["outputs"] == ["caf\\udce9.png"]


@pytest.mark.middle
def test_generated_faces_are_found_and_restored(tmp_path, hr):
    Image.fromarray(crowd(3, 2, 160)).save(tmp_path / "crowd.png")
    arguments = [str(tmp_path / "crowd.png"), "-o", str(tmp_path / "out"), "--weights", str(hr), "--force", "--compare"]
    assert cli.main(arguments) == 0
    record = json.loads((tmp_path / "out/crowd.png.json").read_text())
    assert len(record["faces"]) == 6
    assert all(face["score"] > 0.7 for face in record["faces"])
    areas = [face["box"][2] * face["box"][3] for face in record["faces"]]
    assert areas == sorted(areas, reverse=True)


@pytest.mark.middle
@pytest.mark.parametrize("detector", ["mtcnn", "yunet"])
def test_poor_photographs_become_sharper(tmp_path, shared, detector):
    """With the weights that ship, where they do."""
    weights = ROOT / "models/pretrained/hr"
    if not weights.is_dir():
        pytest.skip("no weights are kept in this checkout")
    folder = tmp_path / "in"
    folder.mkdir()
    for name in POOR:
        (folder / name).write_bytes((shared / "faces/real" / name).read_bytes())
    chosen = ["--detector", detector]
    if detector == "yunet":
        chosen += ["--yunet", str(next((shared / "weights").glob("face_detection_yunet*.onnx")))]
    assert cli.main([str(folder), "-o", str(tmp_path / "out"), "--weights", str(weights), *chosen]) == 0
    for name in POOR:
        face = json.loads((tmp_path / f"out/{name}.json").read_text())["faces"][0]
        assert face["done"] == "restored"
        assert face["predicted"]["lpips_gain"] > 0.04
        assert face["landmark_distance"] < 0.2
        x, y, width, height = map(int, face["box"])
        before, after = (
            cv2.cvtColor(np.asarray(Image.open(path).convert("RGB"))[y : y + height, x : x + width], cv2.COLOR_RGB2GRAY)
            for path in (folder / name, tmp_path / "out" / name)
        )
        assert cv2.Laplacian(after, cv2.CV_64F).var() > 1.5 * cv2.Laplacian(before, cv2.CV_64F).var()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["", "-o", "out"], "an empty name; the folder that you are in is ."),
        (["photo.jpg", "-o", ""], "an empty name"),
        (["photo.jpg", "-o", "out", "--yunet", "file"], "--yunet is the file of --detector yunet"),
    ],
)
def test_what_was_not_meant_is_refused(arguments, why, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert why in capsys.readouterr().err
