"""The schema of params.yaml: every key, its unit, its range. Unknown keys are refused.

A stage calls `load` with the sections that dvc.yaml tracks for it; the whole file is validated each time, so that a typo
anywhere fails at once and not after hours of training.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from pipeline.params.base import Count, Name, Positive, Probability, Section, validated
from pipeline.params.models import Peer, PeerLoss, PeerModel, peer_model
from pipeline.params.tasks import AGRNetHRModel, AGRNetHRNetwork, AGRNetModel, AGRNetNetwork
from pipeline.store.paths import SETS, TAKEN

PARAMS_FILE = Path("params.yaml")


class RuntimeParams(Section):
    """How the work is done, never what comes out: no stage is cached against it."""

    ray_above_images: Annotated[int, Field(ge=0)]  # more images than this go through Ray Data, fewer stay in-process
    workers: Annotated[int, Field(ge=0)]  # of a private Ray instance; 0: one per core
    keep_states: bool = True  # the state of a finished training stays under .scratch/, so that it can be lengthened


class PretrainedParams(Section):
    """Which weights to bring: "auto" (the published source), "off", or the path of a file."""

    alexnet: str
    vgg16: str
    vgg19: str
    inception: str
    yunet: str = "off"  # a path or off: no package ships it
    timeout_s: Positive


class SyntheticSource(Section):
    """Generated faces (`pipeline.ingest.synthetic.faces`)."""

    kind: Literal["synthetic"]
    count: Count
    size_px: Annotated[int, Field(ge=64, le=2048)]
    seed: int


class PackagedSource(Section):
    """Photographs that scikit-image ships: the astronaut, and the faces of its lfw_subset.

    take: at most so many, in order; null takes all.
    """

    kind: Literal["skimage"]
    take: Count | None = None


class FileSource(Section):
    """Photos in files or archives.

    path: a folder or an archive, relative to the set's root. boxes: a file with given boxes (`pipeline.ingest.boxes`),
    relative to the set's root; null: none.
    """

    path: str = "."
    boxes: str | None = None


class FolderSource(FileSource):
    """Every image below a folder.

    take: at most so many files, in order of name; null takes all.
    """

    kind: Literal["folder"]
    take: Count | None = None


class ReleaseSource(FileSource):
    """A published data set as downloaded, in folders or archives (`pipeline.ingest.releases.releases`).

    complete: whether every photo of the release (of its partition, of its list) must be there, in one version; a missing
    one is an error.
    """

    complete: bool = False
    take: Count | None = None


class CelebASource(ReleaseSource):
    """CelebA, aligned or in the wild.

    partition: which part is read, by list_eval_partition.txt, or by the official numbers where that file is not there.
    """

    kind: Literal["celeba"]
    partition: Literal["all", "train", "val", "test"] = "all"


class HelenSource(ReleaseSource):
    """Helen. names: the list of the photos taken, from the set's root; null: testnames.txt where it is, else every photo."""

    kind: Literal["helen"]
    names: str | None = None


class FFHQSource(ReleaseSource):
    """FFHQ: images1024x1024, a resize of it, or the thumbnails."""

    kind: Literal["ffhq"]


class CelebAHQSource(ReleaseSource):
    """CelebA-HQ. partition: of CelebA's photos, through the mapping file; without that file every photo is read."""

    kind: Literal["celebahq"]
    partition: Literal["all", "train", "val", "test"] = "test"


Source = Annotated[
    SyntheticSource | PackagedSource | FolderSource | CelebASource | HelenSource | FFHQSource | CelebAHQSource,
    Field(discriminator="kind"),
]


class CropParams(Section):
    """Where the face is: `box`, a square around the detected box; `ffhq`, its alignment; `none`, the whole photo.

    detector: `mtcnn`, the packaged one; `yunet`, with the file named under pretrained; `given`, the boxes that a source
    names. faces: which faces of a photo go on.
    """

    mode: Literal["box", "ffhq", "none"]
    margin: Positive = 1.2  # side of the square over the longer side of the detected box
    detector: Literal["mtcnn", "yunet", "given"] = "mtcnn"
    faces: Literal["largest", "central", "all"] = "largest"
    min_score: Probability = 0.7  # of the detector; what scores less is no face
    min_face_px: Count = 20  # smallest face searched for
    detect_side_px: Count = 96  # photos with a shorter side are enlarged to it, for the detector only
    detect_max_side_px: Count = 2048  # photos with a longer side are shrunk to it, for the detector only


