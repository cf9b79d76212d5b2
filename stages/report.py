"""report: tables, figures and the page, from what the other stages left. It shows all of params.yaml."""

from pipeline.params.file import parse
from pipeline.report.build import build_report

PARAMS = ()


def main() -> None:
    build_report(parse())


if __name__ == "__main__":
    main()
