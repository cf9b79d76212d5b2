"""The networks of params.yaml: a model or a peer, and what differs."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from pipeline.params.base import Section, validated
from pipeline.params.losses import DICLoss, DiscriminatorParams, LossParams, NoWeights, SFMNetLoss
from pipeline.params.models import PEER_NETWORKS, AGRNetHRNetwork, AGRNetNetwork
from pipeline.params.tasks import TrainHRParams, TrainParams


class AGRNetModel(Section):
    """AGRNet and its training, Eq. (15)."""

    network: AGRNetNetwork
    train: TrainParams


class AGRNetHRModel(Section):
    """AGRNet-HR and its training, Eq. (26) and (27)."""

    network: AGRNetHRNetwork
    discriminator: DiscriminatorParams
    loss: LossParams
    train: TrainHRParams


class ModelsParams(Section):
    """What every variant starts from."""

    agrnet: AGRNetModel
    agrnet_hr: AGRNetHRModel


class Variant(Section):
    """One network to train: a model, and what differs from it (keys as in the model's section)."""

    model: Literal["agrnet", "agrnet_hr"]
    changes: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def family(self) -> str:
        """The network of the paper that it is a form of."""
        return self.model


def with_changes(base: AGRNetModel | AGRNetHRModel, entry: Variant, name: str) -> AGRNetModel | AGRNetHRModel:
    """`base` with the changes of the variant `name` in it. Raises ValueError where they do not fit the model."""
    merged = base.model_dump()
    for section, changes in entry.changes.items():
        if section not in merged:
            raise ValueError(f"variants.{name}.changes.{section}: {entry.model} has {', '.join(merged)}")
        merged[section] |= changes
    return validated(type(base), merged, f"variants.{name}.changes does not fit models.{entry.model}")


def network_with_changes(
    base: AGRNetNetwork | AGRNetHRNetwork, entry: Variant, name: str
) -> AGRNetNetwork | AGRNetHRNetwork:
    """The network section alone with the variant's changes, for who runs a network and does not train it."""
    merged = base.model_dump() | entry.changes.get("network", {})
    return validated(type(base), merged, f"variants.{name}.changes.network does not fit models.{entry.model}")


PeerName = Literal["sparnet", "dic", "sfmnet", "swinir", "mambair"]

PeerLoss = Literal["own", "shared"]

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
