"""What dvc plots draws: curves and means by network."""

import json

import pandas as pd
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.report.figures.series import write_series


def test_every_file_that_dvc_plots_is_written(project, tmp_path):
    write_series(tmp_path / "plots", project.run("agrnet", "hr"), [])
    plots = YAML(typ="safe").load(ROOT / "reports/dvc.yaml")["plots"]
    for (name, plot), *_ in (plot.items() for plot in plots):
        ((path, figure),) = plot["y"].items()
        columns = list(pd.read_csv(tmp_path / path))
        wanted = {figure, plot["x"]} if isinstance(plot["x"], str) else {figure, plot["x"][path]}
        assert wanted <= set(columns), name
        assert (ROOT / f".dvc/plots/{plot['template']}.json").is_file()
    written = {f"plots/{file.name}" for file in (tmp_path / "plots").iterdir()}
    plotted = {path for plot in plots for told in plot.values() for path in told["y"]}
    assert plotted == written
    loss = pd.read_csv(tmp_path / "plots/x8_loss.csv")
    assert loss.to_dict("records") == [{"network": "agrnet", "step": step, "loss": 0.25} for step in (2, 4)]
    means = pd.read_csv(tmp_path / "plots/helen_psnr_y.csv").set_index("network")
    assert list(means.index) == ["bicubic", "agrnet"]
    assert (means["low"] < means["psnr_y"]).all()
    assert (means["psnr_y"] < means["high"]).all()
    assert list(pd.read_csv(tmp_path / "plots/blind_psnr_y.csv")) == ["network", "step", "psnr_y"]


def test_templates_are_vega_lite_with_dvc_anchors():
    for template in (ROOT / ".dvc/plots").glob("*.json"):
        text = template.read_text()
        assert "vega-lite" in json.loads(text)["$schema"]
        for anchor in ("DATA", "TITLE", "X", "Y"):
            assert f"<DVC_METRIC_{anchor}>" in text, template.name
