"""What ends a sequence before its next email, and how the callers prove who they are."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.world import CALENDLY, RESEND, World

ADDRESS_OF_ONE_CLICK = "/api/v1/main/executions/webhook/christmas/unsubscribe/one-click"


def _enrol_everywhere(world: World, address: str) -> None:
    """The contact is in 5-Day Nurture, No-Show Recovery and Post-Call Maybe."""
    world.hand_in("assessment-handler", {"email": address, "red_systems": 0, "orange_systems": 0})
    world.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "S-1"}, key=CALENDLY)
    world.hand_in("postcall-maybe-handler", {"email": address})


def _statuses(world: World, address: str) -> dict[str, str]:
    return {row["Sequence Type"]: row["Sequence Status"] for row in world.rows(address)}


def _send_due(world: World, row: dict[str, Any], number: int) -> dict[str, Any]:
    world.move(row, {f"Email {number} Scheduled At": datetime.now(UTC) - timedelta(minutes=1)})
    execution = world.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=number)
    return world.end_of(execution)


def _first_mail(world: World, address: str) -> dict[str, Any]:
    """Send the first no-show mail of an address, and return it."""
    assert _send_due(world, world.row(address, "noshow"), 1)["state"]["current"] == "SUCCESS"
    return world.mails(address)[-1]


def test_booking_stops_what_contract_section_7_says(calm: World) -> None:
    """A booked call ends 5-Day and No-Show, and leaves Post-Call alone; the planned emails are skipped."""
    address = "booked@example.org"
    _enrol_everywhere(calm, address)
    calm.hand_in("call-booked-handler", {"event": "invitee.created", "payload": {"email": address}}, key=CALENDLY)
    assert _statuses(calm, address) == {"5day": "stopped", "noshow": "stopped", "postcall": "active"}
    row = calm.row(address, "5day")
    assert row["Stop Reason"] == "booked a call"
    assert {row[f"Email {number} Status"] for number in (2, 3, 4, 5)} == {"skipped"}
    ended = _send_due(calm, row, 2)
    assert ended["state"]["current"] == "SUCCESS"
    assert calm.mails(address) == []


@pytest.mark.parametrize("rescheduled", [True, False])
def test_cancellation_stops_nothing(calm: World, rescheduled: bool) -> None:
    """Neither half of a reschedule nor a real cancellation ends a sequence."""
    address = f"canceled-{rescheduled}@example.org".lower()
    _enrol_everywhere(calm, address)
    body = {"event": "invitee.canceled", "payload": {"email": address, "rescheduled": rescheduled}}
    assert calm.hand_in("call-booked-handler", body, key=CALENDLY)["state"]["current"] == "SUCCESS"
    assert set(_statuses(calm, address).values()) == {"active"}


def test_payment_stops_the_sales_sequences_and_starts_onboarding(calm: World) -> None:
    """Paying ends 5-Day, No-Show and Post-Call; Onboarding goes on."""
    address = "payer@example.org"
    _enrol_everywhere(calm, address)
    calm.hand_in("onboarding-handler", {"email": address, "payment_confirmed": True})
    assert _statuses(calm, address) == {
        "5day": "stopped", "noshow": "stopped", "postcall": "stopped", "onboarding": "active",
    }  # fmt: skip
    _send_due(calm, calm.row(address, "postcall"), 1)
    assert calm.mails(address) == []


@pytest.mark.parametrize(("status", "word"), [("stopped", "skip"), ("held", "hold")])
def test_person_stops_or_holds_a_row_in_notion(calm: World, status: str, word: str) -> None:
    """An edit of Sequence Status is seen by an email that is already scheduled; a held row goes on when active."""
    address = f"{status}@example.org"
    calm.hand_in("postcall-maybe-handler", {"email": address})
    row = calm.row(address, "postcall")
    calm.edit(row["id"], {"Sequence Status": {"select": {"name": status}}})
    ended = _send_due(calm, row, 1)
    assert ended["state"]["current"] == "SUCCESS"
    assert word in calm.logs(ended["id"])
    assert calm.mails(address) == []
    calm.edit(row["id"], {"Sequence Status": {"select": {"name": "active"}}})
    _send_due(calm, row, 1)
    assert calm.numbers(address) == ([1] if status == "held" else [])


def test_unsubscribe_acts_on_post_only_and_twice(calm: World) -> None:
    """GET changes nothing; a mail program's one-click ends all sequences at once; a second one answers the same."""
    address = "leaver@example.org"
    _enrol_everywhere(calm, address)
    link = _first_mail(calm, address)["headers"]["List-Unsubscribe"].strip("<>")
    assert httpx.get(link, timeout=60).is_success
    assert "active" in _statuses(calm, address).values()
    answers = [httpx.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=60) for _ in range(2)]
    for answer in answers:
        assert answer.is_success
        assert "You are unsubscribed" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
    assert set(_statuses(calm, address).values()) == {"stopped"}
    assert calm.contacts(address)[0]["Email Suppressed"] == "unsubscribed"
    calm.hand_in("postcall-maybe-handler", {"email": address, "call_date": "2026-11-30"})
    assert set(_statuses(calm, address).values()) == {"stopped"}
    _send_due(calm, calm.row(address, "noshow"), 2)
    assert len(calm.mails(address)) == 1


