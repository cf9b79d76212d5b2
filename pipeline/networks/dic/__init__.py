"""DIC."""

from pipeline.networks.dic.network import DIC

__all__ = ["DIC"]
