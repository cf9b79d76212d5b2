"""What others publish of size and cost: beside ours, never as the paper's."""

from pipeline.report.blocks.grid import write_grid
from pipeline.report.metrics import COUNTED
from pipeline.report.results import PAPERS
from pipeline.report.tables.published import published_figures, published_grid
from pipeline.store import paths


def test_figures_stand_with_their_source_beside_ours(project, tmp_path):
    project.add_peer("dic", {"psnr_y": 24.0, "ssim_y": 0.75}, parameters_m=0.5)
    columns = [{"label": "DIC", "network": "dic"}, {"label": "SPARNet"}, *project.tables["table_2"]["columns"][1:]]
    project.tables = project.tables | {"table_2": project.tables["table_2"] | {"columns": columns}}
    grid = published_grid(*project.read("agrnet"))
    rows = [(line.header, *(cell.text for cell in line.cells)) for line in grid.lines if not line.heading]
    assert ("DIC", "README of SPARNet’s code", "22.80", "–", "0.50", "0.50") in rows
    assert ("SPARNet", "README of SPARNet’s code, the released network", "10.52", "7.10", "–", "–") in rows
    assert {row[0] for row in rows} == {"DIC", "SPARNet"}  # no table here has the others
    marked = [cell.paper for line in grid.lines if not line.heading for cell in line.cells]
    assert marked == [False, True, True, False, False] * len(rows)
    write_grid(tmp_path, grid)
    first, *_ = (tmp_path / "published.csv").read_text().splitlines()
    assert first == "beside,network,source,published_parameters_m,published_gmac,parameters_m,gmac"


def test_nothing_is_shown_of_networks_that_no_table_names(project):
    project.tables = {"table_7": project.tables["table_7"]}
    assert published_grid(*project.read()) is None


def test_every_published_figure_has_a_source_and_a_number():
    assert set(published_figures()) == set(PAPERS)
    assert set(PAPERS) == {task for task, _ in paths.SETS.values()}
    for networks in published_figures().values():
        for figures in networks.values():
            for figure in figures:
                assert figure["source"]
                assert set(figure) - {"source"} <= set(COUNTED)
                assert all(figure[cost] > 0 for cost in COUNTED if cost in figure)
                assert len(figure) > 1
