"""What the page answers: its files, the photos on the desk, what is done with them."""

import html
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pipeline.commands.restore.page.desk import MOST_BYTES, Desk, Held, RunResult
from pipeline.commands.restore.page.user_names import attachment, plain, record_name, written
from pipeline.commands.restore.page.wish import AFTER, BEFORE, PHOTO, SMALL, PageError, read_wish
from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.words import IDENTITY
from pipeline.photos import decode
from pipeline.store.files import NO_SPACE
from pipeline.store.images import UnreadableImage

STATIC = Path(__file__).with_name("static")
MOST_ASKED_BYTES = 100_000
VIEWS = {"before": BEFORE, "small": SMALL}


class Served:
    """The page's answers. said: sentences on the networks. end: ends the page."""

    def __init__(self, desk: Desk, said: list[str], end: Callable[[], None]):
        self._desk, self._said, self._end_page = desk, said, end

    def app(self, key: str) -> Starlette:
        """The application; all of it lies below /key/, which nobody guesses: other users of this computer see no photo."""
        routes = [
            Route("/", self._page),
            Route("/photos", self._photos),
            Route("/photos", self._add, methods=["POST"]),
            Route("/photos/{id}", self._remove, methods=["DELETE"]),
            Route("/photos/{id}/restore", self._restore, methods=["POST"]),
            Route("/photos/{id}/{view}.png", self._view),
            Route("/photos/{id}/{run:int}/after.png", self._after),
            Route("/photos/{id}/{run:int}/picture", self._picture),
            Route("/photos/{id}/{run:int}/record", self._record),
            Route("/end", self._end, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        handlers = {PageError: _refused, UnreadableImage: _unreadable, OSError: _failed, HTTPException: _no_such}
        return Starlette(routes=[Mount(f"/{key}", routes=routes)], exception_handlers=handlers)

    async def _page(self, request: Request) -> Response:
        filled = {"{identity}": html.escape(IDENTITY), "{most_bytes}": str(MOST_BYTES)}
        filled["{networks}"] = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self._said)
        text = (STATIC / "page.html").read_text("utf-8")
        for name, value in filled.items():
            text = text.replace(name, value)
        return HTMLResponse(text)

    async def _photos(self, request: Request) -> Response:
        return JSONResponse([_told(*one) for one in self._desk.told()])

    async def _add(self, request: Request) -> Response:
        name = plain(request.query_params.get("name", ""))
        held = self._desk.place(name, _length(request))
        try:
            with open(held.folder / PHOTO, "wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
            held.format = await run_in_threadpool(_format, held.folder / PHOTO)
        except ClientDisconnect:
            self._desk.remove(held.id)
            return Response(status_code=400)
        except BaseException:
            self._desk.remove(held.id)
            raise
        self._desk.arrived(held)
        return JSONResponse({"id": held.id}, 201)

    async def _restore(self, request: Request) -> Response:
        if _length(request) > MOST_ASKED_BYTES:
            raise PageError(413, f"what is asked for has at most {MOST_ASKED_BYTES:,} bytes")
        self._desk.again(request.path_params["id"], read_wish(await request.body()))
        return Response(status_code=204)

    async def _remove(self, request: Request) -> Response:
        await run_in_threadpool(self._desk.remove, request.path_params["id"])
        return Response(status_code=204)

    async def _view(self, request: Request) -> Response:
        held = self._desk.find(request.path_params["id"])
        view = VIEWS.get(request.path_params["view"])
        if view is None or held.seen is None:
            raise HTTPException(404)
        return _file(held.folder / view)

    async def _after(self, request: Request) -> Response:
        held, result = self._result(request)
        return _file(held.folder / str(result.run) / AFTER)

    async def _picture(self, request: Request) -> Response:
        held, result = self._result(request)
        output = result.record["outputs"][0]
        headers = {"content-disposition": attachment(written(held.name, output))}
        return _file(held.folder / str(result.run) / output, _media_type(held, output), headers)

    async def _record(self, request: Request) -> Response:
        held, result = self._result(request)
        said = result.record | {"photo": held.name}
        said["outputs"] = [written(held.name, output) for output in said["outputs"]]
        # As the command writes it (`store.files.write_json`).
        text = json.dumps(said, indent=2, ensure_ascii=False) + "\n"
        return Response(
            text, headers={"content-disposition": attachment(record_name(held.name))}, media_type="application/json"
        )

    async def _end(self, request: Request) -> Response:
        self._end_page()
        return Response(status_code=204)

    def _result(self, request: Request) -> tuple[Held, RunResult]:
        held = self._desk.find(request.path_params["id"])
        if held.result is None or held.result.run != request.path_params["run"]:
            raise HTTPException(404)
        return held, held.result


def _told(held: Held, ahead: int, seconds: float) -> dict[str, Any]:
    """What the page is told of a photo."""
    told = {"id": held.id, "name": held.name, "state": held.state, "ahead": ahead, "seconds": round(seconds)}
    told |= {"seen": held.seen, "error": held.error, "result": None}
    if held.result is not None:
        record = held.result.record
        told["result"] = {name: record[name] for name in ("status", "reason", "faces", "warnings")}
        told["result"] |= {"run": held.result.run, "wish": asdict(held.result.wish), "compared": held.result.compared}
    return told


def _length(request: Request) -> int:
    """How many bytes are to come, before any is read; the server reads no more than these."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise PageError(411, "how many bytes are to come was not said")
    return int(length)


def _format(path: Path) -> str:
    """Pillow's name of the photo's format, by its first bytes. Raises UnreadableImage as the command does."""
    return decode.read_header(photo_file.read_bytes(path)).format


def _media_type(held: Held, output: str) -> str:
    format = Image.registered_extensions().get(Path(output).suffix, held.format)
    return Image.MIME.get(format) or f"image/{format.lower()}"


def _file(path: Path, media_type: str = "image/png", headers: dict[str, str] | None = None) -> FileResponse:
    if not path.is_file():  # a run since then has taken its place
        raise HTTPException(404)
    return FileResponse(path, headers=headers, media_type=media_type)


async def _refused(request: Request, error: PageError) -> Response:
    return JSONResponse({"error": str(error)}, error.status)


async def _unreadable(request: Request, error: UnreadableImage) -> Response:
    return JSONResponse({"error": f"{plain(request.query_params.get('name', ''))}: {error}"}, 422)


async def _failed(request: Request, error: OSError) -> Response:
    if error.errno in NO_SPACE:
        return JSONResponse({"error": f"there is no room for temporary files: {error.strerror}"}, 507)
    return JSONResponse({"error": str(error)}, 500)


async def _no_such(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": "nothing is here"}, error.status_code)
