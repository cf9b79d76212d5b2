"""Inception's features: the wiring to torch-fidelity, with random weights."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from pipeline.metrics.fid import inception_features
from pipeline.metrics.frechet import frechet_features


@pytest.fixture(scope="module")
def random_inception(tmp_path_factory):
    """Random weights in torch-fidelity's form: they test the wiring, their FIDs mean nothing."""
    from torch_fidelity import FeatureExtractorInceptionV3

    class Unloaded(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_):
            return None

    folder = tmp_path_factory.mktemp("inception")
    torch.save({}, folder / "empty.pth")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Unloaded("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(folder / "empty.pth"))
    torch.save(model.state_dict(), folder / "inception.pth")
    return folder / "inception.pth"


def pictures(seed, count, size=40):
    return [np.random.default_rng((seed, i)).integers(0, 256, (size, size, 3), np.uint8) for i in range(count)]


@pytest.mark.middle
def test_wiring_equals_torch_fidelity(random_inception, monkeypatch):
    """Feature by feature, and the distance of every 16th: of all 2,048 torch-fidelity's takes half a minute."""
    from torch_fidelity import KEY_METRIC_FID, calculate_metrics, metric_fid

    seen, statistics = [], metric_fid.fid_features_to_statistics

    def some(features):
        seen.append(features.numpy())
        return statistics(features[:, ::16])

    monkeypatch.setattr(metric_fid, "fid_features_to_statistics", some)

    class Listed(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = images

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            return torch.from_numpy(self.images[index]).permute(2, 0, 1)

    a, b = pictures(0, 5), [(image // 2) for image in pictures(1, 6)]
    ours = [inception_features(pictures, random_inception) for pictures in (iter(a), b)]
    theirs = calculate_metrics(
        input1=Listed(a),
        input2=Listed(b),
        cuda=False,
        fid=True,
        feature_extractor_weights_path=str(random_inception),
        cache=False,
        verbose=False,
        save_cpu_ram=True,
    )
    for mine, other in zip(ours, seen, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    distance = frechet_features(*(side[:, ::16] for side in ours))
    assert distance == pytest.approx(theirs[KEY_METRIC_FID], rel=1e-3)


@pytest.mark.middle
def test_features_keep_order_and_read_lazily(random_inception):
    images = pictures(2, 5)
    seen = []

    def lazily():
        for index, image in enumerate(images):
            seen.append(index)
            yield image

    before = torch.get_rng_state()
    features = inception_features(lazily(), random_inception, batch=2)
    assert torch.equal(before, torch.get_rng_state())
    assert seen == [0, 1, 2, 3, 4]
    assert features.shape == (5, 2048)
    np.testing.assert_allclose(features[3], inception_features(images[3:4], random_inception)[0], rtol=1e-4, atol=1e-5)
    assert inception_features([], random_inception).shape == (0, 2048)
    with pytest.raises(ValueError, match="one size"):
        inception_features([images[0], images[1][:20]], random_inception)


def test_the_least_number_and_psnr_need_no_torch():
    code = (
        "import sys, pipeline.metrics, pipeline.metrics.conventions, pipeline.metrics.frechet, pipeline.metrics.kid\n"
        "from pipeline.metrics.fid import MIN_COMPARABLE\n"
        "assert MIN_COMPARABLE == 2048 and pipeline.metrics.psnr_y and pipeline.metrics.ssim_y\n"
        "assert not {'torch', 'torch_fidelity', 'lpips', 'torchvision', 'skimage'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
