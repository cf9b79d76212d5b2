"""READMEs: short at the front, and no link that leads nowhere."""

import re

import pytest
from tests_root import ROOT

FOLDERS = ("data/raw", "models", "profiles", "reports", "tests", "pipeline")  # and not .venv, which has thousands
TEXTS = [ROOT / "README.md", *(file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("README.md")))]
DEVIATIONS = ROOT / "pipeline/report/page/deviations.md"


def anchors(text: str) -> set[str]:
    """Of a text's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_read_in_minutes():
    assert len((ROOT / "README.md").read_bytes()) <= 10_000


@pytest.mark.parametrize("file", [*TEXTS, DEVIATIONS], ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(file):
    text = re.sub(r"```.*?```", "", file.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path) if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_said_twice(file):
    """A paragraph, a table, a heading: as an edit that went wrong leaves them."""
    text = re.sub(r"```.*?```", "", file.read_text(), flags=re.DOTALL)
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    assert [part for part in set(parts) if parts.count(part) > 1] == []


def test_every_room_with_a_readme_is_in_the_table():
    front = (ROOT / "README.md").read_text()
    for file in TEXTS[1:]:
        folder = file.parent.relative_to(ROOT)
        if folder.parts[0] not in ("data", "reports"):  # they lead on themselves
            assert f"({folder}/README.md)" in front, folder


def test_public_imports_are_short():
    from pipeline.metrics import psnr_y, ssim_y
    from pipeline.networks.agrnet import AGRNet
    from pipeline.networks.agrnet_hr import AGRNetHR

    assert [thing.__name__ for thing in (psnr_y, ssim_y, AGRNet, AGRNetHR)] == [
        "psnr_y",
        "ssim_y",
        "AGRNet",
        "AGRNetHR",
    ]
