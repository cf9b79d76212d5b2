"""What the page may ask for."""

import json

import pytest

from pipeline.commands.restore.page.wish import PageError, Wish, read_wish


def test_a_wish_is_the_commands_options():
    wish = read_wish(b'{"strength": 0.5, "upscale": 2, "force": true, "faces": [2, 0, 2]}')
    assert wish == Wish(0.5, 2.0, True, (0, 2))
    assert wish.options() == {"strength": 0.5, "upscale": 2.0, "force": True, "faces": (0, 2)}
    assert read_wish(b"{}") == Wish()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("no JSON", "no JSON object of strength, upscale, force, faces"),
        ([1], "no JSON object"),
        ({"out": "/etc"}, "no JSON object"),
        ({"strength": 1.1}, "strength is a number from 0 to 1"),
        ({"strength": True}, "strength is a number"),
        ({"strength": float("nan")}, "strength is a number"),
        ({"upscale": 0.5}, "upscale is a number from 1 to 16"),
        ({"upscale": "2"}, "upscale is a number"),
        ({"force": 1}, "force is true or false"),
        ({"faces": []}, "at least one"),
        ({"faces": [-1]}, "faces is a list of numbers"),
        ({"faces": [True]}, "faces is a list of numbers"),
        ({"faces": "0"}, "faces is a list of numbers"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(said, sentence):
    data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    with pytest.raises(PageError, match=sentence) as error:
        read_wish(data)
    assert error.value.status == 422
