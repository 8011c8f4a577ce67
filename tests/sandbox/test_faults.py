"""Each named fault, as the real SDKs see it, and what was written meanwhile."""

import json
import time
from typing import Any

import httpx
import pytest
from notion_client.errors import APIResponseError, UnknownHTTPResponseError
from resend.exceptions import RateLimitError, ResendError

from christmas_sandbox.seed import TRACKER_SOURCE_ID
from christmas_sandbox.testing import SandboxHandle

MAIL: dict[str, Any] = {"from": "c@example.org", "to": "ann@example.org", "subject": "Hello", "text": "Hello"}


def test_status_before_writes_nothing(sandbox: SandboxHandle, make_row: Any) -> None:
    """Notion's SDK sees the status, the code that belongs to it, and Retry-After."""
    sandbox.add_fault("notion", "status_before", status=429, retry_after=7, path="/v1/pages", times=1)
    with pytest.raises(APIResponseError) as caught:
        make_row("ann")
    assert (caught.value.status, caught.value.code) == (429, "rate_limited")
    assert caught.value.headers["retry-after"] == "7"
    assert sandbox.rows("tracker") == []
    make_row("ann")


def test_status_after_has_written(sandbox: SandboxHandle, make_row: Any) -> None:
    """The caller sees an error though the row is there."""
    sandbox.add_fault("notion", "status_after", status=504)
    with pytest.raises(APIResponseError) as caught:
        make_row("ann")
    assert (caught.value.status, caught.value.code) == (504, "gateway_timeout")
    assert len(sandbox.rows("tracker")) == 1


def test_a_status_that_the_sdk_does_not_know(sandbox: SandboxHandle, notion: Any) -> None:
    """529 is a real answer of Notion, unknown to the SDK; a 502 comes as HTML."""
    sandbox.add_fault("notion", "status_before", status=529, times=1)
    sandbox.add_fault("notion", "status_before", status=502, body="html", times=1)
    for status in (529, 502):
        with pytest.raises(UnknownHTTPResponseError) as caught:
            notion.users.me()
        assert caught.value.status == status


def test_a_lost_answer_has_sent_the_mail(sandbox: SandboxHandle, mailer: Any) -> None:
    """The connection closes; the same key then gives the first answer, and nothing is sent twice."""
    sandbox.add_fault("resend", "lost_answer", times=1)
    with pytest.raises(ResendError) as caught:
        mailer.Emails.send(MAIL, {"idempotency_key": "k"})
    assert (caught.value.code, caught.value.error_type) == (500, "HttpClientError")
    assert len(sandbox.mails()) == 1
    assert mailer.Emails.send(MAIL, {"idempotency_key": "k"})["id"] == sandbox.mails()[0]["id"]
    assert len(sandbox.mails()) == 1


