"""SFMNet."""

from pipeline.networks.sfmnet.network import SFMNet

__all__ = ["SFMNet"]
