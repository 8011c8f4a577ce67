"""The API behind the login: what an operator, and Kestra's own client, can do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from christmas_tasks.engine_api import form_parts
from tests.integration.engine.conftest import LOGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from christmas_tasks.local.engine import EngineProcess

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("auth", [None, ("admin@example.org", "wrong"), ("", "")])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/executions/search"),
        ("POST", "/executions/engine/child"),
        ("GET", "/flows/engine"),
        ("GET", "/executions/webhook/../search"),
    ],
)
def test_everything_but_webhooks_asks_for_the_login(
    engine: EngineProcess, auth: tuple[str, str] | None, method: str, path: str
) -> None:
    """No login, or a wrong one, is 401, and the answer repeats nothing."""
    answer = httpx.request(method, f"{engine.url}/api/v1/main{path}", auth=auth)
    assert answer.status_code == 401
    assert "wrong" not in answer.text


def test_health_needs_no_login(engine: EngineProcess) -> None:
    """A watchdog has no password."""
    assert httpx.get(f"{engine.url}/health").json() == {"status": "UP"}


def test_a_restart_goes_on_from_the_failed_task(api: Any, tmp_path: Path) -> None:
    """What was done is not done again."""
    flag = tmp_path / "flag"
    failed = api.ended(api.create("gate", flag=str(flag))["id"])
    assert failed["state"]["current"] == "FAILED"
    flag.touch()
    assert api.http.post(f"/executions/{failed['id']}/actions/restart").status_code == 200
    done = api.reached(failed["id"], "SUCCESS")
    assert done["id"] == failed["id"]
    assert done["taskRunList"][0]["id"] == failed["taskRunList"][0]["id"]
    assert len(done["taskRunList"]) == 2


def test_a_replay_from_a_task_is_a_new_execution(api: Any, tmp_path: Path) -> None:
    """It keeps the inputs and the outputs of the tasks before it."""
    flag = tmp_path / "flag"
    flag.touch()
    done = api.ended(api.create("gate", flag=str(flag))["id"])
    answer = api.http.post(
        f"/executions/{done['id']}/actions/replay", params={"taskRunId": done["taskRunList"][1]["id"]}
    )
    replayed = api.ended(answer.json()["id"])
    assert replayed["id"] != done["id"]
    assert (replayed["state"]["current"], replayed["inputs"]) == ("SUCCESS", done["inputs"])
    assert api.outputs(replayed, "first")["value"] == done["id"]


def test_a_kill_ends_a_running_execution_and_its_process(api: Any) -> None:
    """Killing twice is a conflict, no error of the engine."""
    started = api.create("sleeper")
    api.reached(started["id"], "RUNNING")
    assert api.http.delete(f"/executions/{started['id']}/actions/kill").is_success
    assert api.ended(started["id"])["state"]["current"] == "KILLED"
    assert api.http.delete(f"/executions/{started['id']}/actions/kill").status_code == 409


def test_an_ended_execution_can_be_deleted(api: Any) -> None:
    """It is gone, with its logs."""
    done = api.ended(api.create("child")["id"])
    assert api.http.delete(f"/executions/{done['id']}").status_code == 204
    assert api.http.get(f"/executions/{done['id']}").status_code == 404
    assert api.http.get(f"/logs/{done['id']}").json() == []


def test_bad_inputs_are_422_and_unknown_things_404(api: Any) -> None:
    """The message says which input is at fault."""
    missing = api.http.post("/executions/engine/gate")
    assert missing.status_code == 422
    assert "flag" in missing.json()["message"]
    assert api.http.post("/executions/engine/nothing").status_code == 404
    assert api.http.get("/executions/nothing").status_code == 404


def test_a_flow_is_checked_strictly_when_saved(api: Any) -> None:
    """An unknown property is refused with its name, and nothing is stored."""
    source = (
        "id: bad\nnamespace: engine\ntasks:\n  - {id: a, type: io.kestra.plugin.core.log.Log, message: x, bogus: 1}\n"
    )
    headers = {"content-type": "application/x-yaml"}
    refused = api.http.post("/flows", content=source, headers=headers)
    assert (refused.status_code, "bogus" in refused.json()["message"]) == (422, True)
    assert "bogus" in api.http.post("/flows/validate", content=source, headers=headers).json()[0]["constraints"]
    assert api.http.get("/flows/engine/bad").status_code == 404


def test_python_dependencies_fail_with_a_sentence(api: Any) -> None:
    """What the embedded engine can't do is said, not ignored."""
    failed = api.ended(api.create("packages")["id"])
    assert failed["state"]["current"] == "FAILED"
    assert "installs no packages" in api.http.get(f"/logs/{failed['id']}").text


