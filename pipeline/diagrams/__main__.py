"""Writes the pictures of the published networks: `python -m pipeline.diagrams`, or `make diagrams`."""

from pathlib import Path

from pipeline.diagrams.draw import pictures
from pipeline.layout import REPORTS
from pipeline.params import parse
from pipeline.profiles import FOLDER

PROFILE = FOLDER / "paper.yaml"  # holds the published widths
EXAMPLES = REPORTS / "examples"


def main(folder: Path = EXAMPLES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures(parse(PROFILE)).items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(folder / f"{name}.svg")


if __name__ == "__main__":
    main()
