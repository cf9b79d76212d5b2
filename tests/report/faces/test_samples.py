"""Faces that broke a rule: how many, which are shown, under which name, and what is not shown."""

import base64
import csv
import html as markup
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report.conftest import ODD_NAME

from pipeline.params.data import FilterParams
from pipeline.report.faces.samples import NAME_PX
from pipeline.report.page.page import visible
from pipeline.report.tables import counts
from pipeline.store import images, paths
from pipeline.store.files import write_json

HELEN = [("removed", "no face", 1, 1), ("removed", "too small", 6, 12), ("flagged", "too small", 3, 3)]
HELEN += [("flagged", "near duplicate", 2, 2)]


def section(html: str, start: str) -> str:
    """What stands under the heading of a set."""
    rules = html.split('<section id="rules"')[1].split("</section>")[0]
    return next(part for part in rules.split("<h3>") if part.startswith(start))


def groups(part: str) -> list[tuple[str, str, int, int]]:
    """(action, rule, pictures, total) of the groups shown, in order."""
    found = []
    for block in part.split('<div class="samples ')[1:]:
        heading = re.search(r'<span class="action">(\w+)</span> (.+?) <small>(\d+) of ([\d,]+)</small>', block)
        action, rule, shown, total = heading.groups()
        assert block.startswith(action)
        assert block.count("<img") == int(shown)
        found.append((action, rule, int(shown), int(total.replace(",", ""))))
    return found


def test_each_rule_has_its_numbers_in_the_filters_order(pages, reports):
    markdown, html = pages
    helen = markdown.split("## Faces that broke a rule")[1].split("### Helen, here")[1].split("###")[0]
    lines = [line for line in helen.splitlines() if line.startswith("| ") and "<br>" in line]
    assert [re.sub("<br>.*? \\|", " |", line) for line in lines] == [
        "| no face | 1 | 0 |",
        "| too small | 12 | 3 |",
        "| near duplicate | 0 | 2 |",
    ]
    assert "**Crops that broke a rule, of 2,000**" in helen
    for number in ("12", "3", "2,000"):
        assert number in section(html, "Helen")
    with open(reports / "tables" / "rules_celeba.csv") as file:
        (leak,) = csv.DictReader(file)
    assert (leak["rule"], leak["removed"], leak["flagged"]) == ("leak", "0", "1234")


def test_samples_are_grouped_by_rule_and_removed_stand_apart_from_flagged(pages):
    _, html = pages
    assert groups(section(html, "Helen")) == HELEN
    assert groups(section(html, "CelebA,")) == [("flagged", "leak", 6, 1234)]
    assert groups(section(html, "Real photos")) == [("removed", "too large", 1, 1)]


def test_a_set_whose_rules_all_hold_shows_no_picture_and_says_so(pages, reports):
    markdown, html = pages
    for key, title in (("ffhq", "FFHQ"), ("celebahq", "CelebA-HQ")):
        part = section(html, title)
        assert "No crop broke a rule." in part
        assert "<img" not in part
        assert not (reports / "figures" / f"rejected_{key}.png").exists()
        assert not (reports / "tables" / f"rules_{key}.csv").exists()
        assert f"rejected_{key}" not in markdown
    assert markdown.count("No crop broke a rule.") == 2


def test_no_samples_at_all(project):
    for key in paths.SETS:
        path = paths.stage_folder("filter", key) / "samples.parquet"
        pd.read_parquet(path).iloc[:0].to_parquet(path, index=False)
        project.change(paths.counts_file("filter", key), reasons={}, flags={})
    markdown, html = project.build()
    assert markdown.count("No crop broke a rule.") == len(paths.SETS)
    assert "<img" not in html.split('<section id="rules"')[1].split("</section>")[0]
    assert not (paths.REPORTS / "tables" / "samples.csv").exists()
    assert not list((paths.REPORTS / "figures").glob("rejected_*"))