def test_page_form_works_without_javascript_and_without_any_row(calm: World) -> None:
    """The form's own fields, or the page's address, bring the token; the contact's rows may be gone."""
    for address, by_form in (("form@example.org", True), ("referer@example.org", False)):
        calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "F-1"}, key=CALENDLY)
        mail = _first_mail(calm, address)
        token = mail["headers"]["List-Unsubscribe"].strip("<>").partition("token=")[2]
        for row in (*calm.sandbox.rows("tracker"), *calm.sandbox.rows("contacts")):
            if address in str(row["properties"]):
                calm.notion("PATCH", f"pages/{row['id']}", {"in_trash": True})
        fields = {
            "List-Unsubscribe": "One-Click",
            **({"token": httpx.URL(f"?token={token}").params["token"]} if by_form else {}),
        }
        headers = {} if by_form else {"Referer": f"https://www.example.org/unsubscribe?token={token}"}
        answer = httpx.post(calm.stack.url + ADDRESS_OF_ONE_CLICK, data=fields, headers=headers, timeout=60)
        assert "You are unsubscribed" in answer.text
        assert calm.contacts(address)[-1]["Email Suppressed"] == "unsubscribed"


def test_page_behind_the_visible_link_posts_to_the_webhook(calm: World) -> None:
    """The link in the mail opens a page whose form needs no script: the page's own address is the token's way."""
    address = "page@example.org"
    calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "P-1"}, key=CALENDLY)
    mail = _first_mail(calm, address)
    link = next(word for word in mail["text"].split() if "/unsubscribe?token=" in word).strip("()")
    page = httpx.get(link)
    assert page.is_success
    assert '<meta name="referrer" content="unsafe-url">' in page.text
    action = re.search(r'<form method="post" action="([^"]+)">', page.text)
    assert action is not None
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    answer = httpx.post(action[1], data=fields, headers={"Referer": link}, timeout=60)
    assert "You are unsubscribed" in answer.text
    assert set(_statuses(calm, address).values()) == {"stopped"}


def test_forged_token_changes_nothing_and_tells_nothing(calm: World) -> None:
    """A forged token ends FAILED, with the same answer whoever it names."""
    address = "victim@example.org"
    _enrol_everywhere(calm, address)
    link = _first_mail(calm, address)["headers"]["List-Unsubscribe"].strip("<>")
    forged = [
        link[:-3] + "AAA",
        f"{calm.stack.url}{ADDRESS_OF_ONE_CLICK}?token=x.y",
        calm.stack.url + ADDRESS_OF_ONE_CLICK,
    ]
    answers = [httpx.post(one, data={"List-Unsubscribe": "One-Click"}, timeout=60) for one in forged]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert address not in answers[0].text
    assert "unsubscribed" not in answers[0].text
    assert calm.contacts(address)[0]["Email Suppressed"] is None
    assert set(_statuses(calm, address).values()) == {"active"}


