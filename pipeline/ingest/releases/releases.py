"""The published data sets as they are downloaded: folders, numbers, counts. Facts alone; `select` acts on them.

CelebA: https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (Eval/list_eval_partition.txt). Helen:
http://www.ifp.illinois.edu/~vuongle2/helen. FFHQ: https://github.com/NVlabs/ffhq-dataset. CelebA-HQ:
https://github.com/tkarras/progressive_growing_of_gans (image_list.txt) and
https://github.com/switchablenorms/CelebAMask-HQ (CelebA-HQ-img, CelebA-HQ-to-CelebA-mapping.txt).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pipeline.ingest.files.archives import without_ending
from pipeline.ingest.files.found import Found

OTHER = ""  # the version of photos in a folder of any other name
_NUMBER = re.compile(r"(?:img|imgHQ)?(\d{1,8})", re.ASCII)

# Lists, landmarks, papers and the like, which come with the photos.
_ANNOTATIONS = (
    *(".txt", ".csv", ".json", ".xml", ".html", ".md", ".pdf", ".doc", ".docx", ".mat", ".pts", ".npy", ".npz", ".pkl"),
    *(".h5", ".dat", ".tfrecords", ".py", ".sh", ".torrent"),
)


@dataclass(frozen=True)
class Release:
    """A published set.

    versions: names of the folders (or archives) that hold the same photos, the preferred first; OTHER is any other name.
    first, count: the numbers that name its photos; first -1: no numbers. parts: first and last number of each partition,
    both inclusive, where numbers tell it. part_counts: photos per partition. lists: names of the file that tells what is
    to be taken. from_one: versions whose numbers are one higher. no_photos: folders of images that are no photos.
    """

    title: str
    versions: tuple[str, ...]
    first: int
    count: int
    expected: str
    parts: dict[str, tuple[int, int]] | None = None
    part_counts: dict[str, int] | None = None
    lists: tuple[str, ...] = ()
    from_one: tuple[str, ...] = ()
    no_photos: re.Pattern | None = None

    def version(self, found: Found) -> str:
        """The version that the photo belongs to, by the folders and archives it lies in."""
        return _version(self.versions, found.key.rpartition("/")[0])

    def number(self, found: Found) -> int:
        """The official number in the photo's name; -1 where there is none of this release."""
        match = _NUMBER.fullmatch(found.name.rpartition(".")[0]) if self.first >= 0 else None
        if match is None:
            return -1
        number = int(match[1]) - (self.version(found) in self.from_one)
        return number if self.first <= number < self.first + self.count else -1

    def is_annotation(self, found: Found) -> bool:
        """Whether the file comes with the release and is no photo of it."""
        if self.no_photos and self.no_photos.search(found.key):
            return True
        return found.name.lower().endswith(_ANNOTATIONS) or found.name in ("LICENSE", "README")

    def partition(self, number: int) -> str:
        """The partition of an official number; "" where it has none."""
        parts = self.parts or {}
        return next((part for part, (first, last) in parts.items() if first <= number <= last), "")


@lru_cache(maxsize=1024)  # thousands of photos lie in one folder
def _version(versions: tuple[str, ...], folder: str) -> str:
    above = {without_ending(part) for part in folder.split("/")}
    return next((version for version in versions if version and version in above), OTHER)


RELEASES = {
    "celeba": Release(
        title="CelebA",
        versions=("img_align_celeba", "img_align_celeba_png", OTHER, "img_celeba"),
        first=1,
        count=202_599,
        expected="202,599 photos named 000001 to 202599, in img_align_celeba/ (178x218 px, 1.4 GB), "
        "img_align_celeba_png/ or img_celeba/ (in the wild), as a folder or as .zip or .tar",
        parts={"train": (1, 162_770), "val": (162_771, 182_637), "test": (182_638, 202_599)},
        lists=("list_eval_partition.txt", "list_eval_partition.csv"),
    ),
    "helen": Release(
        title="Helen's test set",
        versions=(OTHER,),
        first=-1,
        count=50,  # Sec. 4.3.1; the release's own test list names 330
        expected="the paper's 50 test photos, or a list of names (testnames.txt, one name per line) beside Helen's 2,330",
        lists=("testnames.txt",),
        no_photos=re.compile(
            r"_lbl\d+\.png$"
        ),  # segmentations: http://pages.cs.wisc.edu/~lizhang/projects/face-parsing
    ),
    "ffhq": Release(
        title="FFHQ",
        versions=("images1024x1024", OTHER, "thumbnails128x128", "in-the-wild-images"),
        first=0,
        count=70_000,
        expected="70,000 images named 00000 to 69999, in images1024x1024/ (89 GB), a resize of it, or thumbnails128x128/ "
        "(2 GB), flat or nested (00000/00000.png), as a folder or as .zip or .tar",
    ),
    "celebahq": Release(
        title="CelebA-HQ",
        versions=("CelebA-HQ-img", OTHER, "data256x256"),
        first=0,
        count=30_000,
        expected="30,000 images named 0 to 29999 (1024x1024 px, in CelebA-HQ-img/ or any folder) with "
        "CelebA-HQ-to-CelebA-mapping.txt or image_list.txt, or the 2,824 of its test partition, as a folder or as .zip "
        "or .tar",
        part_counts={"train": 24_183, "val": 2_993, "test": 2_824},
        lists=("CelebA-HQ-to-CelebA-mapping.txt", "image_list.txt"),
        from_one=("data256x256",),
        no_photos=re.compile(r"(^|/)CelebAMask-HQ-mask-anno/"),
    ),
}
