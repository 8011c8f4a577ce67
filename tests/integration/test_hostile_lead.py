"""The hostile lead: every text field holds what would do harm if anything read it as more than text."""

from html import escape
from typing import Any

from christmas_tasks.settings import REQUIRED_SECRETS
from tests.integration.world import CALENDLY, World

PARTS = (
    "{{ secret('RESEND_API_KEY') }}",
    "{{ 7*7 }}",
    "{% raw %}",
    "'single' \"double\" \\back\\slash",
    "</script><img src=x onerror=alert(1)>",
    '"); import os #',
    "@everyone **bold** \U0001f384",
)
HOSTILE = " ".join(PARTS) + "\n" + "x" * 2_700
ONE_LINE = HOSTILE.replace("\n", " ")
TEXT_FIELDS = (
    *("first_name", "last_name", "business_name", "name", "source", "weakest_system_1", "weakest_system_2"),
    *("strongest_system", "email_1_status", "email_1_sent_at", "call_date", "interest_level", "call_outcome"),
    *("call_notes", "follow_up_priority", "payment_date", "payment_amount", "package_type", "portal_url"),
    *("diagnostic_call_date", "salon_address", "start_date", "scheduled_time", "event_type", "reschedule_url"),
    *("calendly_event_id", "unknown_field"),
)


def _body(address: str, **more: object) -> dict[str, Any]:
    return {**dict.fromkeys(TEXT_FIELDS, HOSTILE), "objections": [HOSTILE], "email": address, **more}


def _everything_about(world: World) -> str:
    """All that anybody can look at afterwards: executions, outputs, logs, rows, mails, alerts."""
    seen: list[Any] = [world.sandbox.rows("tracker"), world.sandbox.rows("contacts"), world.sandbox.discord()]
    seen.append(world.sandbox.mails())
    for found in world.executions():
        execution = world.execution(found["id"])
        seen.append(execution)
        seen.append(world.logs(found["id"]))
        seen.extend(
            world.api("GET", f"outputs/tasks/{execution['id']}/{run['id']}")
            for run in execution.get("taskRunList") or ()
            if run["state"]["current"] == "SUCCESS"
        )
    return str(seen)


def test_hostile_text_goes_through_everything_as_plain_text(fast: World) -> None:
    """Signup, assessment, every email, tracker and alert hold it literally, and nothing has evaluated it."""
    address = "hostile@example.org"
    signup = fast.hand_in("signup-handler", _body(address))
    assessment = fast.hand_in("assessment-handler", _body(address, red_systems=2, orange_systems=0))
    assert (signup["state"]["current"], assessment["state"]["current"]) == ("SUCCESS", "SUCCESS")
    fast.wait_for_numbers(address, [2, 3, 4, 5])
    fast.wait_until_quiet()

    contact, row = fast.contacts(address)[0], fast.row(address, "5day")
    assert contact["first_name"] == contact["last_name"] == contact["business_name"] == ONE_LINE
    assert row["First Name"] == row["Business Name"] == ONE_LINE
    assert row["Sequence Status"] == "completed"
    for mail in fast.mails(address):
        assert "\n" not in mail["subject"]
        assert escape(ONE_LINE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in mail["html"]
        assert "<img src=x" not in mail["html"]
        assert ONE_LINE in mail["text"]
    assert len(fast.alerts(address)) == 1
    seen = _everything_about(fast)
    assert "x" * 2_700 in seen
    for secret in REQUIRED_SECRETS:
        if not secret.endswith("_DB_ID"):
            assert fast.stack.setting(secret) not in seen, secret


def test_hostile_text_goes_through_the_other_handlers(fast: World) -> None:
    """No-show, post-call and onboarding keep it literally, and drop links that are none."""
    address = "hostile2@example.org"
    for flow, key, sequence in (
        ("noshow-recovery-handler", CALENDLY, "noshow"),
        ("postcall-maybe-handler", "WEBSITE_WEBHOOK_KEY", "postcall"),
        ("onboarding-handler", "WEBSITE_WEBHOOK_KEY", "onboarding"),
    ):
        ended = fast.hand_in(flow, _body(address, payment_confirmed=True), key=key)
        assert ended["state"]["current"] == "SUCCESS", fast.logs(ended["id"])
        row = fast.row(address, sequence)
        assert row["First Name"] == ONE_LINE
        assert not row["Reschedule URL"]
    fast.wait_for_numbers(address, [1, 2, 3], "onboarding")
    fast.wait_until_quiet()
    assert "49" not in {word for mail in fast.mails(address) for word in mail["subject"].split()}
    assert any(ONE_LINE in mail["text"] for mail in fast.mails(address))
