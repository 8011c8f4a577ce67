"""``deploy`` against a Kestra that stores dashboards (the Enterprise edition), and against servers in trouble."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from christmas_tasks.deploy import DeployRefused, Files, Server, What, compare, read_files, upload
from christmas_tasks.errors import SetupRefused, VendorUnavailable

FLOW = "id: a-flow\nnamespace: christmas\ntasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: hi}]\n"
BOARD = "id: board\ntitle: Board\ncharts: []\n"


class Enterprise:
    """The few addresses of an Enterprise Kestra that ``deploy`` asks; ``status`` makes it fail."""

    def __init__(self) -> None:
        self.flows: dict[str, str] = {}
        self.dashboards: dict[str, str] = {}
        self.status = 0
        self.written: list[str] = []

    def answer(self, method: str, path: str, body: str) -> tuple[int, Any]:
        """Status and JSON of one request."""
        if self.status:
            return self.status, {"message": "no"}
        parts = path.partition("?")[0].removeprefix("/api/v1/").split("/")
        match method, *parts:
            case "GET", "configs":
                return 200, {"edition": "EE", "version": "2.0.0"}
            case "GET", "main", "flows", "christmas":
                return 200, [self._flow(name) for name in self.flows]
            case "GET", "main", "flows", "christmas", name:
                return 200, self._flow(name)
            case "POST", "main", "flows", "validate":
                return 200, [{"index": index} for index, _ in enumerate(body.split("\n---\n"))]
            case ("POST", "main", "flows") | ("PUT", "main", "flows", _, _):
                self.flows["a-flow"] = body
                self.written.append(f"{method} flow")
                return 200, self._flow("a-flow")
            case "GET", "main", "dashboards", name:
                known = name in self.dashboards
                return (200, {"id": name, "sourceCode": self.dashboards[name]}) if known else (404, {})
            case ("POST", "main", "dashboards") | ("PUT", "main", "dashboards", _):
                self.dashboards["board"] = body
                self.written.append(f"{method} dashboard")
                return 200, {"id": "board"}
        return 404, {"message": path}

    def _flow(self, name: str) -> dict[str, Any]:
        flags = {"disabled": False, "draft": False, "deleted": False}
        return {"id": name, "namespace": "christmas", "tasks": [], "source": self.flows[name], **flags}


@pytest.fixture
def enterprise() -> Enterprise:
    """Its state."""
    return Enterprise()


@pytest.fixture
def server(enterprise: Enterprise) -> Iterator[Server]:
    """The client of a running one."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            status, content = enterprise.answer(self.command, self.path, body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        with closing(Server(f"http://127.0.0.1:{listening.server_port}/", "admin@example.org", "secret")) as client:
            yield client
        listening.shutdown()


def kinds(files: Files, server: Server) -> list[tuple[str, What]]:
    return [(change.name, change.what) for change in compare(files, server)]


def test_dashboards_are_stored_where_the_edition_keeps_them(server: Server, enterprise: Enterprise) -> None:
    """New, then the same, then changed: each upload writes what differs and nothing else."""
    files = Files({"a-flow": FLOW}, {"board": BOARD})
    assert kinds(files, server) == [("a-flow", What.NEW), ("board", What.NEW)]
    upload(files, compare(files, server), server)
    assert (enterprise.flows, enterprise.dashboards) == ({"a-flow": FLOW}, {"board": BOARD})
    upload(files, compare(files, server), server)
    assert enterprise.written == ["POST flow", "POST dashboard"]
    assert kinds(files, server) == [("a-flow", What.SAME), ("board", What.SAME)]
    other = Files({"a-flow": FLOW}, {"board": BOARD.replace("Board", "Better board")})
    (_, change) = compare(other, server)
    assert "+title: Better board" in change.diff.splitlines()
    upload(other, [change], server)
    assert enterprise.written == ["POST flow", "POST dashboard", "PUT dashboard"]


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, SetupRefused), (403, SetupRefused), (404, SetupRefused), (405, SetupRefused), (500, VendorUnavailable)],
)
def test_each_refusal_is_one_readable_error(
    server: Server, enterprise: Enterprise, status: int, error: type[Exception]
) -> None:
    """A person reads what to check; nothing was written."""
    enterprise.status = status
    with pytest.raises(error):
        compare(Files({"a-flow": FLOW}, {}), server)
    assert enterprise.written == []


def test_no_answer_at_all_is_said_so() -> None:
    """A wrong address is told apart from a wrong login."""
    nowhere = Server("http://127.0.0.1:9", "admin@example.org", "secret")
    with closing(nowhere), pytest.raises(VendorUnavailable, match=r"127\.0\.0\.1:9 gives no answer"):
        compare(Files({"a-flow": FLOW}, {}), nowhere)


def test_files_that_cannot_be_told_apart_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    """A name that isn't the id, a name twice, no flows at all: each is named."""
    with pytest.raises(DeployRefused, match="holds no flows"):
        read_files(tmp_path)
    for name in ("flows/a/a-flow.yml", "flows/b/a-flow.yml", "flows/other.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(FLOW, "utf-8")
    with pytest.raises(DeployRefused) as refused:
        read_files(tmp_path)
    assert [line.partition(": ")[2] for line in refused.value.lines] == [
        "a second file with this name",
        "the id must equal the file's name, other",
    ]
