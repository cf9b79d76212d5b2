"""The five sets in params.yaml: sources, crop, filter, resize."""

import posixpath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.params.base import Count, Positive, Probability, Section, Task
from pipeline.params.degrade import Degradation


class SyntheticSource(Section):
    """Generated faces (`pipeline.ingest.synthetic.faces`)."""

    kind: Literal["synthetic"]
    count: Count
    size_px: Annotated[int, Field(ge=64, le=2048)]
    seed: Annotated[int, Field(ge=0)]


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
    boxes: Annotated[str, AfterValidator(posixpath.normpath)] | None = None


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
    """Where the face is: `box`, a square around the detected box; `ffhq`, its alignment; `none`, the photo's central square.

    detector: `mtcnn`, the packaged one; `yunet`, with the file named under pretrained; `given`, the boxes that a source
    names. faces: which faces of a photo go on. search: `whole` sees a photo once; `deep` also shows small photos larger and
    large ones in tiles, so that faces of min_face_px are found in photos of any size (`pipeline.faces.search`).
    """

    mode: Literal["box", "ffhq", "none"]
    margin: Positive = 1.2  # side of the square over the longer side of the detected box
    detector: Literal["mtcnn", "yunet", "given"] = "mtcnn"
    faces: Literal["largest", "central", "all"] = "largest"
    min_score: Probability = 0.7  # of the detector; what scores less is no face
    min_face_px: Count = 20  # smallest face searched for
    search: Literal["whole", "deep"] = "whole"
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
    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None

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
    leak: a training face near a face of the same task's test sets.
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


class DataSet(Section):
    """One of the five sets of Sec. 4.3.

    root: the folder that the sources' paths start from; read-only.
    task, split: which task the set serves, and for what; stated here because dvc.yaml takes its paths from it.
    """

    root: str
    task: Task
    split: Literal["train", "test"]
    sources: Annotated[list[Source], Field(min_length=1)]
    crop: CropParams
    filter: FilterParams
    resize: ResizeParams
    degrade: Degradation

    @property
    def enlarged(self) -> float | None:
        """Side of an HR image over that of its LR one; None without HR images."""
        if self.degrade.kind == "bicubic":
            return self.resize.size_px / self.degrade.lr_px
        return 1 if self.degrade.kind == "eq28" else None


class DataParams(Section):
    """The five sets."""

    celeba: DataSet
    helen: DataSet
    ffhq: DataSet
    celebahq: DataSet
    real: DataSet
