"""Writes the pictures of the published networks: `python -m pipeline.commands.diagrams`, or `make diagrams`."""

from pathlib import Path

from pipeline.commands.diagrams.draw import pictures
from pipeline.commands.profiles import FOLDER
from pipeline.params.file import parse
from pipeline.store.paths import REPORTS

PROFILE = FOLDER / "paper.yaml"  # holds the published widths
EXAMPLES = REPORTS / "examples"


def main(folder: Path = EXAMPLES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures(parse(PROFILE)).items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(folder / f"{name}.svg")


if __name__ == "__main__":
    main()
