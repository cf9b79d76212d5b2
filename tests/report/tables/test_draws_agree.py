"""The ranges that the report states against what the degradation draws by the paper's preset."""

import pytest

from pipeline.degrade import draw
from pipeline.params.degrade import RealDegradation
from pipeline.report.tables import draws
from pipeline.store import manifest, paths


def test_the_ranges_are_those_of_the_paper_preset():
    params = RealDegradation(kind="eq28", seed=0)
    assert draws.REFERENCE_SIDE_PX == draw.REFERENCE_SIDE_PX
    asked = {kind: params.motion_px if kind == "motion" else params.blur_px for kind in draws.BLUR_PX}
    assert {kind: (limits.low, limits.high) for kind, limits in asked.items()} == draws.BLUR_PX
    for limits, ours in (
        (params.lr_side_px, draws.LR_SIDE_PX),
        (params.noise_levels, draws.NOISE_LEVELS),
        (params.compression, draws.COMPRESSION),
    ):
        assert (limits.low, limits.high) == ours
    assert sorted(map(draw.jpeg_quality, draws.COMPRESSION)) == list(draws.QUALITY)


@pytest.mark.parametrize("side", [128, 200, 256, 512])
@pytest.mark.parametrize("reading", ["sigma", "kernel"])
def test_what_the_paper_preset_draws_lies_in_the_ranges(project, side, reading):
    """The degradation's own draws, of another size and reading: the report's scaling is the pipeline's."""
    project.hr_side("ffhq", side)
    folder = paths.paired_folder("degrade", "ffhq")
    params = RealDegradation(kind="eq28", seed=0, gaussian_reading=reading)
    frame = manifest.read_manifest(folder)
    rows = []
    for number in range(400):
        record = draw.draw(params, f"{number}", side).columns()
        rows.append(frame.iloc[0].to_dict() | {"key": f"{number}"} | record)
    manifest.write_manifest(folder, rows)
    drawn = draws.read_draws("ffhq")
    assert (drawn.images, drawn.outside, sum(drawn.skipped.values())) == (400, 0, 0)
    assert sum(drawn.kinds.values()) == 400
