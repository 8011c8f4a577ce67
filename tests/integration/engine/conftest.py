"""One engine for all tests of this folder, and a small client that knows Kestra's addresses."""

from __future__ import annotations

import base64
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from christmas_tasks.engine_api import form_parts
from christmas_tasks.local.engine import EngineProcess
from christmas_tasks.local.engine_build import ensure_built

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

FLOWS = Path(__file__).parent / "flows"
LOGIN = ("admin@example.org", "Christmas2025")
HOOK_KEY = "test-hook-key"
ENDED = {"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED"}


def b64(text: str) -> str:
    """Write a secret as Kestra wants it."""
    return base64.b64encode(text.encode()).decode()


def make_engine(data_dir: Path, flows: Path = FLOWS, **options: Any) -> EngineProcess:
    """Describe an engine with the tests' secrets; the caller starts and stops it."""
    env = {"SECRET_HOOK_KEY": b64(HOOK_KEY), "SECRET_TOKEN": b64("a-token-nobody-may-see"), **options.pop("env", {})}
    settings: dict[str, Any] = {"port": 0, "env": env, "username": LOGIN[0], "password": LOGIN[1], **options}
    return EngineProcess(data_dir, flows, **settings)


class Api:
    """The part of Kestra's HTTP API that the tests use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=f"{url}/api/v1/main", auth=LOGIN, timeout=30)

    def hook(
        self, flow: str, content: bytes = b"{}", *, method: str = "POST", key: str = HOOK_KEY, **options: Any
    ) -> httpx.Response:
        """Call a webhook without a login."""
        return httpx.request(
            method,
            f"{self.url}/api/v1/main/executions/webhook/engine/{flow}/{key}",
            content=content,
            timeout=30,
            **options,
        )

    def create(self, flow: str, params: dict[str, str] | None = None, **inputs: str) -> Any:
        """Start an execution."""
        answer = self.http.post(f"/executions/engine/{flow}", params=params, files=form_parts(inputs) or None)
        return self.json(answer)

    def execution(self, execution_id: str) -> Any:
        """Read an execution."""
        return self.json(self.http.get(f"/executions/{execution_id}"))

    def ended(self, execution_id: str, timeout_s: float = 30) -> Any:
        """Wait for an execution's end, and read it."""
        return wait_for(lambda: self._if_in(execution_id, ENDED), timeout_s)

    def reached(self, execution_id: str, state: str) -> Any:
        """Wait until an execution is in a state, and read it."""
        return wait_for(lambda: self._if_in(execution_id, {state}))

    def outputs(self, execution: dict[str, Any], task: str) -> Any:
        """Read a task's outputs; of a Script those that it printed."""
        run = next(run for run in execution["taskRunList"] if run["taskId"] == task)
        outputs = self.json(self.http.get(f"/outputs/tasks/{execution['id']}/{run['id']}"))
        return outputs.get("vars", outputs)

    def search(self, **filters: str) -> Any:
        """Search executions: ``flowId="x"``."""
        params = {"size": "100"} | {f"filters[{field}][EQUALS]": value for field, value in filters.items()}
        return self.json(self.http.get("/executions/search", params=params))

    def _if_in(self, execution_id: str, states: set[str]) -> dict[str, Any] | None:
        answer = self.http.get(f"/executions/{execution_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            # A webhook may be answered as soon as it is in the queue.
            return None
        execution: dict[str, Any] = self.json(answer)
        return execution if execution["state"]["current"] in states else None

    @staticmethod
    def json(answer: httpx.Response) -> Any:
        """Read a successful answer."""
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()


def wait_for(probe: Callable[[], T | None], timeout_s: float = 30) -> T:
    """Ask until there is an answer; fail after *timeout_s* seconds."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = probe()
        if answer:
            return answer
        time.sleep(0.05)
    pytest.fail(f"no answer within {timeout_s} s")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, in_use: contextlib.ExitStack) -> EngineProcess:
    """One running engine for all tests that leave it running."""
    ensure_built()
    folder = tmp_path_factory.mktemp("engine")
    return in_use.enter_context(make_engine(folder, website_origin="https://www.example.org"))


@pytest.fixture(scope="session")
def api(engine: EngineProcess) -> Iterator[Api]:
    """A client of that engine."""
    client = Api(engine.url)
    with client.http:
        yield client


@pytest.fixture
def new_engine(tmp_path: Path) -> Iterator[Callable[..., EngineProcess]]:
    """Make engines of a test's own (not started), which end with the test whatever happens."""
    ensure_built()
    made: list[EngineProcess] = []

    def make(flows: Path = FLOWS, **options: Any) -> EngineProcess:
        made.append(make_engine(tmp_path / "data", flows, **options))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def api_of() -> Iterator[Callable[[EngineProcess], Api]]:
    """Make a client of any engine; it is closed with the test."""
    with contextlib.ExitStack() as clients:

        def make(engine: EngineProcess) -> Api:
            client = Api(engine.url)
            clients.enter_context(client.http)
            return client

        yield make


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Wait for a condition, with a deadline."""
    return wait_for
