"""The console page at `/`: its files as they are, and each mail's HTML.

Its scripts write text only; a mail's HTML stays in a sandboxed frame.
"""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from christmas_sandbox.sandbox import Sandbox

_FOLDER = Path(__file__).parent / "pages"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_COMMON = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # No script can turn text into markup, whatever it holds.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# No script, no request to anywhere: a remote picture would tell its owner that the mail was opened.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; frame-ancestors 'self'"
)
# Links of a mail open beside the page: inside the frame, the page's own policy would stop them.
_LINKS_OPEN_BESIDE = '<base target="_blank">'


def page_routes(sandbox: Sandbox) -> list[Route]:
    """Give the routes of the page's files and of each mail's HTML."""

    async def mail_html(request: Request) -> Response:
        headers = {**_COMMON, "cache-control": "no-store"}
        mail = sandbox.mails.get(request.path_params["mail_id"])
        if mail is None:
            return Response("no such mail", 404, headers, media_type="text/plain")
        html = mail["html"] or "<p>This mail has no HTML part.</p>"
        return HTMLResponse(_with_base(html), headers={**headers, "content-security-policy": MAIL_POLICY})

    files = [_page_file(f"/_page/{file.name}", file) for file in sorted(_FOLDER.iterdir())]
    return [_page_file("/", _FOLDER / "console.html"), *files, Route("/_page/mails/{mail_id}", mail_html)]


def _page_file(path: str, file: Path) -> Route:
    """Serve one file, read anew each time: who edits it needs only reload."""

    def serve(request: Request) -> Response:
        body = file.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**_COMMON, "content-security-policy": PAGE_POLICY, "cache-control": "no-cache", "etag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=_MEDIA_TYPES[file.suffix])

    return Route(path, serve, methods=["GET"])


def _with_base(html: str) -> str:
    """Add the base to the head, after the doctype, so that the mail is not shown in quirks mode."""
    at = html.lower().find("<head>")
    if at < 0:
        return _LINKS_OPEN_BESIDE + html
    return html[: at + 6] + _LINKS_OPEN_BESIDE + html[at + 6 :]
