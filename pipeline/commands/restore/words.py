"""Sentences that stand in several places."""

IDENTITY = (
    "A restored face is a plausible reconstruction and no evidence of anybody's identity: where the photo has lost a "
    "detail, the network invents one that fits."
)
