"""The ASGI app: both vendors and Discord, the control surface, the page, and mounted files on one port."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from christmas_sandbox.console import console_routes
from christmas_sandbox.console_engine import Engine
from christmas_sandbox.control import control_routes, is_local
from christmas_sandbox.page import page_routes
from christmas_sandbox.sandbox import Sandbox, SandboxOptions

_VENDOR_PATHS = (("/v1/", "notion"), ("/emails", "resend"), ("/domains", "resend"), ("/discord/", "discord"))


def create_app(
    data_dir: Path, options: SandboxOptions | None = None, static: Mapping[str, Path] | None = None
) -> Starlette:
    """Build the app over a data folder, which is opened at once and closed at the app's shutdown.

    Args:
        data_dir: Made and seeded if empty.
        options: Tokens, layout, templates, Kestra.
        static: Further pages, file by path, such as `/unsubscribe`.

    Returns:
        The app; `app.state.sandbox` is its Sandbox.
    """
    options = options or SandboxOptions()
    sandbox = Sandbox(data_dir, options)
    engine = Engine(options.engine)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await engine.close()
        sandbox.close()

    routes = [
        *control_routes(sandbox),
        *console_routes(sandbox, engine),
        *page_routes(sandbox),
        *(_file(path, file) for path, file in (static or {}).items()),
    ]
    app = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={ValueError: _bad_request, KeyError: _bad_request}
    )
    app.state.sandbox = sandbox
    app.add_middleware(_Front, sandbox=sandbox)
    return app


class _Front:
    """Hands vendor calls to the gate, and lets only this machine's own pages near the rest."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._gate = sandbox.gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        for prefix, vendor in _VENDOR_PATHS:
            if scope["path"].startswith(prefix):
                await self._gate.serve(vendor, scope, receive, send)
                return
        if not is_local(Request(scope)):
            refusal = JSONResponse({"error": "only pages of this sandbox may ask"}, 403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _file(path: str, file: Path) -> Route:
    async def serve(_request: Request) -> Response:
        return FileResponse(file, headers={"x-content-type-options": "nosniff", "cache-control": "no-store"})

    return Route(path, serve, methods=["GET"])


async def _bad_request(_request: Request, error: Exception) -> Response:
    message = f"missing {error}" if isinstance(error, KeyError) else str(error)
    return JSONResponse({"error": message}, 400)
