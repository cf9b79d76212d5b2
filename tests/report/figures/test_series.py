"""What dvc plots draws: curves by variant, means by network."""

import json
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML
from tests_root import ROOT

from pipeline.params.recipe import Variant
from pipeline.report.figures.series import write_series
from pipeline.report.results import read_run


def test_every_file_that_dvc_yaml_plots_is_written(project, tmp_path):
    variants = {"agrnet": Variant(model="agrnet"), "hr": Variant(model="agrnet_hr")}
    write_series(tmp_path / "series", read_run("demo", [0], variants), [])
    plots = YAML(typ="safe").load(ROOT / "dvc.yaml")["plots"]
    for (name, plot), *_ in (plot.items() for plot in plots):
        ((path, figure),) = plot["y"].items()
        columns = list(pd.read_csv(tmp_path / "series" / Path(path).name))
        wanted = {figure, plot["x"]} if isinstance(plot["x"], str) else {figure, plot["x"][path]}
        assert wanted <= set(columns), name
        assert (ROOT / plot["template"]).is_file()
    written = {file.name for file in (tmp_path / "series").iterdir()}
    plotted = {Path(*plot["y"]).name for (_, plot), *_ in (plot.items() for plot in plots)}
    assert plotted == written
    loss = pd.read_csv(tmp_path / "series/agrnet_loss.csv")
    assert loss.to_dict("records") == [{"variant": "agrnet", "step": step, "loss": 0.25} for step in (2, 4)]
    means = pd.read_csv(tmp_path / "series/helen_psnr_y.csv").set_index("network")
    assert list(means.index) == ["bicubic", "agrnet"]
    assert (means["low"] < means["psnr_y"]).all()
    assert (means["psnr_y"] < means["high"]).all()
    assert list(pd.read_csv(tmp_path / "series/agrnet_hr_psnr_y.csv")) == ["variant", "step", "psnr_y"]


def test_templates_are_vega_lite_with_dvc_anchors():
    for template in (ROOT / ".dvc/plots").glob("*.json"):
        text = template.read_text()
        assert "vega-lite" in json.loads(text)["$schema"]
        for anchor in ("DATA", "TITLE", "X", "Y"):
            assert f"<DVC_METRIC_{anchor}>" in text, template.name
