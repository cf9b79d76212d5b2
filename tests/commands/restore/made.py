"""Small networks with their cards, and photos of generated faces."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from small_networks import TINY, TINY_HR

from pipeline.commands.restore.gate.gate import Gate
from pipeline.commands.restore.gate.signs import signs
from pipeline.ingest.synthetic.faces import draw_spec, render_face
from pipeline.networks.build import build_network
from pipeline.store.weights import write_card

# The plain forms are built and loaded soonest; what restoring does around a network is the same for all.
PLAIN = {"activation": "relu", "attention": False}
FORMS = {
    "agrnet": ("agrnet", "x8", TINY | PLAIN),
    "agrnet_whole": ("agrnet", "x8", TINY),
    "hr": ("agrnet_hr", "blind", TINY_HR | PLAIN),
    "hr_whole": ("agrnet_hr", "blind", TINY_HR),
}


def model_folder(folder: Path, form: str = "hr", size_px: int = 64, **card) -> Path:
    """A folder as models/<network>/ is, untrained; `card` overrides what its card says."""
    model, task, arguments = FORMS[form]
    says = {"network": form, "model": model, "task": task, "params": {"model": arguments}, "data": {"size_px": size_px}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seed_0.safetensors").write_bytes(_weights(form))
    write_card(folder, json.loads(json.dumps(says | card)))
    return folder


@cache
def _weights(form: str) -> bytes:
    """A file of weights, drawn once."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save(build_network(*FORMS[form]).state_dict())


def gate_file(folder: Path, gain: float = 0.5, cut: float = 4, size_px: int = 64) -> Path:
    """A gate beside a card, that predicts the same of every face."""
    faces = [portrait(1, 0, size_px)] * 2
    count = len(signs(*faces).values)
    told, nothing = (np.vstack([np.zeros((2 * count, 1)), [[value]]]) for value in (gain, 0.0))
    digest = hashlib.sha256((folder / "seed_0.safetensors").read_bytes()).hexdigest()
    zeros, ones = np.zeros(count), np.ones(count)
    Gate((cut,), zeros, ones, told, nothing, nothing, np.zeros((2, 1)), size_px, digest, {}).write(folder)
    return folder


@cache
def portrait(seed: int, number: int, face_px: int) -> np.ndarray:
    """RGB uint8 (face_px, face_px, 3): a generated face, rendered once; not to be changed."""
    return render_face(draw_spec(seed, number), face_px)[0]


def crowd(columns: int = 2, rows: int = 1, face_px: int = 128, seed: int = 1) -> np.ndarray:
    """RGB uint8 (rows x face_px, columns x face_px, 3): generated portraits side by side."""
    portraits = [portrait(seed, number, face_px) for number in range(columns * rows)]
    return np.concatenate([np.concatenate(portraits[r * columns : (r + 1) * columns], 1) for r in range(rows)])


def texture(height: int, width: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    """Noise over the whole range: every pixel tells where it was touched."""
    high = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, high, (height, width, 3), dtype, endpoint=True)
