"""Networks a few channels wide: one of every network there is, and ours in every form."""

from collections import defaultdict

import torch

from pipeline.networks.agrnet import AGRNet
from pipeline.networks.agrnet_hr import AGRNetHR

# (model, task) -> its arguments; `networks/test_demands.py` holds that none with a section in params.models is missing. Of a
# network of one's own the class's defaults are taken. Images of 32 px and, eight times smaller, of 4 px fit all of them.
OF_SECTIONS = {
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
SMALL = defaultdict(dict, OF_SECTIONS)
TINY = {"num_arus": 1, "width": 16, "head_width": 6}
TINY_HR = {"num_arus": 1, "widths": (8, 12, 16, 24)}
FORMS_OF_OURS = {
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