Action = Literal["remove", "flag", "off"]
Kind = Literal["synthetic", "skimage", "folder", "celeba", "helen", "ffhq", "celebahq"]


class Rule(Section):
    """A rule of the filter, and what it does with a face that breaks it."""

    action: Action


class SideRule(Rule):
    """The side of the square crop around the face, in pixels of the photo: kept where it is over / under the bound.

    kinds: sources that the rule is about; null: all.
    """

    over: Annotated[int, Field(ge=0)] | None = None
    under: Annotated[int, Field(ge=1)] | None = None
    kinds: list[Kind] | None = None

    @model_validator(mode="after")
    def _bounded(self):
        if self.action != "off" and self.over is None and self.under is None:
            raise ValueError("give over or under, or both")
        return self


class ScoreRule(Rule):
    """The detector's score: kept where it is at least min."""

    min: Probability


class BlurRule(Rule):
    """Variance of the Laplacian of the face at 128 px, in squared grey levels: kept where it is at least min."""

    min: Annotated[float, Field(ge=0)]


class NearRule(Rule):
    """Differing bits of two 256 bit perceptual hashes: near where they are at most bits."""

    bits: Annotated[int, Field(ge=0, le=256)]


class FilterParams(Section):
    """Which faces go on. duplicate: the same file content as an earlier photo; near_duplicate: a face near an earlier one;
    leak: a training face near a face of the same network's test sets.
    """

    no_face: Rule = Rule(action="remove")
    side_px: SideRule = SideRule(action="off")
    score: ScoreRule = ScoreRule(action="off", min=0)
    blur: BlurRule = BlurRule(action="off", min=0)
    duplicate: Rule = Rule(action="off")
    near_duplicate: NearRule = NearRule(action="off", bits=0)
    leak: NearRule = NearRule(action="off", bits=0)


class ResizeParams(Section):
    """The size of the HR image (of the input, where a set has no ground truth)."""

    size_px: Annotated[int, Field(ge=16)]
    interpolation: Literal["bicubic", "bilinear"]


class NoDegradation(Section):
    """The photo is low-resolution already (the real set)."""

    kind: Literal["none"]


class BicubicDegradation(Section):
    """AGRNet's: antialiased bicubic shrinking (Sec. 4.2)."""

    kind: Literal["bicubic"]
    lr_px: Count


class Range(Section):
    """An inclusive range of what cannot be negative."""

    low: Annotated[float, Field(ge=0)]
    high: float

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


Interpolation = Literal["bicubic", "nearest", "linear", "area", "cubic"]  # bicubic: antialiased, PIL's; others OpenCV's


class RealDegradation(Section):
    """AGRNet-HR's, Eq. (28), Sec. 4.2. Ranges in pixels hold for an HR side of 512 px and scale with it.

    preset: what every key not given takes: `paper`, the fields' own defaults; `sparnethd`, the published code's.
    """

    kind: Literal["eq28"]
    preset: Literal["paper", "sparnethd"] = "paper"
    seed: Annotated[int, Field(ge=0)]
    variants: Count = 1  # low-resolution images per HR image
    blur_probability: Probability = 1.0
    noise_probability: Probability = 1.0
    jpeg_probability: Probability = 1.0
    blur_px: Range = Range(low=3, high=15)  # r of gaussian (sigma), average and median (kernel)
    motion_px: Range = Range(low=5, high=25)  # r of motion blur (kernel)
    gaussian_reading: Literal["sigma", "kernel"] = "sigma"  # what r means for the Gaussian kernel
    lr_side_px: Range = Range(low=32, high=128)  # s times 512
    interpolations: Annotated[tuple[Interpolation, ...], Field(min_length=1)] = ("bicubic",)  # each as likely
    noise_levels: Range = Range(low=0, high=25)  # p: standard deviation in grey levels
    channel_probability: Probability = 1.0  # of noise drawn for each channel on its own
    compression: Range = Range(low=60, high=85)  # q: imgaug's strength, 0 (none) to 100, whole

    @model_validator(mode="after")
    def _possible(self):
        sides = self.lr_side_px
        if sides.low < 1 or sides.high > 512:
            raise ValueError(f"lr_side_px {sides.low:g}..{sides.high:g}: 1 to 512, the HR side, is possible")
        ends = self.compression.low, self.compression.high
        if ends[1] > 100 or any(end != int(end) for end in ends):
            raise ValueError(f"compression {ends[0]:g}..{ends[1]:g}: whole numbers up to 100 are possible")
        return self

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") == "sparnethd":
            return SPARNETHD | values
        return values


