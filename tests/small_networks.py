"""Networks of every form, a few channels wide."""

import torch

from pipeline.networks.agrnet.network import AGRNet
from pipeline.networks.agrnet_hr.network import AGRNetHR

TINY = {"num_arus": 1, "width": 16, "head_width": 6}
TINY_HR = {"num_arus": 1, "widths": (8, 12, 16, 24)}
NETWORKS = {
    "agrnet": lambda: AGRNet(**TINY),
    "baseline": lambda: AGRNet(**TINY, activation="relu", attention=False),
    "acon": lambda: AGRNet(**TINY, attention=False),
    "gam": lambda: AGRNet(**TINY, activation="relu"),
    "hr": lambda: AGRNetHR(**TINY_HR),
    "hr_instance": lambda: AGRNetHR(**TINY_HR, norm="instance"),
    "hr_baseline": lambda: AGRNetHR(**TINY_HR, activation="relu", attention=False, norm="instance"),
}


def flat(images):
    return torch.cat([i.flatten() for i in images]) if isinstance(images, list) else images.flatten()
