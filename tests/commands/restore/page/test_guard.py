"""Who may talk to the page."""

import asyncio

import pytest

pytest.importorskip("starlette", reason="the extra `page` is not installed: WHO MAY TALK TO THE PAGE IS NOT TESTED")

PORT = 4711
OWN = f"127.0.0.1:{PORT}"


def status(method: str = "GET", port: int = PORT, **headers: str | list[str]) -> int:
    """What the guard answers: 204 where it lets through."""
    from starlette.responses import Response

    from pipeline.commands.restore.page.guard import Guard

    pairs = [(name, value) for name, said in headers.items() for value in ([said] if isinstance(said, str) else said)]
    scope = {"type": "http", "method": method, "headers": [(name.encode(), value.encode()) for name, value in pairs]}
    answers = []

    async def send(message):
        answers.append(message)

    asyncio.run(Guard(Response(status_code=204), port)(scope, None, send))
    assert (b"cache-control", b"no-store") in answers[0]["headers"]
    return answers[0]["status"]


@pytest.mark.parametrize("host", [OWN, f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_it_answers_to_its_own_names(host):
    assert status(host=host) == 204
    assert status("POST", host=host, origin=f"http://{host}") == 204


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"localhost.:{PORT}",
        f"127.0.0.1.evil.example:{PORT}",
        "",
        [],
        [OWN, "evil.example"],
    ],
)
def test_another_name_is_refused(host):
    assert status(host=host) == 403
    assert status("POST", host=host, origin=f"http://{host}") == 403


def test_at_the_usual_port_its_name_stands_alone():
    assert status(port=80, host="localhost") == 204
    assert status(port=80, host="evil.example") == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1",
        f"https://{OWN}",
        f"http://localhost:{PORT}",
        "null",
        "",
        [],
        [f"http://{OWN}"] * 2,
    ],
)
def test_what_changes_something_must_come_from_the_page_itself(method, origin):
    assert status(method, host=OWN, origin=origin) == 403