def test_resend_events_are_recorded_and_suppress(calm: World) -> None:
    """Delivered is recorded; a hard bounce suppresses everywhere; late weaker news does not cover it."""
    address = "bouncer@example.org"
    _enrol_everywhere(calm, address)
    mail = _first_mail(calm, address)
    hook = calm.stack.webhook_url("resend-events", RESEND)

    def deliver(event: str, **more: object) -> None:
        answer = calm.sandbox.deliver_event(mail["id"], event, hook, **more)
        assert answer["status"] == httpx.codes.OK, answer
        ended = calm.end_of(json.loads(answer["body"])["id"])
        assert ended["state"]["current"] == "SUCCESS", calm.logs(ended["id"])

    deliver("delivered")
    assert calm.row(address, "noshow")["Email 1 Delivery"] == "delivered"
    deliver("opened")
    deliver("bounced", data={"bounce": {"type": "Transient", "subType": "General", "message": "full"}})
    assert set(_statuses(calm, address).values()) == {"active"}
    deliver("bounced", data={"bounce": {"type": "Permanent", "subType": "General", "message": "gone"}})
    deliver("delivered")
    assert calm.row(address, "noshow")["Email 1 Delivery"] == "bounced"
    assert set(_statuses(calm, address).values()) == {"stopped"}
    assert calm.contacts(address)[0]["Email Suppressed"] == "bounced"
    deliver("complained")
    assert calm.contacts(address)[0]["Email Suppressed"] == "complained"
    _send_due(calm, calm.row(address, "noshow"), 2)
    assert len(calm.mails(address)) == 1


@pytest.mark.parametrize("case", ["wrong secret", "old", "missing"])
def test_resend_signature_that_is_wrong_or_old_writes_nothing(calm: World, case: str) -> None:
    """A forged or stale event ends FAILED."""
    address = f"{case.split(maxsplit=1)[0]}-signature@example.org"
    calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "R-1"}, key=CALENDLY)
    mail = _first_mail(calm, address)
    hook = calm.stack.webhook_url("resend-events", RESEND)
    if case == "missing":
        body = {"type": "email.complained", "data": {"email_id": mail["id"], "tags": {"enrolment": "x", "email": "1"}}}
        execution = calm.post("resend-events", body, key=RESEND)
    else:
        more: dict[str, object] = (
            {"timestamp_offset_seconds": -3_600} if case == "old" else {"secret": "whsec_d3Jvbmc="}
        )
        answer = calm.sandbox.deliver_event(mail["id"], "complained", hook, **more)
        execution = json.loads(answer["body"])["id"]
    assert calm.end_of(execution)["state"]["current"] == "FAILED"
    assert not calm.row(address, "noshow")["Email 1 Delivery"]
    assert calm.contacts(address)[0]["Email Suppressed"] is None


SIGNING_KEY = "calendly-signing-key-of-the-tests"


def _signed(body: bytes, key: str, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Calendly-Webhook-Signature": f"t={stamp},v1={'0' * 64},v1={digest}"}


def test_calendly_signatures(make_world: Any) -> None:
    """With a signing key, only a right and recent signature over the raw bytes is taken."""
    world: World = make_world({"TESTING_MODE": "false", "CALENDLY_SIGNING_KEY": SIGNING_KEY})
    now = datetime.now(UTC)

    def post(address: str, headers: dict[str, str], body: bytes) -> str:
        execution = world.post("noshow-recovery-handler", key=CALENDLY, content=body, headers=headers)
        state = world.end_of(execution)["state"]["current"]
        assert len(world.rows(address)) == (1 if state == "SUCCESS" else 0), world.logs(execution)
        return str(state)

    def body(address: str) -> bytes:
        return json.dumps({"email": address, "calendly_event_id": "C-1"}, indent=3).encode()

    good = body("signed@example.org")
    assert post("signed@example.org", _signed(good, SIGNING_KEY, now), good) == "SUCCESS"
    for name, headers in {
        "wrong": _signed(body("wrong@example.org"), "another key", now),
        "old": _signed(body("old@example.org"), SIGNING_KEY, now - timedelta(hours=1)),
        "unsigned": {},
    }.items():
        assert post(f"{name}@example.org", headers, body(f"{name}@example.org")) == "FAILED"
    changed = body("changed@example.org")
    assert post("changed@example.org", _signed(changed, SIGNING_KEY, now), changed + b" ") == "FAILED"
