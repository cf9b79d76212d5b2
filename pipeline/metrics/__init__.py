"""Measures of restored pictures against their ground truth, and of sets of pictures; one convention each.

PSNR and SSIM on Y, as the tables have them, stand here by name; the others are imported from their modules.
"""

from pipeline.metrics.fidelity.psnr import psnr_y
from pipeline.metrics.fidelity.ssim import ssim_y

__all__ = ["psnr_y", "ssim_y"]
