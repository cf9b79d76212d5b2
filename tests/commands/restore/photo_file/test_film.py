"""A motion photo keeps its film; what else lies behind a picture is said to be lost, and no XMP claims it."""

import io
import struct
from xml.etree import ElementTree

import numpy as np
import pytest
from heic import HEIC, gradient

from pipeline.commands.restore.photo_file import claims
from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.photo_file.film import behind, end_of_jpeg

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\x55\xff\xd9\xff\xd8" * 1000
MAP = b"\xff\xd8 another picture \xff\xd9"
NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def packet(attributes: str = "", elements: str = "") -> bytes:
    names = " ".join(f'xmlns:{name}="{place}"' for name, place in NAMES.items())
    about = f'<rdf:Description dc:format="image/jpeg" {attributes}>{elements}</rdf:Description>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {names}>{about}</rdf:RDF></x:xmpmeta>'.encode()


def directory(*items: tuple[str, int], spelt: str = "attributes") -> str:
    forms = {
        "attributes": '<Container:Item Item:Mime="image/jpeg" Item:Semantic="{}" Item:Length="{}"/>',
        "elements": "<Container:Item rdf:parseType='Resource'><Item:Mime>image/jpeg</Item:Mime>"
        "<Item:Semantic>{}</Item:Semantic><Item:Length>{}</Item:Length></Container:Item>",
    }
    each = "".join(f'<rdf:li rdf:parseType="Resource">{forms[spelt].format(*item)}</rdf:li>' for item in items)
    return f"<Container:Directory><rdf:Seq>{each}</rdf:Seq></Container:Directory>"


def samsung(**blocks: bytes) -> bytes:
    """Samsung's blocks with their directory, which counts from itself."""
    body, entries = b"", []
    for number, (name, content) in enumerate(blocks.items()):
        block = struct.pack("<HHL", 0, 0x0A30 + number, len(name)) + name.encode() + content
        entries.append((number, len(body), len(block)))
        body += block
    rows = b"".join(struct.pack("<HHLL", 0, 0x0A30 + number, len(body) - at, size) for number, at, size in entries)
    head = b"SEFH" + struct.pack("<LL", 101, len(entries)) + rows
    return body + head + struct.pack("<L", len(head)) + b"SEFT"


V1 = packet(f'GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="{len(FILM)}"')
MOTION = 'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'


def v2(*before: tuple[str, int], spelt: str = "attributes", attributes: str = "") -> bytes:
    items = ("Primary", 0), *before, ("MotionPhoto", len(FILM))
    return packet(f"{MOTION} {attributes}", directory(*items, spelt=spelt))


def restored(tmp_path, tail: bytes, xmp: bytes | None, format: str | None = None) -> tuple[bytes, list[str]]:
    """What is written of a JPEG with that behind it once its pixels are others, and what was said."""
    picture = io.BytesIO()
    gradient().save(picture, "JPEG", quality=95, **({"xmp": xmp} if xmp else {}))
    (tmp_path / "in").write_bytes(picture.getvalue() + tail)
    photo = photo_file.read(tmp_path / "in")
    np.testing.assert_allclose(photo.pixels, np.asarray(gradient()), atol=16)
    other = photo_file.replaced(photo, np.zeros((90, 70, 3), np.uint8))
    said = photo_file.write(tmp_path / "out", other, format)
    return (tmp_path / "out").read_bytes(), said


@pytest.mark.parametrize(
    ("xmp", "tail"),
    [
        (V1, FILM),
        (v2(), FILM),
        (v2(spelt="elements"), FILM),
        (None, samsung(Image_UTC_Data=b"1234", MotionPhoto_Data=FILM)),
        (packet(MOTION), samsung(MotionPhoto_Data=FILM, Image_UTC_Data=b"1234")),
    ],
)
def test_a_film_stays_behind_the_picture_and_where_its_xmp_says(tmp_path, xmp, tail):
    data, said = restored(tmp_path, tail, xmp)
    assert said == []
    assert data.endswith(tail)
    assert data[end_of_jpeg(data) :] == tail
    photo = photo_file.read(tmp_path / "out")
    assert photo.carried.xmp == xmp
    assert photo.carried.film == tail
    assert photo.pixels.shape == (90, 70, 3)
    assert photo.remarks == ()
    for size in claims.film_sizes(xmp or b""):
        assert data[-size:] == FILM


