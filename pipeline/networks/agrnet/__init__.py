"""AGRNet, Fig. 7."""

from pipeline.networks.agrnet.network import AGRNet

__all__ = ["AGRNet"]
