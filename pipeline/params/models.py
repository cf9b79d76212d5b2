"""Other people's networks in params.yaml: which, of what size, trained how."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from pipeline.params.base import Count, Positive, Section, validated
from pipeline.params.tasks import DiscriminatorParams, LossParams, TrainHRParams, TrainParams

PeerName = Literal["sparnet", "dic", "sfmnet", "swinir", "mambair"]
PeerLoss = Literal["own", "shared"]


class SPARNetNetwork(Section):
    """Arguments of `pipeline.networks.sparnet.network.SPARNet`; what is not given is as published, here and below."""

    widths: Annotated[tuple[Count, ...], Field(min_length=2)] = (32, 64, 128, 128)
    num_units: Count = 10
    attention_width: Count = 64
    attention_levels: Count = 2
    attention: Literal["2d", "3d"] = "2d"
    norm: Literal["batch", "instance"] = "batch"
    spectral: bool = False


class SPARNetHDNetwork(SPARNetNetwork):
    """Arguments of `pipeline.networks.sparnet.network.SPARNetHD`."""

    widths: Annotated[tuple[Count, ...], Field(min_length=2)] = (102, 204, 408, 512, 512)
    num_units: Count = 9
    attention_levels: Count = 1
    norm: Literal["batch", "instance"] = "instance"
    spectral: bool = True


class DICNetwork(Section):
    """Arguments of `pipeline.networks.dic.network.DIC`, which has as many heat maps as the pipeline has landmarks."""

    width: Count = 48
    num_steps: Annotated[int, Field(ge=2)] = 4
    num_groups: Count = 6
    num_fusion_blocks: Count = 7
    alignment_width: Annotated[int, Field(ge=4, multiple_of=4)] = 256
    alignment_levels: Count = 4


class SFMNetNetwork(Section):
    """Arguments of `pipeline.networks.sfmnet.network.SFMNet`."""

    width: Count = 64
    heads: Count = 8
    group_blocks: Count = 2


class SwinIRNetwork(Section):
    """Arguments of `pipeline.networks.swinir.network.SwinIR`."""

    width: Count = 180
    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6)
    heads: Count = 6
    window: Annotated[int, Field(ge=2)] = 8
    mlp_ratio: Positive = 2
    up_width: Count = 64
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "pixelshuffle"


class SwinIRHRNetwork(SwinIRNetwork):
    """Arguments of `pipeline.networks.swinir.network.SwinIRHR`."""

    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6, 6, 6)
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "nearest+conv"


class MambaIRNetwork(Section):
    """Arguments of `pipeline.networks.mambair.network.MambaIR`."""

    width: Count = 180
    depths: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 6, 6, 6, 6, 6)
    state: Count = 16
    expand: Positive = 2
    up_width: Count = 64
    upsampler: Literal["pixelshuffle", "nearest+conv"] = "pixelshuffle"


class MambaIRHRNetwork(MambaIRNetwork):
    """Arguments of `pipeline.networks.mambair.network.MambaIRHR`."""

    upsampler: Literal["pixelshuffle", "nearest+conv"] = "nearest+conv"


# (peer, whose sets) -> its arguments.
PEER_NETWORKS: dict[tuple[str, str], type[Section]] = {
    ("sparnet", "agrnet"): SPARNetNetwork,
    ("sparnet", "agrnet_hr"): SPARNetHDNetwork,
    ("dic", "agrnet"): DICNetwork,
    ("sfmnet", "agrnet"): SFMNetNetwork,
    ("swinir", "agrnet"): SwinIRNetwork,
    ("swinir", "agrnet_hr"): SwinIRHRNetwork,
    ("mambair", "agrnet"): MambaIRNetwork,
    ("mambair", "agrnet_hr"): MambaIRHRNetwork,
}


class DICLoss(Section):
    """DIC's loss: the weight of the heat maps beside the images."""

    align_weight: Annotated[float, Field(ge=0)] = 0.1


