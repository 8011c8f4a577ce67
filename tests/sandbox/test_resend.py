"""Sending, listing and moving mails with Resend's own SDK."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from resend.exceptions import (
    InvalidApiKeyError,
    MissingRequiredFieldsError,
    ResendError,
    ValidationError,
)

from christmas_sandbox.sandbox import DEFAULT_RESEND_API_KEY
from christmas_sandbox.testing import SandboxHandle

MAIL: dict[str, Any] = {
    "from": "Coach <coach@example.org>",
    "to": ["ann@example.org"],
    "subject": "Hello",
    "html": "<p>Hello</p>",
    "text": "Hello",
}


def test_an_accepted_mail_is_kept_in_full(sandbox: SandboxHandle, mailer: Any) -> None:
    """The inbox has every part, header and tag of what was sent."""
    extra = {
        "headers": {"List-Unsubscribe": "<https://example.org/u>"},
        "tags": [{"name": "campaign", "value": "christmas-2025"}],
        "reply_to": "reply@example.org",
    }
    sent = mailer.Emails.send({**MAIL, **extra}, {"idempotency_key": "k/1"})
    (mail,) = sandbox.mails()
    assert mail["id"] == sent["id"]
    assert mail["idempotency_key"] == "k/1"
    assert mail["reply_to"] == ["reply@example.org"]
    assert {name: mail[name] for name in MAIL} == MAIL
    assert {name: mail[name] for name in ("headers", "tags")} == {name: extra[name] for name in ("headers", "tags")}


def test_a_mail_can_be_read_back(mailer: Any) -> None:
    """GET gives the parts and the last event."""
    sent = mailer.Emails.send(MAIL)
    read = mailer.Emails.get(sent["id"])
    assert (read["html"], read["last_event"], read["to"]) == ("<p>Hello</p>", "sent", ["ann@example.org"])
    with pytest.raises(ResendError) as caught:
        mailer.Emails.get("nope")
    assert (caught.value.code, caught.value.error_type) == (404, "not_found")


def test_the_list_pages_through_all_mails_newest_first(mailer: Any) -> None:
    """`after` goes to older mails, `before` to newer ones; items have neither bodies nor tags."""
    ids = [mailer.Emails.send({**MAIL, "subject": str(number)})["id"] for number in range(5)]
    first = mailer.Emails.list({"limit": 2})
    assert ([mail["id"] for mail in first["data"]], first["has_more"]) == ([ids[4], ids[3]], True)
    second = mailer.Emails.list({"limit": 3, "after": ids[3]})
    assert ([mail["id"] for mail in second["data"]], second["has_more"]) == ([ids[2], ids[1], ids[0]], False)
    newer = mailer.Emails.list({"limit": 1, "before": ids[1]})
    assert ([mail["id"] for mail in newer["data"]], newer["has_more"]) == ([ids[2]], True)
    assert set(first["data"][0]) == {
        *("id", "to", "from", "created_at", "subject", "bcc", "cc", "reply_to", "last_event", "scheduled_at")
    }


@pytest.mark.parametrize(
    ("change", "code", "name"),
    [
        ({"to": None}, 422, "missing_required_field"),
        ({"subject": ""}, 422, "missing_required_field"),
        ({"html": None, "text": None}, 422, "missing_required_field"),
        ({"to": "no address"}, 422, "validation_error"),
        ({"to": ["ann@example.org", "b@"]}, 422, "validation_error"),
        ({"to": ["ann@example.org\r\nBcc: x@example.org"]}, 422, "validation_error"),
        ({"to": [f"a{number}@example.org" for number in range(51)]}, 422, "validation_error"),
        ({"to": "ann@example.com"}, 422, "validation_error"),
        ({"cc": "ann@test.com"}, 422, "validation_error"),
        ({"from": "coach"}, 422, "validation_error"),
        ({"from": "coach@elsewhere.example.net"}, 403, "validation_error"),
        ({"subject": "Hello\nworld"}, 422, "validation_error"),
        ({"tags": [{"name": "a.b", "value": "c"}]}, 422, "validation_error"),
        ({"tags": [{"name": "a", "value": "ann@example.org"}]}, 422, "validation_error"),
        ({"tags": [{"name": "a", "value": "c" * 257}]}, 422, "validation_error"),
        ({"tags": {"a": "b"}}, 422, "validation_error"),
        ({"headers": {"X-A": "b\r\nc"}}, 422, "validation_error"),
        ({"scheduled_at": "tomorrow-ish"}, 422, "validation_error"),
        ({"html": 5}, 422, "validation_error"),
    ],
)
def test_a_wrong_mail_is_refused(
    sandbox: SandboxHandle, mailer: Any, change: dict[str, Any], code: int, name: str
) -> None:
    """In Resend's error form, and nothing is accepted."""
    with pytest.raises(ResendError) as caught:
        mailer.Emails.send({**MAIL, **change})
    assert (caught.value.code, caught.value.error_type) == (code, name)
    assert sandbox.mails() == []


