"""Tables of the report as params.yaml describes them: what cannot stand in them is refused when the file is read."""

import pytest
from params.test_params import edited, nested

from pipeline.params.file import ParamsError, parse
from pipeline.params.tables import MEASURED_BY, OF_NETWORKS
from pipeline.report.metrics import METRICS

TABLES = "report.tables"


def test_the_report_has_a_name_for_every_figure_that_can_stand_in_a_table():
    assert set(METRICS) == {*MEASURED_BY, *OF_NETWORKS}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "table_4.columns.1.network",
            "agrnt_acon",
            r"table_4\.columns: there is no network 'agrnt_acon'; networks are",
        ),
        ("table_4.rows.0", "helen.ssim", r"table_4\.rows: 'helen\.ssim' is neither a figure of a network"),
        ("table_4.rows.0", "hellen.ssim_y", r"'hellen\.ssim_y' is neither .* a set of helen, celebahq, real"),
        ("table_4.rows.0", "celeba.ssim_y", r"'celeba\.ssim_y' is neither .* a set of helen, celebahq, real"),
        ("table_4.rows.0", "ssim_y", r"'ssim_y' is neither"),
        ("table_4.rows.0", "helen.gmac", r"'helen\.gmac' is neither"),
        ("table_3.rows.0", "celebahq.lpips_vgg", r"is not measured: put lpips_vgg under evaluate\.metrics"),
        ("table_3.rows.0", "real.psnr_y", r"is not measured: real has no ground truth"),
        ("table_3.rows.0", "celebahq.fid_inception", "fid_inception is taken of sets without ground truth alone"),
        ("table_4.rows.0", "celebahq.psnr_y", "is of the task blind, and no network of the table is trained for it"),
        ("table_4.baseline", "None", "baseline 'None' is none of the labels"),
        ("table_4.columns.1.label", "Baseline", "the label 'Baseline' stands twice"),
        ("table_4.columns", [], "at least 1 item"),
        ("table_4.rows", [], "at least 1 item"),
        ("table_4.columns.1.variant", "agrnet_acon", "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_stand_in_a_table_is_refused(tmp_path, path, value, message):
    with pytest.raises(ParamsError, match=message):
        parse(edited(tmp_path, nested(f"{TABLES}.{path}", value)))


def test_a_network_that_is_gone_takes_its_columns_with_it_or_is_refused(tmp_path):
    def without(values):
        del values["networks"]["agrnet_acon"]

    with pytest.raises(ParamsError, match=r"there is no network 'agrnet_acon'.*Take the column out"):
        parse(edited(tmp_path, without))

    def without_its_column(values):
        without(values)
        table = values["report"]["tables"]["table_4"]
        table["columns"] = [column for column in table["columns"] if column["network"] != "agrnet_acon"]

    assert "agrnet_acon" not in parse(edited(tmp_path, without_its_column)).networks


def test_a_column_without_a_network_is_the_papers_alone(tmp_path):
    def edit(values):
        del values["report"]["tables"]["table_2"]["columns"][1]["network"]
        del values["networks"]["dic"]

    params = parse(edited(tmp_path, edit))
    assert params.report.tables["table_2"].columns[1].network is None
    assert "dic" not in params.networks


def test_landmark_figures_need_landmarks(tmp_path):
    def edit(values):
        values["evaluate"]["metrics"].remove("landmarks")
        values["report"]["tables"]["table_2"]["rows"].append("helen.landmark_distance")

    with pytest.raises(ParamsError, match=r"put landmarks under evaluate\.metrics"):
        parse(edited(tmp_path, edit))
