"""Pairs: what the shards hold, upsampled as Sec. 3.1 says."""

import numpy as np
import pytest
from small_sets import make_set

from pipeline.images.pairs import Pairs, open_test_set, set_size
from pipeline.images.pixels import resize
from pipeline.params.degrade import RealDegradation
from pipeline.store import images, paths
from pipeline.store.manifest import rejected, write_manifest


@pytest.fixture(autouse=True)
def _workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("cache", [False, True])
def test_bicubic_pairs_are_pils_shrinking_and_enlarging(cache):
    faces = make_set("helen")
    pairs = Pairs(paths.paired_folder("degrade", "helen"), paths.paired_folder("resize", "helen"), cache)
    assert (len(pairs), pairs.size_px, pairs.has_hr) == (6, 32, True)
    for _ in range(2):  # the second reading comes from the cache
        for index, face in enumerate(faces):
            np.testing.assert_array_equal(pairs.hr(index), face)
            np.testing.assert_array_equal(pairs.lr(index), resize(face, 4))
            np.testing.assert_array_equal(pairs.lr_up(index), resize(resize(face, 4), 32))


def test_variants_share_their_hr_image(monkeypatch):
    faces = make_set("ffhq", 3, degradation=RealDegradation(kind="eq28", seed=0, variants=4))
    pairs = Pairs(paths.paired_folder("degrade", "ffhq"), paths.paired_folder("resize", "ffhq"), cache=True)
    decoded = []
    monkeypatch.setattr(images, "decode", lambda data, decode=images.decode: decoded.append(data) or decode(data))
    assert len(pairs) == 12
    assert pairs.keys[:5] == ["0@0", "0@1", "0@2", "0@3", "1@0"]
    for _ in range(2):
        for index in range(12):
            np.testing.assert_array_equal(pairs.hr(index), faces[index // 4])
            np.testing.assert_array_equal(pairs.lr_up(index), resize(pairs.lr(index), 32))
    assert len(decoded) == 3 + 12 + 24  # HR images once, LR images once for lr_up and twice by lr
    assert len({pairs.lr_up(index).tobytes() for index in range(12)}) == 12


def test_eq28_pairs_carry_their_record():
    make_set("celebahq")
    pairs = open_test_set("celebahq")
    row = pairs.row(2)
    assert pairs.lr(2).shape[0] == row["lr_side_px"]
    assert row["kind"] in ("gaussian", "average", "median", "motion")
    assert pairs.lr_up(2).shape == (32, 32, 3)


def test_the_real_set_has_no_truth():
    faces = make_set("real")
    pairs = open_test_set("real")
    assert not pairs.has_hr
    np.testing.assert_array_equal(pairs.lr_up(1), faces[1])
    with pytest.raises(ValueError, match="no HR images"):
        pairs.hr(1)


def test_a_set_without_images_says_so():
    for stage in ("resize", "degrade"):
        write_manifest(paths.paired_folder(stage, "helen"), [rejected("a", "no face")])
    assert set_size("helen") == 0
    with pytest.raises(ValueError, match="holds no image"):
        open_test_set("helen")
