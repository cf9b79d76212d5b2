"""A task at a glance: what its network reaches, and one face that was not chosen by its looks."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.images.pairs import open_test_set
from pipeline.metrics.statistics import per_image
from pipeline.report.blocks.blocks import Block
from pipeline.report.blocks.pictures import png
from pipeline.report.faces.extremes import METRICS, ranked
from pipeline.report.faces.strips import FaceRow, TileColumn, draw_faces, read_faces
from pipeline.report.results import Result, Run
from pipeline.store import paths


@dataclass(frozen=True)
class Teaser(Block):
    """What stands of a task on the first screen. headline: its figure. absent: why others are missing, in words that may
    come from elsewhere. small: what belongs to the headline, a sentence each.

    columns, face: LR, bicubic, the network's, HR; none and None where no face is shown. chosen: what follows
    its name, the rule by which it was.
    """

    key: str
    headline: str
    absent: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    columns: list[TileColumn] = field(default_factory=list)
    face: FaceRow | None = None
    chosen: str = ""

    def figures(self) -> dict[str, bytes]:
        return {f"teaser_{self.key}.png": png(draw_faces(self.columns, [self.face]))} if self.face else {}


def median_gain(result: Result, key: str, metric: str, run: Run) -> str | None:
    """The name of the image on which a network gains on bicubic neither more nor less than on most; None without any.

    Means over the seeds decide. Of an even number the better of the two in the middle is taken.
    """
    frames = [of.values[key] for of in (result, run.results[paths.BICUBIC])]
    if any(metric not in frame for frame in frames):
        return None
    ours, bicubic = (per_image(frame, metric) for frame in frames)
    with np.errstate(invalid="ignore"):  # inf - inf, which is no gain
        gain = (ours - bicubic).mask(ours == bicubic, 0.0)
    names = ranked(gain, METRICS[metric].higher)
    return names[1] if names else None


def read_face(result: Result, key: str, metric: str, image: str, run: Run) -> tuple[list[TileColumn], FaceRow]:
    """An image of a test set with ground truth as LR, bicubic, the network's and HR, each beside its value of a metric."""
    pairs = open_test_set(key)
    name = METRICS[metric].name.partition(" (")[0]
    (face,) = read_faces(pairs, [pairs.keys.index(image)], key, [result.name], run.seeds[0])

    def value(of: Result) -> str:
        return f"{name} {METRICS[metric].text(per_image(of.values[key], metric)[image])}"

    columns = [
        TileColumn("LR", f"{face.lr_px}\u00a0px"),
        TileColumn("bicubic", value(run.results[paths.BICUBIC])),
        TileColumn(result.title, value(result)),
        TileColumn("HR", "ground truth"),
    ]
    return columns, face