@pytest.mark.parametrize("xmp", [V1, v2(), v2(spelt="elements")])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_a_format_without_films_says_so_and_claims_none(tmp_path, xmp, format):
    _, said = restored(tmp_path, FILM, xmp, format)
    assert said == [f"film of {len(FILM):,} bytes dropped: {format} holds none"]
    told = photo_file.read(tmp_path / "out").carried.xmp
    assert not claims.names_film(told)
    assert b"MicroVideo" not in told
    assert b"Semantic" not in told
    assert b'dc:format="image/jpeg"' in told
    ElementTree.fromstring(told)


@pytest.mark.parametrize("spelt", ["attributes", "elements"])
def test_a_gain_map_goes_and_the_film_behind_it_stays(tmp_path, spelt):
    xmp = v2(("GainMap", len(MAP)), spelt=spelt, attributes='hdrgm:Version="1.0"')
    data, said = restored(tmp_path, MAP + FILM, xmp)
    assert said == ["the gain map, which makes it an HDR picture, is not kept"]
    assert data[end_of_jpeg(data) :] == FILM
    told = photo_file.read(tmp_path / "out").carried.xmp
    assert not claims.names_gain_map(told)
    assert claims.names_film(told)
    assert claims.film_sizes(told) == [len(FILM)]
    ElementTree.fromstring(told)


def test_a_gain_map_alone_leaves_no_container(tmp_path):
    elements = directory(("Primary", 0), ("GainMap", len(MAP))) + "<hdrgm:GainMapMax>2</hdrgm:GainMapMax>"
    data, said = restored(tmp_path, MAP, packet('hdrgm:Version="1.0"', elements))
    assert said == ["the gain map, which makes it an HDR picture, is not kept"]
    assert data[end_of_jpeg(data) :] == b""
    assert photo_file.read(tmp_path / "out").carried.xmp == packet("").replace(b'jpeg" >', b'jpeg">')


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"\0" * 4096, []),
        (b"anything", ["8 bytes behind the picture are not kept"]),
        (samsung(Image_UTC_Data=b"1234"), ["58 bytes behind the picture are not kept"]),
        (FILM, [f"{len(FILM):,} bytes behind the picture are not kept"]),
    ],
)
def test_what_lies_behind_a_picture_unnamed_is_lost_with_a_word(tmp_path, tail, words):
    data, said = restored(tmp_path, tail, None)
    assert said == words
    assert data[end_of_jpeg(data) :] == b""


@pytest.mark.parametrize("tail", [b"", b"no film" * 900])
def test_a_film_that_is_named_and_not_there_is_named_no_more(tmp_path, tail):
    data, said = restored(tmp_path, tail, v2())
    assert said[-1] == "the film that its XMP names is not where it should be, and is not kept"
    assert data[end_of_jpeg(data) :] == b""
    assert not claims.names_film(photo_file.read(tmp_path / "out").carried.xmp)


def test_a_second_xmp_packet_is_lost_with_a_word(tmp_path):
    picture = io.BytesIO()
    gradient().save(picture, "JPEG", xmp=packet('xmpNote:HasExtendedXMP="0123"'))
    second = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 500
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(second)) + second
    data = picture.getvalue()
    (tmp_path / "in").write_bytes(data[:2] + segment + data[2:])
    photo = photo_file.read(tmp_path / "in")
    assert photo.remarks == ("XMP's second part of 535 bytes (depth maps, histories) is not kept",)
    assert b"HasExtendedXMP" not in photo.carried.xmp


def test_a_heic_claims_no_film_once_it_is_a_png(tmp_path, monkeypatch):
    (tmp_path / "in").write_bytes(HEIC)
    read = photo_file.heic_metadata

    def with_xmp(data):
        carried, remarks = read(data)
        return photo_file.replace(carried, xmp=v2()), remarks

    monkeypatch.setattr(photo_file, "heic_metadata", with_xmp)
    photo = photo_file.read(tmp_path / "in")
    assert photo.remarks == ("the film that its XMP names is not where it should be, and is not kept",)
    assert not claims.names_film(photo.carried.xmp)


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100}, {}])
def test_the_picture_ends_where_its_pixels_do(options):
    file = io.BytesIO()
    thumbnail = b"Exif\0\0II*\0\x08\0\0\0\0\0\xff\xd8\xff\xd9"  # an end within a segment
    gradient().save(file, "JPEG", exif=thumbnail, **options)
    data = file.getvalue()
    assert end_of_jpeg(data) == len(data)
    assert end_of_jpeg(data + FILM) == len(data)
    assert end_of_jpeg(data[:-2]) == len(data) - 2
    assert behind(data + FILM, V1) == (FILM, b"")
