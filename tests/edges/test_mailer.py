"""The Resend edge on a real stand-in: what is repeated, what fails at once, what the list tells."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import resend

from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.errors import MailRefused, OutcomeUnknown, SetupRefused, VendorUnavailable
from christmas_tasks.mailer import Answer, Mail, Mailer, Trace

KEY = "noshow-0123456789abcdef-1"
MARKER = f"<!-- ref:{KEY} -->"
MAIL = Mail(
    sender="Anna <anna@example.org>",
    to="ann@example.org",
    reply_to="team@example.org",
    subject="Grüße 🎄",
    html=f"<p>Hello</p>{MARKER}",
    text="Hello\n",
    marker=MARKER,
    headers={
        "List-Unsubscribe": "<https://flows.example.org/x>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
    tags={"campaign": "Christmas-2025", "email": "1"},
)


def sends(sandbox: SandboxHandle) -> list[int]:
    """The status of each POST to Resend, in order; 0: no answer."""
    return [call["status"] for call in sandbox.calls() if call["method"] == "POST" and call["vendor"] == "resend"]


def test_a_mail_arrives_whole_with_one_call(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """Every part, the headers, the tags and the key."""
    sent = mailer.send(MAIL, KEY)
    (mail,) = sandbox.mails()
    assert (sent.answer, sent.resend_id) == (Answer.ACCEPTED, mail["id"])
    assert (mail["subject"], mail["html"], mail["text"]) == (MAIL.subject, MAIL.html, MAIL.text)
    assert (mail["to"], mail["reply_to"], mail["idempotency_key"]) == ([MAIL.to], [MAIL.reply_to], KEY)
    assert mail["headers"] == MAIL.headers
    assert {tag["name"]: tag["value"] for tag in mail["tags"]} == MAIL.tags
    assert sends(sandbox) == [200]


def test_the_same_again_gets_the_first_id(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """Same key, same bytes: nothing is sent twice."""
    assert mailer.send(MAIL, KEY) == mailer.send(MAIL, KEY)
    assert len(sandbox.mails()) == 1


def test_other_bytes_with_the_same_key_are_already_accepted(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """409 invalid_idempotent_request: no retry, no new key."""
    mailer.send(MAIL, KEY)
    assert mailer.send(replace(MAIL, subject="Other"), KEY).answer is Answer.ALREADY
    assert (len(sandbox.mails()), sends(sandbox)) == (1, [200, 409])


def test_a_request_still_in_progress_is_waited_for(sandbox: SandboxHandle, make_mailer: Callable[..., Mailer]) -> None:
    """The first call outlasts our timeout; 409 concurrent_idempotent_requests until it is done; one mail."""
    sandbox.add_fault("resend", "hang", path="/emails", times=1)
    with ThreadPoolExecutor() as threads:
        sending = threads.submit(make_mailer(budget_s=20).send, MAIL, KEY)
        deadline = time.monotonic() + 15
        while 409 not in sends(sandbox) and time.monotonic() < deadline:
            pass
        sandbox.clear_faults()
        sent = sending.result()
    (mail,) = sandbox.mails()
    assert sent.resend_id == mail["id"]
    assert 409 in sends(sandbox)


@pytest.mark.parametrize("kind", ["lost_answer", "empty_body", "html_body", "status_after", "disconnect"])
def test_a_lost_or_unreadable_answer_is_repeated_with_the_same_key(
    sandbox: SandboxHandle, mailer: Mailer, kind: str
) -> None:
    """Whether or not the mail was accepted the first time, there is one in the end."""
    sandbox.add_fault("resend", kind, path="/emails", times=1)
    sent = mailer.send(MAIL, KEY)
    (mail,) = sandbox.mails()
    assert sent.resend_id == mail["id"]
    assert len(sends(sandbox)) == 2


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_before_the_write_is_repeated(sandbox: SandboxHandle, mailer: Mailer, status: int) -> None:
    """Two answers of trouble, then success."""
    sandbox.add_fault("resend", "status_before", path="/emails", status=status, times=2)
    assert mailer.send(MAIL, KEY).answer is Answer.ACCEPTED
    assert sends(sandbox) == [status, status, 200]


def test_retry_after_is_obeyed(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """The wait is at least as long as Resend asks for."""
    sandbox.add_fault("resend", "status_before", path="/emails", status=429, retry_after=1, times=1)
    began = time.monotonic()
    mailer.send(MAIL, KEY)
    assert time.monotonic() - began >= 1
    assert sends(sandbox) == [429, 200]


def test_a_retry_after_beyond_the_budget_fails_at_once(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """The task ends by its own readable error, not by being killed."""
    sandbox.add_fault("resend", "status_before", path="/emails", status=429, retry_after=600)
    with pytest.raises(VendorUnavailable, match="rate limit"):
        mailer.send(MAIL, KEY)
    assert sends(sandbox) == [429]


def test_trouble_that_lasts_ends_within_the_budget(sandbox: SandboxHandle, make_mailer: Callable[..., Mailer]) -> None:
    """The outcome is unknown then, and the message says what to do."""
    sandbox.add_fault("resend", "lost_answer", path="/emails")
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="Restart"):
        make_mailer(budget_s=1.5).send(MAIL, KEY)
    assert time.monotonic() - began < 4
    assert len(sandbox.mails()) == 1


def test_a_silent_resend_is_a_timeout(sandbox: SandboxHandle, make_mailer: Callable[..., Mailer]) -> None:
    """No answer at all: the call is given up after its own time."""
    sandbox.add_fault("resend", "hang", path="/emails")
    with pytest.raises(OutcomeUnknown):
        make_mailer(budget_s=1.0).send(MAIL, KEY)
    sandbox.clear_faults()


@pytest.mark.parametrize("quota", ["daily_quota_exceeded", "monthly_quota_exceeded"])
def test_a_used_up_quota_fails_at_once_and_says_so(sandbox: SandboxHandle, mailer: Mailer, quota: str) -> None:
    """Nothing was accepted; a repeat within the budget would not help."""
    sandbox.add_fault("resend", "status_before", path="/emails", status=429, code=quota)
    with pytest.raises(VendorUnavailable, match="quota"):
        mailer.send(MAIL, KEY)
    assert sends(sandbox) == [429]


@pytest.mark.parametrize(
    ("mail", "error", "advice"),
    [
        (replace(MAIL, sender="anna@elsewhere.example.net"), SetupRefused, "EMAIL_FROM"),
        (replace(MAIL, to="ann@test.com"), MailRefused, "for good"),
        (replace(MAIL, subject="Two\nlines"), MailRefused, "for good"),
    ],
)
def test_what_no_repeat_can_mend_fails_at_once(
    sandbox: SandboxHandle, mailer: Mailer, mail: Mail, error: type[Exception], advice: str
) -> None:
    """One call, and a message that names what to do without quoting the mail."""
    with pytest.raises(error, match=advice) as caught:
        mailer.send(mail, KEY)
    assert mail.to not in str(caught.value)
    assert len(sends(sandbox)) == 1
    assert sandbox.mails() == []


def test_a_wrong_key_fails_at_once_and_names_the_setting(
    sandbox: SandboxHandle, make_mailer: Callable[..., Mailer]
) -> None:
    """By name, never by value."""
    with pytest.raises(SetupRefused, match="RESEND_API_KEY") as caught:
        make_mailer(api_key="re_wrong_key").send(MAIL, KEY)
    assert "re_wrong_key" not in str(caught.value)
    assert len(sends(sandbox)) == 1


def test_the_list_finds_a_mail_behind_several_pages(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """Two hundred later mails to others and to the same receiver do not hide it."""
    before = datetime.now(UTC) - timedelta(minutes=10)
    sent = mailer.send(MAIL, KEY)
    _send_others(150)
    mailer.send(replace(MAIL, html="<p>Another of the same person's</p>"), "another")
    found = mailer.look_up(MAIL, before)
    assert (found.trace, found.resend_id) == (Trace.FOUND, sent.resend_id)
    assert found.accepted_at is not None
    assert abs(found.accepted_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert sum(call["method"] == "GET" and call["path"] == "/emails" for call in sandbox.calls()) == 2


def test_the_list_proves_that_a_mail_was_never_sent(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """Only if it reaches back behind the first possible attempt."""
    mailer.send(replace(MAIL, html="<p>Another</p>"), "another")
    sandbox.shift_clock(3_600)
    assert mailer.look_up(MAIL, datetime.now(UTC) + timedelta(minutes=30)).trace is Trace.NEVER_SENT


@pytest.mark.parametrize("others", [0, 3])
def test_a_list_that_ends_too_early_proves_nothing(sandbox: SandboxHandle, mailer: Mailer, others: int) -> None:
    """An older mail may have been dropped from it."""
    _send_others(others)
    assert mailer.look_up(MAIL, datetime.now(UTC) - timedelta(days=2)).trace is Trace.UNKNOWN
    assert len(sandbox.mails()) == others


def test_a_look_up_survives_trouble(sandbox: SandboxHandle, mailer: Mailer) -> None:
    """Reading is repeated like sending."""
    sent = mailer.send(MAIL, KEY)
    sandbox.add_fault("resend", "status_before", method="GET", status=503, times=2)
    assert mailer.look_up(MAIL, datetime.now(UTC) - timedelta(days=1)).resend_id == sent.resend_id


def test_the_domains_are_told_with_their_status(mailer: Mailer) -> None:
    assert mailer.domains() == {"example.org": "verified"}


def _send_others(count: int) -> None:
    batch: list[resend.Emails.SendParams] = [
        {"from": MAIL.sender, "to": [f"other{number}@example.org"], "subject": "Hello", "text": "Hello"}
        for number in range(count)
    ]
    for begin in range(0, count, 100):
        resend.Batch.send(batch[begin : begin + 100])
