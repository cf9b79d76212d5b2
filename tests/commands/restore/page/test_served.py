"""The server, asked as a browser asks it, and as none does."""

import http.client
import io
import json
import re
import socket
import threading
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from commands.restore.page.conftest import until
from PIL import Image

from pipeline.commands.restore.page import desk as desks
from pipeline.commands.restore.page import start
from pipeline.commands.restore.words import IDENTITY

KEY = "key"
STATIC = Path(start.__file__).with_name("static")


class Page:
    """A page that is served; `ask` is a request of its own browser, but for what is given."""

    def __init__(self, desk):
        from pipeline.commands.restore.page.guard import Guard
        from pipeline.commands.restore.page.served import Served

        self.ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        app = Guard(Served(desk, ["<b> for larger faces"], self.ended.set).app(KEY), self.port)
        self.server = start.make_server(app)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._listener]})
        self.thread.start()
        until(lambda: self.server.started)

    def ask(self, path, method="GET", body=None, key=KEY, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, f"/{key}/{path}", body, {"Origin": f"http://127.0.0.1:{self.port}"} | headers)
        answer = connection.getresponse()
        answer.data = answer.read()
        connection.close()
        return answer

    def send(self, data, name="a.png"):
        return self.ask(f"photos?name={quote(name)}", "POST", data)

    def photos(self):
        return json.loads(self.ask("photos").data)

    def close(self):
        self.server.should_exit = True
        self.thread.join()
        self._listener.close()


@pytest.fixture
def page(desk):
    for name in start.NEEDED:
        pytest.importorskip(name, reason="the extra `page` is not installed: THE PAGE'S SERVER IS NOT TESTED")
    served = Page(desk)
    yield served
    served.close()


def png(width=60, height=40) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def said(answer) -> str:
    return json.loads(answer.data)["error"]


def test_a_photo_goes_in_and_its_picture_and_record_come_out(page, hand, tmp_path):
    data = png()
    answer = page.send(data, "Oma & Opa.jpg")
    assert answer.status == 201
    id = json.loads(answer.data)["id"]
    assert (tmp_path / "page" / id / "photo").read_bytes() == data
    hand.done(outputs=["photo.png"], warnings=["a warning"])
    until(lambda: page.photos()[0]["state"] == "done")
    (photo,) = page.photos()
    assert (photo["name"], photo["seen"], photo["error"]) == ("Oma & Opa.jpg", [60, 40], "")
    assert photo["result"]["warnings"] == ["a warning"]
    assert page.ask(f"photos/{id}/before.png").data == b"before.png"
    assert page.ask(f"photos/{id}/1/after.png").data == b"after.png of 1"
    picture = page.ask(f"photos/{id}/1/picture")
    assert picture.data == b"photo.png of 1"
    assert picture.getheader("content-type") == "image/png"
    assert picture.getheader("content-disposition") == "attachment; filename*=UTF-8''Oma%20%26%20Opa.jpg.png"
    record = page.ask(f"photos/{id}/1/record")
    assert record.getheader("content-disposition") == "attachment; filename*=UTF-8''Oma%20%26%20Opa.jpg.json"
    assert json.loads(record.data)["photo"] == "Oma & Opa.jpg"
    assert json.loads(record.data)["outputs"] == ["Oma & Opa.jpg.png"]
    for path in (f"photos/{id}/2/picture", f"photos/{id}/photo.png", f"photos/{id}/1/photo", "photos/other/before.png"):
        assert page.ask(path).status == 404


def test_it_is_restored_again_and_removed(page, hand, tmp_path):
    id = json.loads(page.send(png()).data)["id"]
    hand.done()
    until(lambda: page.photos()[0]["state"] == "done")
    assert page.ask(f"photos/{id}/restore", "POST", b'{"strength": 2}').status == 422
    assert page.ask(f"photos/{id}/restore", "POST", b" " * 100_001).status == 413
    assert page.ask(f"photos/{id}/restore", "POST", b'{"strength": 0.5}').status == 204
    hand.done()
    until(lambda: page.photos()[0]["result"]["run"] == 2)
    assert page.photos()[0]["result"]["wish"]["strength"] == 0.5
    assert page.ask(f"photos/{id}/1/picture").status == 404
    assert page.ask(f"photos/{id}", "DELETE").status == 204
    assert page.photos() == []
    assert list((tmp_path / "page").iterdir()) == []
    assert said(page.ask(f"photos/{id}", "DELETE")) == "this photo is not here any more"


