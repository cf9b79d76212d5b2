"""`--faces`: some of the faces found are restored, the others stay."""

import json

import numpy as np
import pytest
from commands.restore.made import crowd, model_folder
from PIL import Image

from pipeline.commands.restore import cli


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Restores the photo of three generated faces; returns its pixels, before and after, and its record."""
    folder = tmp_path_factory.mktemp("chosen")
    weights = model_folder(folder / "models/hr")
    before = crowd(3, 1, 160)
    Image.fromarray(before).save(folder / "three.png")
    runs = iter(range(100))

    def run(*arguments):
        out = folder / f"out{next(runs)}"
        command = [str(folder / "three.png"), "-o", str(out), "--weights", str(weights), "--force", *arguments]
        assert cli.main(command) == 0
        return before, np.asarray(Image.open(out / "three.png")), json.loads((out / "three.png.json").read_text())

    return run


def changed(before, after, box) -> bool:
    x, y, width, height = map(int, box)
    area = slice(y, y + height), slice(x, x + width)
    return bool((before[area] != after[area]).any())


@pytest.mark.middle
def test_only_the_chosen_faces_are_restored_and_as_they_would_be_among_all(done):
    _, every, _ = done()
    before, after, said = done("--faces", "2,0")
    assert [face["done"] for face in said["faces"]] == [
        "restored",
        "left alone: not among the faces that were asked for",
        "restored",
    ]
    assert said["options"]["faces"] == [0, 2]
    assert said["warnings"] == []
    assert [changed(before, after, face["box"]) for face in said["faces"]] == [True, False, True]
    x, _, width, _ = map(int, said["faces"][0]["box"])
    column = x + width // 2
    np.testing.assert_array_equal(after[:, column], every[:, column])


@pytest.mark.middle
def test_a_number_that_the_photo_does_not_have_is_a_warning(done):
    before, after, said = done("--faces", "3,7")
    assert said["warnings"] == ["no face number 3, 7: the photo has 3, counted from 0"]
    assert said["status"] == "unchanged"
    assert "not among the faces that were asked for" in said["reason"]
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faces", "1,x"], "'1,x' is no list of whole numbers, such as 0,2"),
        (["--faces", ""], "'' is no list of whole numbers"),
        (["--faces", "0", "--aligned"], "--aligned looks for none"),
    ],
)
def test_what_is_no_choice_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["x.jpg", "-o", "out", *arguments])
    assert end.value.code == 2
    assert message in capsys.readouterr().err
