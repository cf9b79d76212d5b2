"""SFMNet's loss."""

from pipeline.losses.sfmnet.loss import SFMNetLoss

__all__ = ["SFMNetLoss"]
