"""Names of photos, as they come from a browser."""

import pytest

from pipeline.commands.restore.page.user_names import attachment, plain, record_name, written


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("..", "photo"),
        ("/", "photo"),
        ("", "photo"),
        (" \n", "photo"),
        ("a\r\nSet-Cookie: x.jpg", "aSet-Cookie: x.jpg"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("Großmutter 祖母.png", "Großmutter 祖母.png"),
    ],
)
def test_a_name_is_the_last_part_of_what_was_sent_without_what_controls_anything(sent, name):
    assert plain(sent) == name


def test_a_name_longer_than_a_file_may_have_is_shortened():
    assert len(plain("ü" * 300 + ".jpg").encode()) <= 255


@pytest.mark.parametrize(
    ("name", "output", "download"),
    [
        ("a.JPEG", "photo.jpg", "a.JPEG"),  # of one format
        ("a.jpg", "photo", "a.jpg"),  # the photo as it is
        ("a.heic", "photo.png", "a.heic.png"),  # HEIC is not written
        ("a.jpg", "photo.png", "a.jpg.png"),  # it holds a PNG
        ("a", "photo.jpg", "a.jpg"),
    ],
)
def test_a_download_is_called_as_the_command_calls_it(name, output, download):
    assert written(name, output) == download


def test_a_long_name_leaves_room_for_endings():
    long = "a" * 250 + ".gif"
    assert len(written(long, "photo.png")) <= 255
    assert len(record_name(long)) <= 255
    assert record_name("a.jpg") == "a.jpg.json"


def test_a_name_cannot_leave_its_header():
    assert attachment('a".jpg') == "attachment; filename*=UTF-8''a%22.jpg"
    assert attachment("祖/\r\n.png") == "attachment; filename*=UTF-8''%E7%A5%96%2F%0D%0A.png"
