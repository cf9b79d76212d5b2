"""Weights that SwinIR's authors trained, under the names of `pipeline.networks.swinir.network`."""

import re
from collections.abc import Mapping

from torch import Tensor

NOT_WEIGHTS = ("attn_mask", "relative_position_index")
OUR_NAMES = (
    (r"conv_first(\.1)?\.", r"head."),
    (r"patch_embed\.norm\.", r"norm_in."),
    (r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.norm([12])\.", r"groups.\1.blocks.\2.norm\3."),
    (r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.attn\.qkv\.", r"groups.\1.blocks.\2.attention.qkv."),
    (r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.attn\.proj\.", r"groups.\1.blocks.\2.attention.out."),
    (
        r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.attn\.relative_position_bias_table",
        r"groups.\1.blocks.\2.attention.bias",
    ),
    (r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.mlp\.fc1\.", r"groups.\1.blocks.\2.mlp.0."),
    (r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.mlp\.fc2\.", r"groups.\1.blocks.\2.mlp.2."),
    (r"layers\.(\d+)\.conv\.", r"groups.\1.conv."),
    (r"norm\.", r"norm_out."),
    (r"conv_after_body\.", r"conv."),
    (r"conv_before_upsample\.0\.", r"up.before."),
    (r"upsample\.0\.", r"up.conv1."),
    (r"upsample\.2\.", r"up.conv2."),
    (r"upsample\.4\.", r"up.conv3."),
    (r"conv_up([123])\.", r"up.conv\1."),
    (r"conv_hr\.", r"up.full."),
    (r"conv_last\.", r"up.last."),
)


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a SwinIR or SwinIRHR from a checkpoint with the authors' key names (also DiffBIR's).

    `state` is what the checkpoint holds under "params" or "params_ema", or a mapping that has one of the two. Left out:
    window offsets and masks, which are no weights. A state_dict with our names comes back as it is. Raises ValueError for a
    key that no layer of these networks has.
    """
    if "norm_in.weight" in state:
        return dict(state)
    state = next((state[key] for key in ("params_ema", "params") if key in state), state)
    return {_our_name(name): value for name, value in state.items() if not name.endswith(NOT_WEIGHTS)}


def _our_name(name: str) -> str:
    for pattern, ours in OUR_NAMES:
        found = re.match(pattern, name)
        if found:
            return found.expand(ours) + name[found.end() :]
    raise ValueError(
        f"the checkpoint has {name!r}, which no layer of SwinIR has; is it one of SwinIR for x2, x4 or x8?"
    )
