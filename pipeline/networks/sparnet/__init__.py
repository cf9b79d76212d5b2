"""SPARNet and SPARNetHD."""

from pipeline.networks.sparnet.network import SPARNet, SPARNetHD

__all__ = ["SPARNet", "SPARNetHD"]
