"""A web server before the engine that does to each request what a test has lined up for it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_HANG_S = 30.0


@dataclass
class Front:
    """What lies before it, and what came.

    Args:
        target: Where requests are passed on to.
        script: For each request: ``pass``, ``lose`` (passed on, the answer is lost), ``drop``, ``hang``, or a status
            that is answered at once (``429 Retry-After: 1`` with a header); past its end everything is passed.
    """

    target: str
    script: list[str] = field(default_factory=list)
    url: str = ""
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def running_front(target: str, *script: str, port: int = 0) -> Iterator[Front]:
    """Start one on 127.0.0.1; without a port on a free one."""
    front = Front(target, list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            front.arrivals.append((time.monotonic(), self.path))
            front.bodies.append(body)
            what = front.script.pop(0) if front.script else "pass"
            if what == "hang":
                front.ended.wait(_HANG_S)
            if what in {"pass", "lose"}:
                headers = {"Content-Type": self.headers["Content-Type"]}
                answer = httpx.post(front.target + self.path, content=body, headers=headers, timeout=90.0)
                if what == "pass":
                    self._answer(answer.status_code, answer.content, [])
            elif what not in {"drop", "hang"}:
                status, *header = what.split(" ", 1)
                self._answer(int(status), b"<html>trouble</html>", header)
            self.close_connection = True

        def _answer(self, status: int, content: bytes, headers: list[str]) -> None:
            self.send_response(status)
            for header in headers:
                self.send_header(*header.split(": ", 1))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    front.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield front
    finally:
        front.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