def test_a_disconnect_has_sent_nothing(sandbox: SandboxHandle, mailer: Any, notion: Any) -> None:
    """The connection closes before anything happens."""
    sandbox.add_fault("resend", "disconnect", times=1)
    with pytest.raises(ResendError):
        mailer.Emails.send(MAIL)
    assert sandbox.mails() == []
    sandbox.add_fault("notion", "disconnect", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        notion.users.me()


def test_an_empty_body_has_sent_the_mail(sandbox: SandboxHandle, mailer: Any) -> None:
    """200 without a body is an application error to the SDK."""
    sandbox.add_fault("resend", "empty_body", times=1)
    with pytest.raises(ResendError) as caught:
        mailer.Emails.send(MAIL)
    assert caught.value.error_type == "application_error"
    assert len(sandbox.mails()) == 1


def test_a_body_of_html_has_written_the_row(sandbox: SandboxHandle, make_row: Any) -> None:
    """Notion's SDK can't read a page of HTML behind a 200."""
    sandbox.add_fault("notion", "html_body", times=1)
    with pytest.raises(json.JSONDecodeError):
        make_row("ann")
    assert len(sandbox.rows("tracker")) == 1


def test_a_delay_makes_the_answer_late(sandbox: SandboxHandle, notion: Any) -> None:
    """By at least as long as it says."""
    sandbox.add_fault("notion", "delay", seconds=0.15, times=1)
    started = time.monotonic()
    notion.users.me()
    assert time.monotonic() - started >= 0.15


def test_a_hanging_call_times_out_and_still_writes_once_released(sandbox: SandboxHandle, http: httpx.Client) -> None:
    """The client gives up; the vendor goes on with what it had begun."""
    sandbox.add_fault("discord", "hang")
    with pytest.raises(httpx.ReadTimeout):
        http.post("/discord/webhooks/1/t", json={"content": "late"}, timeout=0.1)
    assert sandbox.discord() == []
    sandbox.clear_faults()
    deadline = time.monotonic() + 5
    while not sandbox.discord() and time.monotonic() < deadline:
        pass
    assert [message["content"] for message in sandbox.discord()] == ["late"]


def test_a_fault_hits_only_what_it_names(sandbox: SandboxHandle, notion: Any, make_row: Any) -> None:
    """Vendor, method, path, text in the body, and how many calls pass first."""
    sandbox.add_fault(
        "notion", "status_before", method="POST", path="/v1/data_sources/*/query", match="needle", skip=1, times=1
    )
    needle = {"property": "Name", "title": {"equals": "needle"}}
    make_row("needle")
    notion.data_sources.query(TRACKER_SOURCE_ID)
    notion.data_sources.query(TRACKER_SOURCE_ID, filter=needle)
    with pytest.raises(APIResponseError):
        notion.data_sources.query(TRACKER_SOURCE_ID, filter=needle)
    notion.data_sources.query(TRACKER_SOURCE_ID, filter=needle)
    assert sandbox.state()["faults"][0]["hits"] == 1


def test_a_fault_can_carry_the_vendors_own_name(sandbox: SandboxHandle, mailer: Any) -> None:
    """A used-up quota is a 429 like the rate, told apart by name."""
    sandbox.add_fault("resend", "status_before", status=429, code="daily_quota_exceeded")
    with pytest.raises(RateLimitError) as caught:
        mailer.Emails.send(MAIL)
    assert caught.value.error_type == "daily_quota_exceeded"


@pytest.mark.parametrize(
    "given",
    [
        {"vendor": "notion"},
        {"vendor": "other", "kind": "delay"},
        {"vendor": "notion", "kind": "explode"},
        {"vendor": "notion", "kind": "delay", "secs": 1},
        {"vendor": "notion", "kind": "delay", "seconds": "1"},
        {"vendor": "notion", "kind": "delay", "times": -1},
        {"vendor": "notion", "kind": "delay", "path": 5},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(http: httpx.Client, given: dict[str, Any]) -> None:
    """400 with one sentence, and nothing is switched on."""
    answer = http.post("/_sandbox/faults", json=given)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert http.get("/_sandbox/faults").json() == {"faults": []}


def test_a_rate_limit_answers_429_with_retry_after(sandbox: SandboxHandle, notion: Any, mailer: Any) -> None:
    """In each vendor's form, and only once the burst is used up."""
    sandbox.set_limits(notion={"per_second": 0.01, "burst": 2}, resend={"per_second": 0.01, "burst": 1})
    notion.users.me()
    notion.users.me()
    with pytest.raises(APIResponseError) as refused:
        notion.users.me()
    assert refused.value.code == "rate_limited"
    assert int(refused.value.headers["retry-after"]) > 1
    mailer.Emails.send(MAIL)
    with pytest.raises(RateLimitError) as caught:
        mailer.Emails.send(MAIL)
    assert caught.value.error_type == "rate_limit_exceeded"
    assert int(caught.value.headers["retry-after"]) > 1
    sandbox.set_limits(notion=None, resend=None)
    notion.users.me()


def test_limits_are_the_vendors_own_when_just_switched_on(sandbox: SandboxHandle) -> None:
    """Notion 3 a second, Resend 5."""
    sandbox.set_limits(notion=True, resend=True)
    assert sandbox.state()["limits"] == {
        "notion": {"per_second": 3, "burst": 3},
        "resend": {"per_second": 5, "burst": 5},
    }


def test_the_log_numbers_every_call(sandbox: SandboxHandle, notion: Any, mailer: Any, http: httpx.Client) -> None:
    """With status and fault, without bodies and tokens; counts are by kind of call."""
    sandbox.add_fault("resend", "lost_answer")
    notion.pages.create(parent={"data_source_id": TRACKER_SOURCE_ID}, properties={})
    notion.data_sources.retrieve(TRACKER_SOURCE_ID)
    with pytest.raises(ResendError):
        mailer.Emails.send(MAIL, {"idempotency_key": "k"})
    log = http.get("/_sandbox/calls").json()
    assert [(call["seq"], call["vendor"], call["status"], call["fault"]) for call in log["calls"]] == [
        (1, "notion", 200, None),
        (2, "notion", 200, None),
        (3, "resend", 0, "lost_answer"),
    ]
    assert log["calls"][2]["idempotency_key"] == "k"
    assert log["counts"]["notion GET /v1/data_sources/{id}"] == 1
    assert http.get("/_sandbox/calls?after=2").json()["last"] == 3
    assert "re_sandbox" not in json.dumps(log)
    assert "ann@example.org" not in json.dumps(log)
