"""Webhooks, seen from the website and from Python."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from christmas_tasks.local.engine import EngineProcess

pytestmark = pytest.mark.integration

HOSTILE = {
    "first_name": "{{ secret('TOKEN') }}",
    "sum": "{{ 7*7 }} {% if true %}x{% endif %}",
    "quotes": 'a"b\'c\\d\r\ne </script><img src=x>"); import os #',
    "emoji": "🎄" * 10,
    "long": "x" * 300_000,
}


def body_seen_by_python(api: Any, execution: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(api.outputs(execution, "read")["body"]))


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_webhook_starts_its_flow_and_answers_at_once(api: Any, method: str) -> None:
    """The answer is Kestra's: 200, the execution's id, and the body it was given."""
    answer = api.hook("echo", b'{"email": "ann@example.org"}', method=method, params={"from": "site"})
    assert answer.status_code == 200
    started = answer.json()
    assert (started["namespace"], started["flowId"]) == ("engine", "echo")
    assert started["url"].endswith(started["id"])
    execution = api.ended(started["id"])
    assert execution["state"]["current"] == "SUCCESS"
    assert body_seen_by_python(api, execution) == {"email": "ann@example.org"}
    assert api.outputs(execution, "read")["parameters"] == {"from": ["site"]}
    assert {"key": "kind", "value": "echo"} in execution["labels"]


def test_a_get_starts_it_too(api: Any) -> None:
    """Kestra's webhooks take GET as well."""
    assert api.ended(api.hook("echo", b"", method="GET").json()["id"])["state"]["current"] == "SUCCESS"


def test_python_runs_with_the_interpreter_of_the_environment(api: Any) -> None:
    """The tasks find the library and its packages."""
    execution = api.ended(api.hook("echo").json()["id"])
    assert Path(api.outputs(execution, "read")["python"]).parent == Path(sys.executable).parent


@pytest.mark.parametrize(
    ("flow", "options"),
    [
        ("echo", {"key": "wrong"}),
        ("echo", {"key": "{{ secret('HOOK_KEY') }}"}),
        ("unset-key", {"key": ""}),
        ("unset-key", {"key": "x"}),
        ("nothing", {}),
        ("switched-off", {}),
        ("child", {}),
    ],
)
def test_what_does_not_fit_is_404_and_starts_nothing(api: Any, flow: str, options: dict[str, str]) -> None:
    """A wrong key, an unset key, an unknown, disabled or hookless flow are the same to a caller."""
    before = api.search(flowId=flow)["total"]
    answer = api.hook(flow, **options)
    assert answer.status_code == 404
    assert "test-hook-key" not in answer.text
    assert api.search(flowId=flow)["total"] == before


def test_a_wrong_namespace_is_404(api: Any) -> None:
    """The key of another namespace's flow opens nothing."""
    assert api.http.post("/executions/webhook/other/echo/test-hook-key").status_code == 404


def test_the_address_without_a_tenant_works(api: Any) -> None:
    """Kestra's older address leads to the same flow."""
    old = f"{api.url}/api/v1/executions/webhook/engine/answer/test-hook-key"
    assert api.http.post(old).json() == {"word": "hello"}


def test_a_flow_that_waits_answers_with_its_outputs(api: Any) -> None:
    """A flow with wait and returnOutputs answers as the trigger says."""
    answer = api.hook("answer")
    assert (answer.status_code, answer.json()) == (200, {"word": "hello"})


def test_hostile_text_arrives_literally(api: Any, engine: EngineProcess) -> None:
    """Nothing that a visitor types is evaluated, and the secret is nowhere."""
    execution = api.ended(api.hook("echo", json.dumps(HOSTILE).encode()).json()["id"])
    assert body_seen_by_python(api, execution) == HOSTILE
    logs = api.http.get(f"/logs/{execution['id']}").text
    assert "the token is ******" in logs
    for text in (logs, json.dumps(execution), engine.log_path.read_text(encoding="utf-8")):
        assert "a-token-nobody-may-see" not in text
    assert "test-hook-key" not in engine.log_path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "content_type", "seen"),
    [
        (b"email=ann%40example.org", "application/x-www-form-urlencoded", "email=ann%40example.org"),
        (b"[1, 2]", "text/plain", [1, 2]),
        (b"not json", "application/json", "not json"),
        ("Zoé".encode("latin-1"), "text/plain; charset=iso-8859-1", "Zoé"),
        (b'{"a": 1}', "application/json; charset=unheard-of", {"a": 1}),
        (b"\xff\x00\xfe", "application/octet-stream", base64.b64encode(b"\xff\x00\xfe").decode()),
        (b"", "application/json", None),
    ],
)
def test_any_body_reaches_the_flow(api: Any, content: bytes, content_type: str, seen: object) -> None:
    """JSON becomes data whatever its type says, text stays text, bytes come as base64."""
    started = api.hook("echo", content, headers={"content-type": content_type})
    assert started.status_code == 200, started.text
    assert body_seen_by_python(api, api.ended(started.json()["id"])) == seen


def test_a_stored_body_is_kept_byte_for_byte(api: Any) -> None:
    """A signature is computed over the very bytes, which parsing would lose."""
    content = b'{ "a" :  1.0, "b": "\xc3\xa9" }\r\n\xff\x00'
    execution = api.ended(api.hook("raw", content, headers={"content-type": "application/json"}).json()["id"])
    assert api.outputs(execution, "digest")["sha256"] == hashlib.sha256(content).hexdigest()
    assert "body" not in execution["trigger"]["variables"]


def test_a_body_over_ten_mebibytes_is_413(api: Any) -> None:
    """One caller can't fill the memory."""
    assert api.hook("echo", b"x" * (10 * 1024 * 1024 + 1), headers={"content-type": "text/plain"}).status_code == 413


def test_only_the_website_may_post_from_a_browser(api: Any) -> None:
    """The preflight of the configured origin is granted, no other one is."""

    def preflight(origin: str) -> Any:
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        }
        return api.hook("echo", b"", method="OPTIONS", headers=headers).headers.get("access-control-allow-origin")

    assert preflight("https://www.example.org") == "https://www.example.org"
    assert preflight("https://other.example.org") is None
