"""A folder in which the stage `train` can be run by itself."""

from ruamel.yaml import YAML
from small_sets import make_set
from tests_root import ROOT


def write_project(folder, monkeypatch, **train) -> None:
    """Go to the folder; write params with small networks, and their training sets. train: keys of the training sections."""
    monkeypatch.chdir(folder)
    yaml = YAML()
    params = yaml.load(ROOT / "profiles/demo.yaml")
    every = dict.fromkeys(("log_every_steps", "save_every_steps", "validate_every_steps", "sample_every_steps"), 2)
    for model, sizes in (("agrnet", {"width": 8, "head_width": 4}), ("agrnet_hr", {"widths": [4, 8, 8, 8]})):
        params["models"][model]["network"] |= {"num_arus": 1} | sizes
        params["models"][model]["train"] |= {"batch_size": 2, "validation_images": 2} | every | train
    params["models"]["agrnet_hr"]["discriminator"] |= {"layers": 1, "width": 4}
    params["models"]["agrnet_hr"]["loss"]["pc"] = 0
    with open(folder / "params.yaml", "w") as file:
        yaml.dump(params, file)
    make_set("celeba")
    make_set("ffhq")