# Of SPARNetHD's published code, which draws through imgaug: JPEG strengths 10 to 64, LR sides 32 to 127.
SPARNETHD = {
    "blur_probability": 0.5,
    "noise_probability": 0.2,
    "jpeg_probability": 0.7,
    "lr_side_px": {"low": 32, "high": 127},
    "interpolations": ("nearest", "linear", "area", "cubic"),
    "noise_levels": {"low": 0, "high": 25.5},
    "channel_probability": 0.5,
    "compression": {"low": 10, "high": 64},
}


Degradation = Annotated[NoDegradation | BicubicDegradation | RealDegradation, Field(discriminator="kind")]


class DataSet(Section):
    """One of the five sets of Sec. 4.3.

    root: the folder that the sources' paths start from; read-only.
    model, split: which network the set serves, and for what; stated here because dvc.yaml takes its paths from it.
    """

    root: str
    model: Literal["agrnet", "agrnet_hr"]
    split: Literal["train", "test"]
    sources: Annotated[list[Source], Field(min_length=1)]
    crop: CropParams
    filter: FilterParams
    resize: ResizeParams
    degrade: Degradation


class DataParams(Section):
    """The five sets."""

    celeba: DataSet
    helen: DataSet
    ffhq: DataSet
    celebahq: DataSet
    real: DataSet


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


class RestoreParams(Section):
    """How networks are run on the test sets."""

    batch_size: Count
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"


Metric = Literal[
    "conventions", "lpips_alex", "lpips_vgg", "landmarks", "fid_inception", "kid_inception", "frechet_vgg16"
]


class EvaluateParams(Section):
    """What is measured on the restored images, beside PSNR and SSIM on Y.

    conventions: PSNR and SSIM as the peers' codes measure them. The last three compare whole sets, where there is no ground
    truth. batch_size: images at a time through the networks that metrics look through.
    """

    batch_size: Count
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # of the CPU; 0: torch's choice
    metrics: list[Metric]


class Column(Section):
    """One network of a table: what the paper calls it, and the variant that stands for it (none: the paper's alone)."""

    label: str
    variant: Name | None = None


class Table(Section):
    """One of Tables 2 to 7: its networks; the `dataset.metric` keys of its figures.

    baseline: the label of the network that the others are compared with, image by image.
    """

    title: str
    baseline: str
    columns: list[Column]
    rows: list[str]

    @model_validator(mode="after")
    def _has_its_baseline(self):
        labels = [column.label for column in self.columns]
        if self.baseline not in labels:
            raise ValueError(f"baseline {self.baseline!r} is none of the labels {', '.join(labels)}")
        return self


class ReportParams(Section):
    """What the report shows."""

    strips: Annotated[int, Field(ge=0)]  # faces shown per test set
    tables: dict[Name, Table]


