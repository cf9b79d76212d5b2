"""Where things lie. dvc.yaml says the same; a test holds the two together."""

from pathlib import Path

DATA = Path("data")
PRETRAINED = DATA / "pretrained"
RECIPES = DATA / "recipes"
MODELS = Path("models")
KEPT_WEIGHTS = MODELS / "pretrained"  # in git: weights that ship, a folder a network
REPORTS = Path("reports")
METRICS = REPORTS / "metrics"
CURVES = REPORTS / "curves"
INFERRED = DATA / "infer"
REFERENCE = DATA / "reference"
EVALUATED = DATA / "evaluate"
EXAMPLES = DATA / "examples"
BOXES = "boxes.parquet"  # beside ingest's manifest, where a source names given boxes
SCRATCH = Path(".scratch")  # unfinished work, ignored by git and DVC

# Two tasks, 16 -> 128 px and faces spoilt by Eq. (28), each with the paper's network for it.
TASKS = {"x8": "agrnet", "blind": "agrnet_hr"}
FACTOR = 8  # by which networks of the task x8 enlarge the side, Sec. 4.2; those of blind keep it
# The five sets of Sec. 4.3: the task that each serves, and for what.
SETS = {
    "celeba": ("x8", "train"),
    "helen": ("x8", "test"),
    "ffhq": ("blind", "train"),
    "celebahq": ("blind", "test"),
    "real": ("blind", "test"),
}
TEST_SETS = [key for key, (_, split) in SETS.items() if split == "test"]
REFERENCE_SET = "celebahq"  # its HR images are what FID compares the real set with (Sec. 4.4)
BICUBIC = "bicubic"  # stands among the networks in tables: the input itself
# What stands beside the networks below reports/metrics and models: no network may have such a name.
TAKEN = (BICUBIC, "reference", "data", "pretrained", "examples")


def sets_of(task: str, split: str) -> list[str]:
    """The sets that serve a task, in the paper's order."""
    return [key for key, serves in SETS.items() if serves == (task, split)]


def stage_folder(stage: str, key: str) -> Path:
    """The folder of a data stage's output for the set `key`, e.g. data/crop/celeba."""
    return DATA / stage / key


def paired_folder(stage: str, key: str) -> Path:
    """The folder of resize and degrade for the set `key`, e.g. data/pairs/x8/train/degrade/celeba.

    Grouped by task and split, so that dvc.yaml names all that a network is trained or tested on by one folder.
    """
    return DATA / "pairs" / Path(*SETS[key]) / stage / key


def recipe_file(network: str) -> Path:
    """What params.yaml says of a network's training, in full."""
    return RECIPES / f"{network}.json"


def counts_file(stage: str, key: str) -> Path:
    """The metrics file that says how many images a data stage saw, kept and rejected."""
    return METRICS / "data" / key / f"{stage}.json"
