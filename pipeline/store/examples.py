"""What the weights that ship made of packaged photographs: data/examples, as the stage writes and the report reads it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.store import paths
from pipeline.store.files import whole_file, write_json
from pipeline.store.images import decode, encode_png
from pipeline.store.manifest import ManifestError

FILE = "examples.json"
IMAGES = ("lr", "bicubic", "restored", "original")


@dataclass(frozen=True)
class Example:
    """A face before and after a network.

    name: of the photograph, and of the draw where there are several. done: what was done to the face, in words. lr: the
    low-resolution image, RGB uint8, any side; bicubic, restored: its enlargement and what the network made, RGB uint8 at the
    network's size; original: the ground truth at that size or, where there are no figures, the photograph as it is.
    figures: "bicubic" and "network" -> metric -> value; empty without ground truth.
    """

    name: str
    done: str
    lr: np.ndarray
    bicubic: np.ndarray
    restored: np.ndarray
    original: np.ndarray
    figures: dict[str, dict[str, float]]


@dataclass(frozen=True)
class NetworkExamples:
    """All of one network. name: its folder in models/pretrained. parameters_m: in millions. card: what its weights are.

    absent: metric -> why it was not computed.
    """

    name: str
    size_px: int
    parameters_m: float
    card: dict
    absent: dict[str, str]
    examples: list[Example]


def write_examples(found: list[NetworkExamples]) -> None:
    """Write data/examples: an index, and a folder of PNGs for each network."""
    told = []
    for network in found:
        said = {name: getattr(network, name) for name in ("name", "size_px", "parameters_m", "card", "absent")}
        rows = []
        for number, example in enumerate(network.examples):
            rows.append({"name": example.name, "done": example.done, "figures": example.figures})
            for what in IMAGES:
                with whole_file(_image_file(network.name, number, what)) as file:
                    file.write(encode_png(getattr(example, what)))
        told.append(said | {"examples": rows})
    write_json(paths.EXAMPLES / FILE, told)


def read_examples() -> list[NetworkExamples]:
    """What `write_examples` wrote. Raises ManifestError where it did not."""
    path = paths.EXAMPLES / FILE
    if not path.is_file():
        raise ManifestError(f"{path} is missing: run the stage that writes it (dvc repro examples)")
    found = []
    for told in json.loads(path.read_bytes()):
        name = told["name"]
        rows = [row | _images(name, number) for number, row in enumerate(told["examples"])]
        found.append(NetworkExamples(**told | {"examples": [Example(**row) for row in rows]}))
    return found


def _images(network: str, number: int) -> dict[str, np.ndarray]:
    return {what: decode(_image_file(network, number, what).read_bytes()) for what in IMAGES}


def _image_file(network: str, number: int, what: str) -> Path:
    return paths.EXAMPLES / network / f"{number:02d}_{what}.png"
