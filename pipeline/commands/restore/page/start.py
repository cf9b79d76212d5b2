"""`restore --page`: starts the page, opens a browser on it, and leaves nothing behind."""

import secrets
import signal
import socket
import sys
import threading
import webbrowser
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from pipeline.commands.restore.options import Options
from pipeline.commands.restore.page.desk import Desk
from pipeline.commands.restore.page.scratch import own_folder
from pipeline.commands.restore.page.worker import CannotStart, Worker

ADDRESS = "127.0.0.1"
NEEDED = ("starlette", "uvicorn")
MOST_CONNECTIONS = 64
STOPS = ("SIGINT", "SIGTERM", "SIGHUP")


def open_page(weights: list[Path], base: Options, port: int) -> int:
    """Serve the page until it is ended, by a signal or on the page; returns the command's exit code.

    weights: as the command takes them. base: how photos are restored, but for what the page asks. port: 0 for a free one.
    """
    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        print(f"restore: --page needs {', '.join(absent)}: pip install '.[page]' in a checkout", file=sys.stderr)
        return 2
    weights = [path.absolute() for path in weights]
    base = replace(base, yunet=base.yunet and base.yunet.absolute())
    try:
        with _listening(port) as listener, own_folder() as root:
            worker = Worker(root, weights, base)
            try:
                _serve(listener, root, worker)
            finally:
                worker.stop()
    except (CannotStart, OSError) as error:
        print(f"restore: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("restore: stopped before the page was there", file=sys.stderr)
        return 130
    print("The page has ended; what it was given is deleted.")
    return 0


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        raise OSError(
            f"--port {port} cannot be had: {error.strerror}; name another, or none for one that is free"
        ) from None


def _serve(listener: socket.socket, root: Path, worker: Worker) -> None:
    from pipeline.commands.restore.page.guard import Guard
    from pipeline.commands.restore.page.served import Served

    port, key = listener.getsockname()[1], secrets.token_urlsafe(16)
    address = f"http://{ADDRESS}:{port}/{key}/"
    said = worker.start()

    def end(*_) -> None:
        server.should_exit = True

    desk = Desk(root, worker)
    server = make_server(Guard(Served(desk, said, end).app(key), port))
    # uvicorn minds the first two while it serves, and sends them on once it has ended.
    earlier = {number: signal.signal(number, end) for name in STOPS if (number := getattr(signal, name, None))}
    try:
        print("\n".join([*said, f"The page: {address}", "Ctrl-C ends it and deletes what it was given."]), flush=True)
        threading.Thread(target=_open, args=(address,), daemon=True).start()
        server.run(sockets=[listener])
    finally:
        desk.close()
        for number, handler in earlier.items():
            signal.signal(number, handler)


def make_server(app):
    """A uvicorn.Server of an ASGI application, which says nothing of what it serves."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
    )


def _open(address: str) -> None:
    """Show the page in a browser that has a window; one in the terminal would take it over."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return
    if not isinstance(found, webbrowser.GenericBrowser) or isinstance(found, webbrowser.BackgroundBrowser):
        found.open(address)
