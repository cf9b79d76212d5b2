"""Puts networks that were trained elsewhere in their place, weights, cards and curves:

python -m pipeline.commands.away.back FOLDER
"""

import argparse
import io
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from pipeline.commands.away.parcel import read_parts
from pipeline.runtime.terminal import print_anything
from pipeline.store import manifest, paths, weights
from pipeline.train import checkpoint


def main() -> None:
    print_anything()
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="with the files that the other machine wrote")
    given = parser.parse_args()
    try:
        names = bring_back(given.folder)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    for name in names:
        card = weights.read_card(paths.MODELS / name)
        print(f"{name}: {card['steps']:,} steps, {card['images_seen']:,} images seen. {card.get('unfinished', '')}")
        if not same_data(card):
            print(
                f"{name}: its training set was made there from the same photos, in other bytes than here (other versions of "
                "OpenCV or Pillow); the report says that it was trained on other data"
            )
    print(f"Now: dvc repro recipes; dvc commit --force {' '.join(f'train@{name}' for name in names)}; dvc repro")


def bring_back(folder: Path) -> list[str]:
    """Write models/<network>, its curve and its training's metrics, in the place of those that are there; returns the
    networks.

    Raises ValueError where there are none, where a part is missing or damaged, and where a parcel holds other files than
    these; nothing of a network is changed then.
    """
    parcels = read_parts(folder)
    if not parcels:
        raise ValueError(f"{folder} holds no network: its files are named NETWORK.DIGEST.1ofN")
    for name, data in parcels.items():
        places = (paths.MODELS / name, paths.CURVES / name, paths.METRICS / name / "train.json")
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if not any(path == place or place in Path(path).parents for place in places) or ".." in path.parts:
                    raise ValueError(
                        f"{folder}: the parcel of {name} holds {member.name}, which is none of its results"
                    )
            for place in places[:2]:
                shutil.rmtree(place, ignore_errors=True)
            tar.extractall(filter="data")
    return list(parcels)


def same_data(card: dict) -> bool:
    """Whether the training set of a card is the one that lies here."""
    folders = [paths.paired_folder(stage, card["data"]["set"]) for stage in ("degrade", "resize")]
    files = [folder / manifest.FILE for folder in folders]
    return all(file.is_file() for file in files) and checkpoint.digest(files=files) == card["data"]["manifests_sha256"]


if __name__ == "__main__":
    main()
