"""Any valid parameters of Eq. (28), for property tests."""

from hypothesis import strategies as st

from pipeline.params.degrade import RealDegradation


@st.composite
def ranges(draw_, low, high, whole=False):
    number = st.integers(low, high) if whole else st.floats(low, high, allow_nan=False)
    return dict(zip(("low", "high"), sorted((draw_(number), draw_(number))), strict=True))


PROBABILITY = st.floats(0, 1)
PARAMS = st.fixed_dictionaries(
    {
        "kind": st.just("eq28"),
        "seed": st.integers(0, 2**40),
        "preset": st.sampled_from(["paper", "sparnethd"]),
        "blur_px": ranges(0, 60),
        "motion_px": ranges(0, 60),
        "lr_side_px": ranges(1, 512),
        "noise_levels": ranges(0, 200),
        "compression": ranges(0, 100, whole=True),
        "gaussian_reading": st.sampled_from(["sigma", "kernel"]),
    },
    optional={
        name: PROBABILITY
        for name in ("blur_probability", "noise_probability", "jpeg_probability", "channel_probability")
    },
).map(RealDegradation.model_validate)
