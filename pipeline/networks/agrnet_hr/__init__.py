"""AGRNet-HR, Fig. 10."""

from pipeline.networks.agrnet_hr.network import AGRNetHR

__all__ = ["AGRNetHR"]
