"""`restore --page` as it is started and ended: by the command, with the process that restores."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from commands.restore.made import crowd
from commands.restore.page.conftest import until
from commands.restore.page.started import Started, children
from PIL import Image
from tests_root import ROOT

from pipeline.commands.restore import cli
from pipeline.commands.restore.face import NOT_CHOSEN
from pipeline.commands.restore.page import start


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--page", "a.jpg"], "--page takes photos in the browser, and no PATH"),
        (["--page", "-o", "out", "--strength", "0.5", "--faces-only"], "and no --out, --strength, --faces-only"),
        (["--page", "--port", "0"], "'0' is no port: a whole number from 1 to 65535"),
        (["--page", "--port", "http"], "'http' is no port"),
        (["a.jpg", "-o", "out", "--port", "8000"], "--port is the page's"),
    ],
)
def test_what_does_not_go_with_it_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_without_its_extra_one_sentence_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    assert cli.main(["--page"]) == 2
    assert capsys.readouterr().err == (
        "restore: --page needs starlette, uvicorn: pip install '.[page]' in a checkout\n"
    )


def test_the_pages_own_process_loads_no_network():
    pytest.importorskip("starlette")
    code = (
        "import sys\n"
        "from pipeline.commands.restore.page import guard, served, start\n"
        "assert not {'torch', 'onnxruntime'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def killed(page: Started) -> None:
    if page.process.poll() is None:
        page.process.kill()
    page.process.communicate()


@pytest.fixture
def started(tmp_path):
    pages = []

    def start_page(*arguments):
        pages.append(Started(tmp_path / "temporary", *arguments))
        return pages[-1]

    yield start_page
    for page in pages:
        killed(page)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A page that no test ends."""
    page = Started(tmp_path_factory.mktemp("page") / "temporary", "--device", "cpu")
    yield page
    killed(page)


@pytest.fixture
def jpeg(tmp_path):
    """A photo of two generated faces, in a format that loses."""
    path = tmp_path / "Two faces.JPG"
    Image.fromarray(crowd(2, 1, 160)).save(path, "JPEG", quality=85)
    return path


@pytest.mark.middle
def test_what_comes_out_is_what_the_command_writes(started, jpeg, tmp_path, monkeypatch):
    page = started("--device", "cpu")
    monkeypatch.chdir(tmp_path)

    def same(run: int, *options: str) -> dict:
        """Asserts that picture and record are the command's with these options; returns the record."""
        out = Path(f"out{run}")
        assert cli.main([jpeg.name, "-o", str(out), "--device", "cpu", *options]) == 0
        record = (out / f"{jpeg.name}.json").read_bytes()
        assert page.ask(f"photos/{id}/{run}/picture") == (out / jpeg.name).read_bytes()
        assert page.ask(f"photos/{id}/{run}/record") == record
        return json.loads(record)

    id = json.loads(page.ask("photos?name=Two%20faces.JPG", "POST", jpeg.read_bytes()))["id"]
    assert page.photo()["error"] == ""
    same(1)
    wish = {"strength": 0.6, "upscale": 2, "force": True, "faces": [1]}
    page.ask(f"photos/{id}/restore", "POST", json.dumps(wish))
    assert page.photo()["result"]["compared"]
    record = same(2, "--strength", "0.6", "--upscale", "2", "--force", "--faces", "1")
    assert [face["done"] for face in record["faces"]] == [NOT_CHOSEN, "restored"]
    assert page.files() != []
    page.ask("end", "POST")
    code, out, err = page.ended()
    assert (code, out.splitlines()[-1]) == (0, "The page has ended; what it was given is deleted.")
    assert "Traceback" not in err
    assert "leaked" not in err
    assert list(page.temporary.iterdir()) == []


@pytest.mark.middle
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_however_it_ends_nothing_of_a_photo_is_left(started, jpeg, name):
    page = started("--device", "cpu", "--weights", ROOT / "models/pretrained/hr")  # one network starts sooner than two
    page.ask("photos?name=a.jpg", "POST", jpeg.read_bytes())
    assert page.files() != []
    if name == "SIGINT":
        os.killpg(page.process.pid, signal.SIGINT)  # as a terminal sends Ctrl-C
    else:
        page.process.send_signal(getattr(signal, name))
    code, _, err = page.ended()
    assert code == (0 if name != "SIGKILL" else -signal.SIGKILL)
    assert "Traceback" not in err
    until(lambda: list(page.temporary.iterdir()) == [])


@pytest.mark.middle
def test_what_cannot_be_started_is_said_by_the_commands_sentence(started, tmp_path):
    def refused(*arguments):
        page = started(*arguments)
        code, _, err = page.ended()
        assert (page.address, code) == (None, 2)
        assert list(page.temporary.iterdir()) == []
        return err

    assert "nowhere" in refused("--weights", tmp_path / "nowhere")
    (tmp_path / "net.onnx").write_bytes(b"")
    assert "net.onnx is no ONNX file" in refused("--weights", tmp_path / "net.onnx")
    with socket.create_server((start.ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be had: Address already in use" in refused("--port", port)


@pytest.mark.middle
def test_it_listens_on_this_computer_alone_and_says_which_networks_restore(running):
    assert running.address.hostname == start.ADDRESS
    assert "for larger faces" in running.said[1]
    assert len(running.address.path.strip("/")) >= 16
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{running.address.port:04X}")
    ]
    assert listening == [f"0100007F:{running.address.port:04X}"]


@pytest.mark.middle
def test_the_next_photo_is_restored_after_the_process_ended_on_one(running, tmp_path):
    Image.fromarray(crowd(1, 1, 160)).save(tmp_path / "one face.jpg")
    first = json.loads(running.ask("photos?name=a.jpg", "POST", (tmp_path / "one face.jpg").read_bytes()))["id"]
    (worker,) = children(running.process.pid)
    os.kill(worker, signal.SIGKILL)
    assert (
        running.photo()["error"]
        == "the process that restores ended (exit code -9): it may need more memory than there is"
    )
    running.ask(f"photos/{first}/restore", "POST", b"{}")
    assert running.photo()["error"] == ""