def test_values_can_be_kept(api: Any) -> None:
    """The key-value store of a namespace."""
    address = "/namespaces/engine/kv/colour"
    assert api.http.put(address, content='{"name": "red"}', headers={"content-type": "text/plain"}).is_success
    assert api.http.get(address).json()["value"] == {"name": "red"}
    assert api.http.delete(address).json() is True
    assert api.http.get(address).status_code == 404


@pytest.fixture
def client(engine: EngineProcess) -> Iterator[Any]:
    """Kestra's own Python client."""
    with warnings.catch_warnings():
        # kestrapy 2.0.3 has a model field that shadows one of pydantic's; drop when it has not.
        warnings.simplefilter("ignore")
        import kestrapy  # noqa: PLC0415
    made = kestrapy.KestraClient(host=engine.url, username="admin@example.org", password="Christmas2025")
    yield made
    made._session.close()


def test_kestras_own_client_works(api: Any, client: Any, tmp_path: Path, until: Callable[..., Any]) -> None:
    """It starts, reads, searches, restarts and replays executions, and reads outputs, logs and flows."""
    flag = tmp_path / "flag"
    executions = client.executions
    started = executions.create_execution(
        "main", "engine", "gate", labels=["round:one"], inputs={"flag": str(flag)}, wait=True
    )
    assert started.state.current.value == "FAILED"
    read = executions.execution(started.id, "main")
    assert [run.task_id for run in read.task_run_list] == ["first", "second"]
    filters = [
        {"field": "flowId", "operation": "EQUALS", "value": "gate"},
        {"field": "labels", "operation": "EQUALS", "value": {"round": "one"}},
        {"field": "state", "operation": "IN", "value": ["FAILED", "KILLED"]},
    ]
    found = executions.search_executions("main", size=10, filters=filters, sort=["state.startDate:desc"])
    assert [entry["id"] for entry in found["results"]] == [started.id]
    flag.touch()
    executions.restart_execution(started.id, "main")
    until(lambda: executions.execution(started.id, "main").state.current.value == "SUCCESS")
    replayed = executions.replay_execution(started.id, "main", task_run_id=read.task_run_list[1].id)
    assert api.ended(replayed.id)["state"]["current"] == "SUCCESS"
    information = client.outputs.task_outputs_information(started.id, "main")
    assert information[0].task_id == "first"
    assert client.outputs.task_run_outputs(started.id, information[0].task_run_id, "main") == {"value": started.id}
    assert any("exit code 7" in entry.message for entry in client.logs.list_logs_from_execution(started.id, "main"))
    assert client.flows.flow("engine", "gate", "main", source=True).source.startswith("id: gate")


class InPieces(httpx.HTTPTransport):
    """Sends each byte of a body as a chunk of its own, as a network may cut it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        cut = httpx.Request(
            request.method,
            request.url,
            headers={name: value for name, value in request.headers.items() if name != "content-length"},
            content=(body[place : place + 1] for place in range(len(body))),
        )
        return super().handle_request(cut)


def test_inputs_arrive_as_given_however_the_network_cuts_the_form(api: Any, tmp_path: Path) -> None:
    """Netty takes a part without a length for longer than it is if a piece ends behind its carriage return."""
    inputs = {"flag": str(tmp_path)}
    with httpx.Client(base_url=f"{api.url}/api/v1/main", auth=LOGIN, transport=InPieces()) as http:
        answer = http.post("/executions/engine/gate", files=form_parts(inputs))
    assert api.json(answer)["inputs"] == inputs