def test_what_is_no_photo_is_refused_by_the_commands_sentence_and_not_kept(page, tmp_path):
    for data, sentence in (
        (b"", "a.png: empty file"),
        (b"hello", "a.png: text and not an image, beginning with 'hello'"),
        (png()[:20], "a.png: damaged: "),
        # Before any pixel is decoded: there is none.
        (b"P6\n20000 20000\n255\n", "20,000 x 20,000 pixels: more pixels than the 250,000,000 that are read"),
    ):
        answer = page.send(data)
        assert answer.status == 422
        assert sentence in said(answer)
        assert page.photos() == []
        assert list((tmp_path / "page").iterdir()) == []


def test_too_many_bytes_are_refused_before_they_are_sent(page, tmp_path):
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.putrequest("POST", f"/{KEY}/photos?name=a.tif")
    connection.putheader("Origin", f"http://127.0.0.1:{page.port}")
    connection.putheader("Content-Length", str(desks.MOST_BYTES + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["error"] == "a.tif: 500 MB, and the page takes photos of up to 500 MB"
    connection.close()
    assert list((tmp_path / "page").iterdir()) == []


def test_a_body_of_no_said_length_is_refused(page):
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    headers = {"Origin": f"http://127.0.0.1:{page.port}", "Transfer-Encoding": "chunked"}
    connection.request("POST", f"/{KEY}/photos?name=a.png", iter([png()]), headers, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_file_that_does_not_come_to_its_end_is_forgotten(page, tmp_path):
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.putrequest("POST", f"/{KEY}/photos?name=a.png")
    connection.putheader("Origin", f"http://127.0.0.1:{page.port}")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(png()[:100])
    until(lambda: [photo["state"] for photo in page.photos()] == ["arriving"])
    connection.close()
    until(lambda: page.photos() == [])
    assert list((tmp_path / "page").iterdir()) == []


def test_a_name_is_never_a_path(page, tmp_path):
    held, beside = tmp_path / "page", list(tmp_path.iterdir())
    for name in ("../../evil.png", "/etc/evil.png", "..\\evil.png", "a/../../evil.png"):
        before = set(held.iterdir())
        id = json.loads(page.send(png(), name).data)["id"]
        assert set(held.iterdir()) - before == {held / id}
        assert page.photos()[-1]["name"] == "evil.png"
    assert list(tmp_path.iterdir()) == beside
    assert list(tmp_path.rglob("*evil*")) == []


def test_another_name_and_another_page_are_refused(page):
    answer = page.ask("", Host=f"evil.example:{page.port}")
    assert answer.status == 403
    assert said(answer) == f"the page is at http://127.0.0.1:{page.port}, and answers to no other name"
    assert page.ask("end", "POST", b"", Origin="http://evil.example").status == 403
    assert not page.ended.is_set()


def test_who_does_not_know_the_key_sees_nothing(page):
    for path in ("", "photos", "static/page.css"):
        assert page.ask(path, key="other").status == 404
        assert page.ask(path).status == 200


def test_each_answer_forbids_what_is_elsewhere_and_copies(page):
    for path in ("", "static/page.js", "photos", "nowhere", "static/../served.py", "static/%2e%2e/served.py"):
        answer = page.ask(path)
        assert answer.getheader("content-security-policy").startswith("default-src 'self';")
        assert answer.getheader("cache-control") == "no-store"
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("cross-origin-resource-policy") == "same-origin"
        assert answer.getheader("access-control-allow-origin") is None
        assert answer.getheader("server") is None
        assert (answer.status == 404) == ("served" in path or path == "nowhere")


def test_the_page_says_what_a_restored_face_is_and_what_restores(page):
    text = page.ask("").data.decode()
    assert IDENTITY.replace("'", "&#x27;") in text
    assert "<li>&lt;b&gt; for larger faces</li>" in text
    assert not re.search(r"\{\w+\}", text)


def test_nothing_on_it_names_another_address(page):
    files = [path.name for path in STATIC.iterdir() if path.suffix in (".js", ".css")]
    assert len(files) >= 2
    for name in ("", *(f"static/{file}" for file in files)):
        text = page.ask(name).data.decode()
        assert "http:" not in text
        assert "https:" not in text
        assert "style=" not in text  # which the content security policy forbids


def test_it_ends_when_asked_to(page):
    assert page.ask("end").status == 405
    assert not page.ended.is_set()
    assert page.ask("end", "POST").status == 204
    assert page.ended.is_set()
