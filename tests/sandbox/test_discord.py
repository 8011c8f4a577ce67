"""Discord's webhook: what it takes, what it refuses, what it keeps."""

from typing import Any

import httpx
import pytest

from christmas_sandbox.testing import SandboxHandle

URL = "/discord/webhooks/1/sandbox-discord-token"
FIELD = {"name": "Email", "value": "ann@example.org"}


def test_a_message_is_kept(sandbox: SandboxHandle, http: httpx.Client) -> None:
    """204 without a body; `wait=true` gives the message."""
    message = {"content": "Hot lead", "embeds": [{"title": "t", "fields": [FIELD]}], "allowed_mentions": {"parse": []}}
    answer = http.post(URL, json=message)
    assert (answer.status_code, answer.content) == (204, b"")
    waited = http.post(URL, json={"content": "two"}, params={"wait": "true"})
    assert (waited.status_code, waited.json()["content"]) == (200, "two")
    kept = sandbox.discord()
    assert {name: kept[0][name] for name in message} == message
    assert [one["content"] for one in kept] == ["Hot lead", "two"]


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x" * 2001},
        {"embeds": [{"title": "x" * 257}]},
        {"embeds": [{"description": "x" * 4097}]},
        {"embeds": [{"fields": [FIELD] * 26}]},
        {"embeds": [{"fields": [{"name": "x" * 257, "value": "v"}]}]},
        {"embeds": [{"fields": [{"name": "n", "value": "x" * 1025}]}]},
        {"embeds": [{"fields": [{"name": "n", "value": ""}]}]},
        {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
        {"embeds": [{"title": "t"}] * 11},
        {"embeds": ["t"]},
        {"content": 5},
    ],
)
def test_what_breaks_a_limit_is_refused(sandbox: SandboxHandle, http: httpx.Client, message: dict[str, Any]) -> None:
    """400 in Discord's form, and nothing is kept."""
    answer = http.post(URL, json=message)
    assert (answer.status_code, answer.json()["code"]) == (400, 50035)
    assert answer.json()["errors"]
    assert sandbox.discord() == []


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x" * 2000},
        {"embeds": [{"title": "x" * 256, "description": "x" * 4096, "fields": [FIELD] * 25}]},
    ],
)
def test_what_keeps_the_limits_is_taken(http: httpx.Client, message: dict[str, Any]) -> None:
    """Up to the last character."""
    assert http.post(URL, json=message).status_code == 204


def test_an_empty_message_is_refused(http: httpx.Client) -> None:
    """400 with Discord's code 50006; what is no JSON has its own code."""
    assert http.post(URL, json={"content": ""}).json()["code"] == 50006
    assert http.post(URL, content=b"{").json()["code"] == 50109


def test_only_webhooks_are_known(http: httpx.Client) -> None:
    """Another address is 404, another method 405."""
    assert http.post("/discord/channels/1", json={"content": "x"}).status_code == 404
    assert http.get(URL).status_code == 405
