"""DIC's loss."""

from pipeline.losses.dic.loss import DICLoss

__all__ = ["DICLoss"]
