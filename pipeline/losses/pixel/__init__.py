"""Differences of pixels, Eq. (15)."""

from pipeline.losses.pixel.loss import PixelLoss

__all__ = ["PixelLoss"]
