"""Networks a few channels wide: one of every network there is, and ours in every form."""

import torch

from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR

# (model, task) -> its arguments; `networks/test_demands.py` and `train/test_every_network.py` hold that none is missing.
# Images of 32 px and, eight times smaller, of 4 px fit all of them.
SMALL = {
    ("agrnet", "x8"): {"num_arus": 1, "width": 8, "head_width": 4},
    ("agrnet_hr", "blind"): {"num_arus": 1, "widths": (4, 8, 8, 8)},
    ("sparnet", "x8"): {"widths": (4, 8), "num_units": 1, "attention_width": 4, "attention_levels": 1},
    ("sparnet", "blind"): {"widths": (4, 8, 8), "num_units": 1, "attention_width": 4},
    ("dic", "x8"): {
        **{"width": 4, "num_steps": 2, "num_groups": 2, "num_fusion_blocks": 1},
        **{"alignment_width": 8, "alignment_levels": 2},
    },
    ("sfmnet", "x8"): {"width": 4, "heads": 2, "group_blocks": 1},
    ("swinir", "x8"): {"width": 8, "depths": (2, 2), "heads": 2, "window": 2, "up_width": 8},
    ("swinir", "blind"): {"width": 8, "depths": (2, 2), "heads": 2, "window": 2, "up_width": 8},
    ("mambair", "x8"): {"width": 8, "depths": (1, 1), "state": 4, "up_width": 8},
    ("mambair", "blind"): {"width": 8, "depths": (1, 1), "state": 4, "up_width": 8},
}
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
