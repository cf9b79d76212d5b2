"""Where things lie. dvc.yaml says the same; a test holds the two together."""

from pathlib import Path

DATA = Path("data")
PRETRAINED = DATA / "pretrained"
MODELS = Path("models")
REPORTS = Path("reports")
METRICS = REPORTS / "metrics"
CURVES = REPORTS / "curves"
RESTORED = DATA / "restore"
REFERENCE = DATA / "reference"
EVALUATED = DATA / "evaluate"
BOXES = "boxes.parquet"  # beside ingest's manifest, where a source names given boxes
SCRATCH = Path(".scratch")  # unfinished work, ignored by git and DVC

# The five sets of Sec. 4.3: the network that each serves, and for what.
SETS = {
    "celeba": ("agrnet", "train"),
    "helen": ("agrnet", "test"),
    "ffhq": ("agrnet_hr", "train"),
    "celebahq": ("agrnet_hr", "test"),
    "real": ("agrnet_hr", "test"),
}
TEST_SETS = [key for key, (_, split) in SETS.items() if split == "test"]
REFERENCE_SET = "celebahq"  # its HR images are what FID compares the real set with (Sec. 4.4)
BICUBIC = "bicubic"  # stands among the variants in tables: the input itself
TAKEN = (BICUBIC, "reference", "data")  # names below reports/metrics that no variant may have


def sets_of(model: str, split: str) -> list[str]:
    """The sets that serve a network, in the paper's order."""
    return [key for key, serves in SETS.items() if serves == (model, split)]


def stage_folder(stage: str, key: str) -> Path:
    """The folder of a data stage's output for the set `key`, e.g. data/crop/celeba."""
    return DATA / stage / key


def paired_folder(stage: str, key: str) -> Path:
    """The folder of resize and degrade for the set `key`, e.g. data/degrade/agrnet/train/celeba.

    Grouped by network and split, so that dvc.yaml can name all that a network is trained or tested on.
    """
    return DATA / stage / Path(*SETS[key]) / key


def counts_file(stage: str, key: str) -> Path:
    """The metrics file that says how many images a data stage saw, kept and rejected."""
    return METRICS / "data" / key / f"{stage}.json"