class Params(Section):
    """The whole of params.yaml."""

    profile: str
    seeds: Annotated[list[int], Field(min_length=1)]
    runtime: RuntimeParams
    pretrained: PretrainedParams
    data: DataParams
    models: ModelsParams
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    peer_loss: PeerLoss = "own"  # what the peers are trained with: their papers' losses, or AGRNet's and AGRNet-HR's
    peers: dict[Name, Peer] = Field(default_factory=dict)
    restore: RestoreParams
    evaluate: EvaluateParams
    report: ReportParams

    @model_validator(mode="after")
    def _whole(self):
        for section, name in [
            *(("variants", name) for name in self.variants),
            *(("peers", name) for name in self.peers),
        ]:
            if name in TAKEN:
                raise ValueError(
                    f"{section}.{name}: the names {', '.join(TAKEN)} stand for other things in reports/metrics"
                )
            self.variant(name)
        twice = [name for name in self.peers if name in self.variants]
        if twice:
            raise ValueError(f"peers.{twice[0]}: variants has that name too")
        for key, (model, split) in SETS.items():
            given = getattr(self.data, key)
            if (given.model, given.split) != (model, split):
                raise ValueError(f"data.{key} serves {model} for {split}; {given.model}, {given.split} given")
            self._check_set(f"data.{key}", given)
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds holds a number twice: {self.seeds}")
        return self

    def _check_set(self, name: str, given: DataSet) -> None:
        if given.split == "test" and getattr(given.degrade, "variants", 1) > 1:
            raise ValueError(f"{name}.degrade.variants: a test set has one low-resolution image per face")
        if given.split == "test" and given.filter.leak.action != "off":
            raise ValueError(f"{name}.filter.leak: the rule is about training sets, {name} is a test set; leave it out")
        if given.crop.mode == "none":
            return
        if given.crop.detector == "yunet" and self.pretrained.yunet == "off":
            raise ValueError(f"{name}.crop.detector is yunet: name its .onnx file under pretrained.yunet")
        if given.crop.detector == "given" and not any(getattr(source, "boxes", None) for source in given.sources):
            raise ValueError(f"{name}.crop.detector is given: name a file under `boxes` of one of its sources")

    @property
    def networks(self) -> dict[str, Variant | Peer]:
        """Every network that is trained and measured: the variants, then the peers."""
        return self.variants | self.peers

    def variant(self, name: str) -> AGRNetModel | AGRNetHRModel | PeerModel:
        """A network's settings in full: the model's section with a variant's changes in it, or a peer's."""
        if name in self.peers:
            entry = self.peers[name]
            return peer_model(entry, name, getattr(self.models, entry.sets).train, self.peer_loss)
        entry = self.variants[name]
        return with_changes(getattr(self.models, entry.model), entry, name)


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


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names the key, what was seen and what is allowed."""


def parse(path: Path = PARAMS_FILE) -> Params:
    """Read and validate a params file. Raises ParamsError naming the keys that do not fit."""
    if not path.is_file():
        raise ParamsError(f"{path} is missing: run in the project's root, or put a profile in place (make profile)")
    try:
        return Params.model_validate(YAML(typ="safe").load(path))
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']} (seen: {e['input']!r:.80})" for e in error.errors()]
        raise ParamsError("\n".join([f"{path} does not fit the schema:", *lines])) from None


def load(asks: tuple[str, ...], path: Path = PARAMS_FILE, **names: str) -> list[Any]:
    """The sections that a stage asks for, e.g. `load(("data.{key}.crop",), key="celeba")`; the whole file is validated.

    `{model}` stands for the model of the variant `{key}`, `{sets}` for the sets of the peer `{key}`. Raises ParamsError for
    a section that is not there.
    """
    params = parse(path)
    if "key" in names and names["key"] in params.variants:
        names["model"] = params.variants[names["key"]].model
    if "key" in names and names["key"] in params.peers:
        names["sets"] = params.peers[names["key"]].sets
    return [_section(params, ask.format(**names)) for ask in asks]


def runtime(path: Path = PARAMS_FILE) -> RuntimeParams:
    """The runtime section, which changes no result and is therefore not tracked by any stage."""
    return parse(path).runtime


def _section(params: Params, dotted: str) -> Any:
    value: Any = params
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            raise ParamsError(f"params.yaml has no section {dotted}")
    return value
