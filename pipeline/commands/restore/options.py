"""What the user asks for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# As the crop stage's params have them by default, which need a library that this command does without.
DETECT_SIDE_PX, DETECT_MAX_SIDE_PX = 96, 2048
MIN_FACE_PX, MIN_SCORE = 20, 0.7


@dataclass(frozen=True)
class Options:
    """How photos are restored; `restore --help` says what each means.

    format: Pillow's name, None keeps the photo's. yunet: where that detector's file lies. faces: numbers of those that are
    restored, as the record has them; None: all.
    """

    out: Path
    upscale: float = 1.0
    strength: float = 1.0
    force: bool = False
    aligned: bool = False
    faces_only: bool = False
    compare: bool = False
    format: str | None = None
    detector: Literal["mtcnn", "yunet"] = "mtcnn"
    yunet: Path | None = None
    min_face_px: int = MIN_FACE_PX
    min_score: float = MIN_SCORE
    faces: tuple[int, ...] | None = None
    batch_size: int = 8
    device: str = "auto"
    precision: str = "fp32"
    timing: bool = False

    def said(self) -> dict:
        """What of it decides the result, for the record."""
        names = (
            "upscale",
            "strength",
            "force",
            "aligned",
            "faces_only",
            "format",
            "detector",
            "min_face_px",
            "min_score",
            "faces",
        )
        return {name: getattr(self, name) for name in names}
