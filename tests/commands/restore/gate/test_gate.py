"""Whether a face is restored, of what is predicted."""

import dataclasses
import json

import numpy as np
import pytest

from pipeline.commands.restore.gate.gate import FILE, Gate, GateError, read_gate
from pipeline.commands.restore.gate.signs import Signs

SHA = "0" * 64


def gate(gain, psnr=(0.0, 0.0), error=(0.0, 0.0)):
    """Of one sign that says nothing and two cuts: intercepts alone."""
    rows = (np.array([[0.0, 0.0], [0.0, 0.0], values]) for values in (gain, psnr, error))
    return Gate((4, 64), np.zeros(1), np.ones(1), *rows, np.array([[0.0, 0.0], [9.0, 9.0]]), 64, SHA, {"sets": {}})


def said(*predicted):
    return gate(*predicted).verdict(Signs(np.zeros(1), 20.0, 1.0))


@pytest.mark.parametrize(
    ("gain", "psnr", "error", "cut"),
    [
        ((0.10, 0.08), (0, 0), (0, 0), 4),
        ((0.10, 0.08), (-1, 0), (0, 0), 64),  # a dB is worth 0.03 LPIPS
        ((0.10, 0.08), (0, 0), (0.12, 0.01), 64),  # 0.10 - 1.3 x 0.12 might be a loss
        ((0.10, 0.08), (-2.1, -1.5), (0, 0), 64),  # 20 dB per LPIPS are too many
        ((0.03, 0.039), (3, 3), (0, 0), None),  # too little to change a face for
        ((0.10, 0.08), (0, 0), (0.12, 0.1), None),
        ((0.10, 0.08), (-2.1, -1.7), (0, 0), None),
    ],
)
def test_what_is_predicted_decides(gain, psnr, error, cut):
    verdict = said(gain, psnr, error)
    assert verdict.helps == (cut is not None)
    if cut is not None:
        assert verdict.cut == cut


def test_where_nothing_may_be_used_the_most_promising_cut_is_named():
    verdict = said((0.01, 0.03), (-9, -1), (0.02, 0.03))
    assert dataclasses.astuple(verdict) == (False, 64, 0.03, -1, 0.03)


def test_signs_beyond_four_deviations_say_no_more():
    slope = dataclasses.replace(gate((0, 0)), gain=np.array([[0.1, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    gains = [slope.verdict(Signs(np.array([value]), 0, 0)).gain for value in (4.0, 400.0)]
    assert gains == [pytest.approx(0.4)] * 2


def test_it_is_read_as_it_was_written(tmp_path):
    written = gate((0.123456789, 0.2))
    written.write(tmp_path)
    read = read_gate(tmp_path, SHA, 64)
    assert read.gain[2, 0] == 0.123457
    assert (read.cuts, read.size_px, read.about) == (written.cuts, 64, {"sets": {}})
    written.write(tmp_path)
    first = (tmp_path / FILE).read_bytes()
    read.write(tmp_path)
    assert (tmp_path / FILE).read_bytes() == first


def test_none_is_none_and_a_damaged_or_strange_one_is_an_error(tmp_path):
    assert read_gate(tmp_path, SHA, 64) is None
    gate((0, 0)).write(tmp_path)
    with pytest.raises(GateError, match="other weights"):
        read_gate(tmp_path, "1" * 64, 64)
    fields = json.loads((tmp_path / FILE).read_text())
    for broken in (
        "{",
        json.dumps({**fields, "more": 1}),
        json.dumps({k: v for k, v in fields.items() if k != "gain"}),
    ):
        (tmp_path / FILE).write_text(broken)
        with pytest.raises(GateError, match=r"gate\.json is no gate"):
            read_gate(tmp_path, SHA, 64)
    gate((0, 0)).write(tmp_path)
    with pytest.raises(GateError, match="its gate is for 64 px and the network makes 128"):
        read_gate(tmp_path, SHA, 128)
    gate((float("nan"), 0)).write(tmp_path)
    with pytest.raises(GateError, match="not finite"):
        read_gate(tmp_path, SHA, 64)


@pytest.mark.parametrize(
    ("gain", "psnr", "error", "why"),
    [
        (0.03, 3, 0.0, "the network would not help"),
        (0.10, 3, 0.12, "it is too unsure whether the network would help"),
        (0.10, -3, 0.0, "the network would go too far from the photo"),
        (0.10, 3, 0.0, ""),
    ],
)
def test_what_speaks_against_it_is_said(gain, psnr, error, why):
    assert said((gain, gain), (psnr, psnr), (error, error)).why == why
