"""SwinIR and its form for images of one size."""

from pipeline.networks.swinir.network import SwinIR, SwinIRHR

__all__ = ["SwinIR", "SwinIRHR"]
