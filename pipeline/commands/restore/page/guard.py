"""Who may talk to the page: this computer's browser, on the page's own address."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

NAMES = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    # Nothing is loaded from elsewhere, no form leads elsewhere, no other page frames or embeds this one.
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    # A browser keeps no copy of a photo that the page deletes when it ends.
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application that answers under its own names alone, and gives each answer HEADERS.

    A page elsewhere can point a name of its own to 127.0.0.1 (DNS rebinding): its browser then says that name as Host. What
    changes something must say the page itself as Origin, which browsers always do: no other page can send it.
    """

    def __init__(self, app, port: int):
        self._app = app
        self._hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
        self._elsewhere = f"the page is at http://{NAMES[0]}:{port}, and answers to no other name"

    async def __call__(self, scope, receive, send) -> None:
        async def send_with_headers(message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._app
        if not self._is_own(scope["method"], Headers(scope=scope)):
            app = JSONResponse({"error": self._elsewhere}, 403)
        await app(scope, receive, send_with_headers)

    def _is_own(self, method: str, headers: Headers) -> bool:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return False
        return method in ("GET", "HEAD") or origins == [f"http://{hosts[0]}"]
