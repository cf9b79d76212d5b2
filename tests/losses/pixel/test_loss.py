from types import SimpleNamespace

import pytest
import torch

from pipeline.losses.pixel.loss import PixelLoss, pixel_l1, pixel_l2
from pipeline.params.losses import PixelParams

SR = torch.tensor([0.0, 0.5, 1.0, -1.0]).view(1, 1, 2, 2).expand(2, 3, 2, 2)
HR = torch.tensor([1.0, 0.5, -1.0, -1.0]).view(1, 1, 2, 2).expand(2, 3, 2, 2)
BY_HAND = {"l2": (1 + 0 + 4 + 0) / 4, "l1": (1 + 0 + 2 + 0) / 4}


def test_pixel_losses_by_hand():
    assert pixel_l2(SR, HR).item() == pytest.approx(BY_HAND["l2"])  # Eq. (15)
    assert pixel_l1(SR, HR).item() == pytest.approx(BY_HAND["l1"])
    for loss in (pixel_l1, pixel_l2):
        with pytest.raises(ValueError, match="must be equal"):
            loss(SR, HR[:1])


@pytest.mark.parametrize("norm", BY_HAND)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_final_image_alone_counts_and_in_float32(norm, dtype, tmp_path):
    loss = PixelLoss(PixelParams(norm=norm), None, tmp_path)
    for out in (SR.to(dtype), [HR[..., :1, :1], SR.to(dtype)], (HR, SR.to(dtype))):
        value, terms = loss(out, SimpleNamespace(hr=HR))
        assert value.item() == pytest.approx(BY_HAND[norm])
        assert value.dtype == torch.float32
        assert terms == {}
    assert (loss.optimisers, loss.learn(), loss.state(), loss.absent, loss.trunk) == ([], {}, {}, {}, None)
