"""MambaIR and its form for images of one size."""

from pipeline.networks.mambair.network import MambaIR, MambaIRHR

__all__ = ["MambaIR", "MambaIRHR"]
