"""report: tables, figures and the page, from what the other stages left."""

from pipeline.params.file import load
from pipeline.report.build import build_report

PARAMS = ("profile", "seeds", "variants", "peer_loss", "peers", "report")


def main() -> None:
    profile, seeds, variants, _, peers, report = load(PARAMS)
    build_report(profile, seeds, variants | peers, report)


if __name__ == "__main__":
    main()