def test_pictures_carry_their_own_bytes_name_and_what_was_seen(pages, reports):
    _, html = pages
    path = reports.parent / paths.stage_folder("filter", "helen")
    frame = pd.read_parquet(path / "samples.parquet")
    part = section(html, "Helen")
    tar = (path / "samples.tar").read_bytes()
    for row in frame.to_dict("records"):
        alt = f"{row['action']}, {row['rule']}: {visible(row['key'])}"
        tags = [
            tag for tag in re.findall(r"<img [^>]*>", part) if f'alt="{markup.escape(alt, quote=False)}' in _text(tag)
        ]
        assert tags, alt
        bytes_ = tar[row["offset"] : row["offset"] + row["size"]]
        assert any(f"data:image/jpeg;base64,{base64.b64encode(bytes_).decode()}" in tag for tag in tags)
        assert f'<span class="seen">{markup.escape(row["detail"])}</span>' in part
    assert part.count('loading="lazy"') == len(frame)


def _text(tag: str) -> str:
    """A tag with the quotes inside its attributes as they are read."""
    return tag.replace("&#34;", '"').replace("&#39;", "'")


def test_names_are_no_markup(pages, reports):
    _, html = pages
    shown = "a &lt;b&gt;&#34;face&#34;&lt;/b&gt;\\nof it&#39;s own.jpg"
    assert f'<span class="name">{shown}</span>' in html
    assert f'alt="removed, too small: {shown}"' in html
    assert "<b>" not in html
    with open(reports / "tables" / "samples.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "Helen" and row["rule"] == "too small"]
    assert rows[1]["name"] == ODD_NAME
    assert [row["picture"] for row in rows] == list("123456123")
    assert rows[1]["seen"] == "value 1 <of 12>"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a b_c.jpg", "a b_c.jpg"), ("Zoë 顔.jpg", "Zoë 顔.jpg"), ("a\tb\n\u202e", "a\\tb\\n\\u202e"), ("L_px", "L_px")],
)
def test_names_stay_as_they_are_but_for_what_cannot_be_seen(name, shown):
    assert visible(name) == shown


def test_figures_show_the_same_faces_a_row_per_rule(pages, reports):
    markdown, _ = pages
    assert "(figures/rejected_helen.png)" in markdown
    assert "no face, removed (1 of 1); too small, removed (6 of 12); too small, flagged (3 of 3)" in markdown
    with Image.open(reports / "figures" / "rejected_helen.png") as picture:
        faces = np.asarray(picture)[:, NAME_PX:]
    folder = reports.parent / paths.stage_folder("filter", "helen")
    frame = pd.read_parquet(folder / "samples.parquet")
    tar = (folder / "samples.tar").read_bytes()
    pitch = faces.shape[0] // len(HELEN)
    for row, (action, rule, shown, _) in enumerate(HELEN):
        of_group = frame[(frame["rule"] == rule) & (frame["action"] == action)].to_dict("records")
        assert len(of_group) == shown
        for column, sample in enumerate(of_group):
            tile = images.decode(tar[sample["offset"] : sample["offset"] + sample["size"]])
            centre = faces[pitch * row + pitch // 2, pitch * column + pitch // 2 - 8]
            np.testing.assert_array_equal(centre, tile[48, 48])


def test_what_other_stages_left_behind_stands_apart_from_the_rules(pages):
    markdown, _ = pages
    rejected = markdown.split("**Left behind before and after the rules**")[1].split("\n## ")[0]
    assert "| Helen | crop | unreadable | 2 |" in rejected
    assert "too small" not in rejected


def test_ingests_remarks_stand_under_the_counts(project):
    remark = "No mapping file: every photo was taken."
    for key in ("celebahq", "real"):
        write_json(paths.stage_folder("ingest", key) / "notes.json", [remark])
    write_json(paths.stage_folder("ingest", "helen") / "notes.json", ["No list of names.", remark])
    markdown, html = project.build()
    helen, celebahq = (row for row in markdown.splitlines() if re.match(r"\| (Helen|CelebA-HQ)<br>AGRNet", row))
    assert "| 3 <sup>1, 2</sup> |" in helen
    assert "| 3 <sup>2</sup> |" in celebahq
    assert f"1. No list of names.\n2. {remark}" in markdown
    assert html.count(remark) == 1


def test_the_filters_rules_all_have_an_explanation_in_its_order():
    """FilterParams' fields, in words; side_px is two rules."""
    words = {"side_px": ["too small", "too large"], "score": ["low score"], "blur": ["blurred"]}
    asked = [word for field in FilterParams.model_fields for word in words.get(field, [field.replace("_", " ")])]
    assert asked == list(counts.RULES)
