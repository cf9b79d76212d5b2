"""Tiny networks with their cards, as models/<network>/ holds them."""

import json
from pathlib import Path

import torch
from small_networks import FORMS_OF_OURS, TINY, TINY_HR

from pipeline.store.weights import save_weights, write_card

FORMS = {
    "agrnet": ("agrnet", "x8", TINY),
    "baseline": ("agrnet", "x8", {**TINY, "activation": "relu", "attention": False}),
    "hr": ("agrnet_hr", "blind", {**TINY_HR, "widths": list(TINY_HR["widths"])}),
    "hr_baseline": (
        "agrnet_hr",
        "blind",
        {**TINY_HR, "widths": list(TINY_HR["widths"]), "activation": "relu", "attention": False, "norm": "instance"},
    ),
    "hr_instance": ("agrnet_hr", "blind", {**TINY_HR, "widths": list(TINY_HR["widths"]), "norm": "instance"}),
}


def network(form: str) -> torch.nn.Module:
    """A network whose normalisations have statistics of their own, so that folding them wrongly would show."""
    torch.manual_seed(0)
    net = FORMS_OF_OURS[form]().eval()
    for name, buffer in net.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    return net


def model_folder(folder: Path, form: str, **card) -> Path:
    """A folder with the weights of seed 0 and a card; `card` overrides what it says."""
    folder.mkdir(exist_ok=True)
    model, task, arguments = FORMS[form]
    says = {"network": form, "model": model, "task": task, "params": {"model": arguments}, "data": {"size_px": 32}}
    save_weights(folder / "seed_0.safetensors", network(form).state_dict())
    write_card(folder, json.loads(json.dumps({**says, **card})))
    return folder
