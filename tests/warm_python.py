"""A `python` for DVC whose libraries are imported already: most of a small stage's time is the import of torch.

`with warm_python(folder)` puts it into the folder, to stand first in PATH. It runs `python -m stages.x` in a fork of a
process that has imported the libraries and nothing of the project; all else is the interpreter's own. `make repro`, which CI
runs before the tests, starts every stage plainly. Beside it lies a `dvc` that spells its lock as JSON, which is YAML too,
and reads params.yaml once.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

LIBRARIES = (
    *("albumentations", "cv2", "jinja2", "matplotlib.figure", "pandas", "pyarrow.parquet", "pydantic", "ruamel.yaml"),
    *("safetensors.torch", "torch._dynamo", "tqdm"),
)
SOCKET = "socket"

# Isolated and without site-packages: it asks and waits, and starts in some 20 ms.
CLIENT = """#!{python} -IS
import json, os, socket, sys
folder, asked = os.path.dirname(os.path.abspath(__file__)), sys.argv[1:]
if asked[:1] != ["-m"] or not asked[1].startswith("stages."):
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

# After every stage DVC reads the whole lock and writes it anew, keeping comments that it has none of: half a second. And
# it parses params.yaml for every stage.
DVC = """#!{python}
import functools, json, sys
from dvc.dependency import param
from dvc.utils.serialize import _yaml
_yaml.parse_yaml_for_update, _yaml._dump = _yaml.parse_yaml, json.dump
param.load_path = functools.cache(param.load_path)
from dvc.cli import main
sys.exit(main())
"""


@contextlib.contextmanager
def warm_python(folder: Path) -> Iterator[None]:
    """Puts `python` and `dvc` into the folder, and has python's other half run as long as the context lasts."""
    for name, text in (("python", CLIENT), ("dvc", DVC)):
        (folder / name).write_text(text.format(python=sys.executable, socket=SOCKET))
        (folder / name).chmod(0o755)
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
    """What `python -m` does, in this folder and environment. streams: where input, output and errors go.

    At the end Python would take every library apart, which are copies here: longer than most small stages work.
    """
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.path[0] = arguments, folder
    code = exit_code(arguments[0])
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def exit_code(module: str) -> int:
    """Run a module, and tell of its end as Python itself does."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
