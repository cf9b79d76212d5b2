"""A `python` for DVC whose libraries are imported already: most of a small stage's time is the import of torch.

`with warm_python(folder)` puts it into the folder, to stand first in PATH. It runs `python -m stages.x` in a fork of a
process that has imported the libraries and nothing of the project. The first start of each stage is the interpreter's own,
and so is all else.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LIBRARIES = (
    *("albumentations", "cv2", "jinja2", "matplotlib.figure", "pandas", "pyarrow.parquet", "pydantic", "ruamel.yaml"),
    *("safetensors.torch", "scipy.stats", "skimage.metrics", "torch._dynamo", "tqdm"),
)
SOCKET = "socket"

# Isolated and without site-packages: it asks and waits, and starts in some 20 ms.
CLIENT = """#!{python} -IS
import json, os, socket, sys
folder, asked = os.path.dirname(os.path.abspath(__file__)), sys.argv[1:]
def first(stage):
    try:
        os.close(os.open(os.path.join(folder, stage), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
if asked[:1] != ["-m"] or not asked[1].startswith("stages.") or first(asked[1]):
    os.execv({python!r}, [{python!r}, *asked])
with socket.socket(socket.AF_UNIX) as server:
    server.connect(os.path.join(folder, {socket!r}))
    told = {{"arguments": asked[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    socket.send_fds(server, [b" "], [0, 1, 2])
    server.sendall(json.dumps(told).encode())
    server.shutdown(socket.SHUT_WR)
    code = server.recv(1)
sys.exit(code[0] if code else "the warm python is gone")
"""


@contextlib.contextmanager
def warm_python(folder: Path) -> Iterator[None]:
    """Puts `python` into the folder, and has its other half run as long as the context lasts."""
    client = folder / "python"
    client.write_text(CLIENT.format(python=sys.executable, socket=SOCKET))
    client.chmod(0o755)
    server = subprocess.Popen([sys.executable, __file__, folder / SOCKET], stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"ready\n"
        yield
    finally:
        server.kill()
        server.communicate()


def serve(path: str) -> None:
    """Import the libraries, then run what is asked for, one stage after the other, each in a process of its own."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while True:
            client, _ = listening.accept()
            with client:
                _, streams, _, _ = socket.recv_fds(client, 1, 3)
                told = json.loads(b"".join(iter(lambda: client.recv(1 << 16), b"")))  # noqa: B023
                stage = os.fork()
                if stage == 0:
                    break
                for stream in streams:
                    os.close(stream)
                code = os.waitstatus_to_exitcode(os.waitpid(stage, 0)[1])
                client.sendall(bytes([code % 256]))
    run(streams, **told)


def run(streams: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """What `python -m` does, in this folder and environment. streams: where input, output and errors go."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.path[0] = arguments, folder
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(sys.argv[1])