class SFMNetLoss(Section):
    """SFMNet's loss: the weight of amplitude and phase beside the images."""

    frequency_weight: Annotated[float, Field(ge=0)] = 0.01


class NoWeights(Section):
    """A loss without weights: L1, or Eq. (15)."""


OWN_LOSSES: dict[str, type[Section]] = {"dic": DICLoss, "sfmnet": SFMNetLoss}
# Which loss a peer's paper has: by name, and on AGRNet-HR's sets, where SPARNet's authors train SPARNetHD adversarially.
OWN_CRITERIA = {"dic": "dic", "sfmnet": "sfmnet"}


class ForeignWeights(Section):
    """A checkpoint that others trained, in place of a training of ours.

    path: a safetensors file, or a checkpoint of torch's of tensors alone. sha256: of the file; it stands here so that
    another file is another experiment.
    """

    path: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Peer(Section):
    """One of other people's networks.

    model: which. sets: whose sets it is trained and tested on, AGRNet's (x8) or AGRNet-HR's. network: its arguments.
    train: what differs from the training of that model, from which it has the rest, the number of images seen too. loss and
    discriminator: of its own loss where it has weights; on AGRNet-HR's sets those of Eq. (26), where it is trained with it.
    """

    model: PeerName
    sets: Literal["agrnet", "agrnet_hr"]
    network: dict[str, Any] = Field(default_factory=dict)
    loss: dict[str, Any] = Field(default_factory=dict)
    discriminator: DiscriminatorParams | None = None
    train: dict[str, Any] = Field(default_factory=dict)
    weights: ForeignWeights | None = None

    @property
    def family(self) -> str:
        """The network of the paper whose data it shares."""
        return self.sets

    @model_validator(mode="after")
    def _exists(self):
        if (self.model, self.sets) not in PEER_NETWORKS:
            raise ValueError(f"{self.model} has no form for {self.sets}'s sets")
        return self


class PeerModel(Section):
    """A peer as it is trained. criterion: "l1", "l2" (Eq. (15)), "dic", "sfmnet", or "composite" (Eq. (26))."""

    network: SerializeAsAny[Section]
    criterion: Literal["l1", "l2", "dic", "sfmnet", "composite"]
    loss: SerializeAsAny[Section]
    discriminator: DiscriminatorParams | None = None
    train: SerializeAsAny[TrainParams]


def peer_model(entry: Peer, name: str, base: TrainParams | TrainHRParams, loss: PeerLoss) -> PeerModel:
    """The peer `name` with the training section of the model whose sets it shares.

    Raises ValueError naming the key that does not fit.
    """
    where = f"peers.{name}"
    criterion = _criterion(entry, loss)
    if criterion == "composite" and entry.discriminator is None:
        raise ValueError(
            f"{where} is trained with Eq. (26): give it `loss` and `discriminator`, as models.agrnet_hr has"
        )
    kind = LossParams if criterion == "composite" else OWN_LOSSES.get(criterion, NoWeights)
    # With the shared loss the weights of a loss of its own stay where they are, unused.
    given = entry.loss if criterion in ("composite", "dic", "sfmnet") else {}
    return PeerModel(
        network=peer_network(entry, name),
        criterion=criterion,
        loss=validated(kind, given, f"{where}.loss does not fit its criterion {criterion}"),
        discriminator=entry.discriminator if criterion == "composite" else None,
        train=validated(type(base), base.model_dump() | entry.train, f"{where}.train does not fit"),
    )


def peer_network(entry: Peer, name: str) -> Section:
    """The arguments of the peer's network alone. Raises ValueError where they do not fit."""
    return validated(PEER_NETWORKS[entry.model, entry.sets], entry.network, f"peers.{name}.network does not fit")


def _criterion(entry: Peer, loss: PeerLoss) -> str:
    if entry.sets == "agrnet_hr":
        return "composite" if loss == "shared" or entry.model == "sparnet" else "l1"
    return "l2" if loss == "shared" else OWN_CRITERIA.get(entry.model, "l1")