def test_errors_come_as_the_sdks_own_types(mailer: Any) -> None:
    """Missing fields, validation and a wrong key are told apart."""
    with pytest.raises(MissingRequiredFieldsError):
        mailer.Emails.send({**MAIL, "to": None})
    with pytest.raises(ValidationError):
        mailer.Emails.send({**MAIL, "to": "x"})
    mailer.api_key = "re_other"
    with pytest.raises(InvalidApiKeyError):
        mailer.Emails.send(MAIL)


def test_a_missing_key_is_told_so(http: httpx.Client) -> None:
    """401 `missing_api_key`."""
    answer = http.post("/emails", json=MAIL)
    assert (answer.status_code, answer.json()["name"]) == (401, "missing_api_key")


def test_a_batch_sends_all_or_nothing(sandbox: SandboxHandle, mailer: Any) -> None:
    """One wrong mail refuses a strict batch; a permissive one names it and sends the others."""
    wrong = {**MAIL, "to": "x"}
    with pytest.raises(ResendError):
        mailer.Batch.send([MAIL, wrong])
    assert sandbox.mails() == []
    answer = mailer.Batch.send([MAIL, wrong, MAIL], {"batch_validation": "permissive"})
    assert len(answer["data"]) == len(sandbox.mails()) == 2
    assert answer["errors"][0]["index"] == 1
    with pytest.raises(ResendError):
        mailer.Batch.send([MAIL] * 101)


def test_a_scheduled_mail_waits_moves_and_can_be_canceled(sandbox: SandboxHandle, mailer: Any) -> None:
    """It is `scheduled` until its time, then `sent`; after that it can't be moved."""
    at = datetime.now(UTC) + timedelta(hours=2)
    sent = mailer.Emails.send({**MAIL, "scheduled_at": at.isoformat()})
    assert sandbox.mails()[0]["last_event"] == "scheduled"
    mailer.Emails.update({"id": sent["id"], "scheduled_at": (at + timedelta(hours=2)).isoformat()})
    sandbox.shift_clock(3 * 3600)
    assert mailer.Emails.get(sent["id"])["last_event"] == "scheduled"
    sandbox.shift_clock(5 * 3600)
    assert mailer.Emails.get(sent["id"])["last_event"] == "sent"
    with pytest.raises(ResendError):
        mailer.Emails.cancel(sent["id"])
    sandbox.shift_clock(0)
    mailer.Emails.cancel(sent["id"])
    assert mailer.Emails.get(sent["id"])["last_event"] == "canceled"


def test_the_senders_domain_is_verified(mailer: Any) -> None:
    """The check of a health flow finds it by list and by id."""
    (domain,) = mailer.Domains.list()["data"]
    assert (domain["name"], domain["status"]) == ("example.org", "verified")
    assert mailer.Domains.get(domain["id"])["status"] == "verified"


def test_every_answer_tells_the_rate(http: httpx.Client) -> None:
    """The three `ratelimit-*` headers, on refusals too."""
    for key in (DEFAULT_RESEND_API_KEY, "re_other"):
        answer = http.get("/emails", headers={"authorization": f"Bearer {key}"})
        assert {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"} <= set(answer.headers)
