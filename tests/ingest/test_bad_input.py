"""What people drop in, through listing, ingest and reading: nothing crashes, and what comes in is kept or rejected."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from heic import HEIC
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from photos.test_decode import encoded, gradient, huge_png
from PIL import Image
from tests_root import ROOT

from pipeline.params.data import FolderSource
from pipeline.photos.names import is_junk
from pipeline.store.images import UnreadableImage

FOLDER = FolderSource(kind="folder")


def oriented(kind: str) -> dict[str, bytes]:
    files = {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        files[f"orientation_{orientation}.{kind.lower()}"] = encoded(gradient(), kind, exif=exif)
    return files


FRAMES = {"save_all": True, "append_images": [gradient().transpose(0), gradient().transpose(1)]}
READABLE = {
    "alpha.png": encoded(gradient().convert("RGBA"), "PNG"),
    "sixteen.png": encoded(Image.fromarray(np.full((40, 60), 30_000, np.uint16)), "PNG"),
    "palette.png": encoded(gradient().convert("P"), "PNG", transparency=0),
    "grey.png": encoded(gradient().convert("L"), "PNG"),
    "one_bit.png": encoded(gradient().convert("1"), "PNG"),
    "cmyk.jpg": encoded(gradient().convert("CMYK"), "JPEG"),
    "progressive.jpg": encoded(gradient(), "JPEG", progressive=True),
    "animated.gif": encoded(gradient(), "GIF", **FRAMES),
    "animated.webp": encoded(gradient(), "WEBP", **FRAMES),
    "pages.tif": encoded(gradient(), "TIFF", **FRAMES),
    "plain.bmp": encoded(gradient(), "BMP"),
    "photo.HEIC": HEIC,
    "png named.jpg": encoded(gradient(), "PNG"),
    **oriented("JPEG"),
    **oriented("TIFF"),
}
REFUSED = {
    "empty.jpg": (b"", "empty file"),
    "text.jpg": (b"This was a photo once.", "text and not an image"),
    "page.jpg": (b"<html><body>404</body></html>" * 30, "text and not an image"),
    "notes.txt": (b"a b c", "text and not an image"),
    "film.mp4": (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "begins as a HEIC, AVIF or film"),
    "random.jpg": (bytes(range(256)), "not an image in a known format"),
    "huge.png": (huge_png(), "more pixels"),
    "float.tif": (encoded(gradient().convert("L").convert("F"), "TIFF"), "no agreed range"),
}
TRUNCATED = encoded(gradient(200, 200), "JPEG", quality=95)[:4000]


def put(folder, files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("packed", [False, True])
def test_everything_at_once(tmp_path, ingest, packed):
    files = READABLE | {name: data for name, (data, _) in REFUSED.items()} | {"cut.jpg": TRUNCATED}
    prefix = "all.zip/" if packed else ""
    if packed:
        put(tmp_path / "in", {})
        with zipfile.ZipFile(tmp_path / "in/all.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        put(tmp_path / "in", files)
    made = ingest(tmp_path / "in", FOLDER, damaged=[f"{prefix}cut.jpg"])
    assert set(made.kept) == {f"{prefix}{name}" for name in [*READABLE, "cut.jpg"]}
    assert made.rejected == {f"{prefix}{name}": "unreadable" for name in REFUSED}
    for name, (_, why) in REFUSED.items():
        assert why in made.detail(f"{prefix}{name}"), name
    with pytest.raises(UnreadableImage, match="damaged: image file is truncated"):
        made.read(f"{prefix}cut.jpg")


def test_what_is_seen_is_the_upright_photo(tmp_path, ingest):
    put(tmp_path / "in", oriented("TIFF"))
    made = ingest(tmp_path / "in", FOLDER)
    sizes = [(row["width"], row["height"]) for row in made.rows]
    assert sizes == [(60, 40)] * 4 + [(40, 60)] * 4


def test_heic_without_its_library_is_rejected_by_name(tmp_path, ingest, monkeypatch):
    put(tmp_path / "in", {"photo.heic": HEIC, "a.png": READABLE["alpha.png"]})
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    made = ingest(tmp_path / "in", FOLDER)
    assert made.kept == ["a.png"]
    assert "a HEIC photo" in made.detail("photo.heic")


MEASURE = """
import resource, sys
from pathlib import Path
from pipeline.params.data import FolderSource
from pipeline.ingest.read import ReadPhotos
from pipeline.ingest.listing import list_photos
from pipeline.photos.decode import UnreadableImage, decode_photo, read_header
import PIL.PngImagePlugin, PIL.WebPImagePlugin
root = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
photos = list_photos(root, [FolderSource(kind="folder")]).photos
(row,) = ReadPhotos(root, root)({"shard": "00000.tar", "first": 0, "rows": photos})
assert not row["kept"] and "more pixels" in row["detail"], row
try:
    decode_photo((root / "huge.png").read_bytes())
    sys.exit("decoded")
except UnreadableImage:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_thirty_thousand_pixels_square_cost_no_memory(tmp_path):
    put(tmp_path / "in", {"huge.png": huge_png()})
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "in")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 30_000  # KiB; its pixels are 900 MB


CONTENTS = st.one_of(
    st.sampled_from(list(READABLE.values())),
    st.sampled_from([data for data, _ in REFUSED.values()]),
    st.binary(max_size=60),
)
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.middle
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES.filter(lambda name: name not in (".", "..")), CONTENTS, max_size=6), st.booleans())
def test_photos_in_are_kept_and_rejected_each_once(tmp_path_factory, ingest, files, packed):
    folder = tmp_path_factory.mktemp("in")
    put(folder, files)
    if packed:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in files.items():
                archive.writestr(f"photo {name}.x", data)
        (folder / "packed.zip").write_bytes(buffer.getvalue())
    junk = sum(is_junk(name) for name in files)  # below the folder alone: in the archive no name is one
    made = ingest(folder, FOLDER)
    assert len(made.kept) + len(made.rejected) == len(files) * (1 + packed) - junk
    assert len(set(made.keys)) == len(made.keys)
