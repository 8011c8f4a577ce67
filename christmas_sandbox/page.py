"""The page at `/`: an inbox of accepted mails.

Its script writes text only; a mail's HTML stays in a sandboxed frame.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from christmas_sandbox.sandbox import Sandbox

_FOLDER = Path(__file__).parent / "pages"
_FILES = {
    "/": ("inbox.html", "text/html"),
    "/_page/inbox.css": ("inbox.css", "text/css"),
    "/_page/inbox.js": ("inbox.js", "text/javascript"),
}
_COMMON = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store"}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# No script, no request to anywhere: a remote picture would tell its owner that the mail was opened.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; frame-ancestors 'self'"
)
# Links of a mail open beside the page: inside the frame, the page's own policy would stop them.
_LINKS_OPEN_BESIDE = '<base target="_blank">'


def page_routes(sandbox: Sandbox) -> list[Route]:
    """Give the routes of the page and of each mail's HTML."""

    async def mail_html(request: Request) -> Response:
        mail = sandbox.mails.get(request.path_params["mail_id"])
        if mail is None:
            return Response("no such mail", 404, _COMMON, media_type="text/plain")
        html = mail["html"] or "<p>This mail has no HTML part.</p>"
        return HTMLResponse(_with_base(html), headers={**_COMMON, "content-security-policy": MAIL_POLICY})

    return [*(_page_file(path) for path in _FILES), Route("/_page/mails/{mail_id}", mail_html)]


def _page_file(path: str) -> Route:
    name, media_type = _FILES[path]

    async def serve(_request: Request) -> Response:
        body = (_FOLDER / name).read_bytes()
        headers = {**_COMMON, "content-security-policy": PAGE_POLICY}
        return Response(body, headers=headers, media_type=media_type)

    return Route(path, serve)


def _with_base(html: str) -> str:
    """Add the base to the head, after the doctype, so that the mail is not shown in quirks mode."""
    at = html.lower().find("<head>")
    if at < 0:
        return _LINKS_OPEN_BESIDE + html
    return html[: at + 6] + _LINKS_OPEN_BESIDE + html[at + 6 :]
