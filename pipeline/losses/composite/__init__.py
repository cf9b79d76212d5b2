"""AGRNet-HR's loss, Eq. (20) to (27)."""

from pipeline.losses.composite.loss import CompositeLoss

__all__ = ["CompositeLoss"]
