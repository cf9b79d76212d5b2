"""README's pictures: those in git are what the command makes of the weights that ship, and captions say what they show."""

import numpy as np
import pytest
from PIL import Image
from tests_root import ROOT

from pipeline.commands import examples
from pipeline.infer.trained import WeightsError

CAPTIONS = {"astronaut.png": ROOT / "README.md", "restore.png": ROOT / "pipeline/commands/restore/README.md"}
LEVELS = 3  # two roundings, of the network and of the way back into the photo, and one more where both meet


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of pictures made anew, and their captions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        folder = tmp_path_factory.mktemp("pictures")
        return folder, examples.main(folder)


@pytest.mark.middle
@pytest.mark.parametrize("name", CAPTIONS)
def test_pictures_in_git_are_of_the_weights_that_ship(made, name):
    new, old = (np.asarray(Image.open(folder / name)).astype(int) for folder in (made[0], ROOT / examples.FOLDER))
    assert new.shape == old.shape, "run `make examples`"
    assert np.abs(new - old).max() <= LEVELS, "run `make examples`"


@pytest.mark.middle
@pytest.mark.parametrize(("name", "readme"), CAPTIONS.items())
def test_captions_say_what_the_pictures_show(made, name, readme):
    text = " ".join(readme.read_text().split())
    assert made[1][name] in text, f"the caption of {name} in {readme.name} is: {made[1][name]}"


def test_without_weights_of_agrnet_it_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="no weights of AGRNet"):
        examples.main(tmp_path / "out")
