"""What is taken for a photo, by name and by content."""

import os

import pytest
from ingest.test_bad_input import READABLE
from photos.test_decode import encoded, gradient

from pipeline.commands.restore.recognise import is_photo


@pytest.mark.parametrize("name", READABLE)
def test_every_photo_that_is_read_is_known_by_its_bytes_alone(tmp_path, name):
    (tmp_path / "without ending").write_bytes(READABLE[name])
    assert is_photo(tmp_path / "without ending")


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "PPM", "ICO", "WEBP"])
def test_other_kinds_too(tmp_path, kind):
    (tmp_path / "a.bin").write_bytes(encoded(gradient(), kind))
    assert is_photo(tmp_path / "a.bin")


@pytest.mark.parametrize("name", ["a.JPG", "a.jpeg", "a.HEIC", "a.tif", "a.pgm", "a.dib", "a.cr3", "a.jxl"])
def test_a_damaged_photo_is_one_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert is_photo(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("IMG_1.jpg.json", b'{"title": "IMG_1.jpg"}'),
        ("a.xmp", b"<x:xmpmeta/>"),
        ("a.AAE", b"<?xml version"),
        ("a.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0isom"),
        ("a.MOV", b"\0\0\0\x14ftypqt  \0\0\0\0qt  "),
        ("a.txt", b"BMW, Paris, P5 and others"),
        ("b.txt", b"P5, P6 and others"),
        ("a.wav", b"RIFF\0\0\0\0WAVEfmt "),
        ("a.zip", b"PK\x03\x04"),
        ("a", b""),
    ],
)
def test_what_lies_beside_photos_is_none(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert not is_photo(tmp_path / name)


def test_what_cannot_be_looked_into_is_left_to_who_reads_it(tmp_path):
    (tmp_path / "gone").symlink_to("nothing")
    assert is_photo(tmp_path / "gone")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_photo(tmp_path / "pipe")
