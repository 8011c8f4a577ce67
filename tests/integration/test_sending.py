"""One email: once for ever, whatever is repeated, lost or broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.processes import forked_for
from tests.integration.world import World

GAP = timedelta(hours=6)


def _enrol(world: World, address: str, **more: object) -> dict[str, Any]:
    """Enrol in post-call and return the row."""
    ended = world.hand_in("postcall-maybe-handler", {"email": address, "first_name": "Paul", **more})
    assert ended["state"]["current"] == "SUCCESS", world.logs(ended["id"])
    return world.row(address, "postcall")


def _make_due(world: World, row: dict[str, Any], number: int = 1, ago: timedelta = timedelta(minutes=1)) -> None:
    world.move(row, {f"Email {number} Scheduled At": datetime.now(UTC) - ago})


def _send(world: World, row: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """Start send-email by hand, as reconcile does, and wait for its end."""
    execution = world.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=number)
    return world.end_of(execution)


def test_email_goes_out_once_and_is_recorded(calm: World) -> None:
    """One mail with everything it needs, and a row that says so."""
    row = _enrol(calm, "one@example.org")
    _make_due(calm, row)
    assert _send(calm, row)["state"]["current"] == "SUCCESS"
    (mail,) = calm.mails("one@example.org")
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/unsubscribe/one-click?token=" in mail["headers"]["List-Unsubscribe"]
    for part in (mail["html"], mail["text"]):
        assert calm.stack.setting("UNSUBSCRIBE_PAGE_URL") in part
        assert calm.stack.setting("POSTAL_ADDRESS") in part
    after = calm.row("one@example.org", "postcall")
    assert (after["Email 1 Status"], after["Email 1 Sent By"]) == ("sent", "kestra")
    assert after["Email 1 Resend ID"] == mail["id"]
    assert after["Last Email Sent"] == 1
    assert after["Next Email At"] == after["Email 2 Scheduled At"]
    assert "one@example.org" not in mail["idempotency_key"]


def test_tasks_of_the_engine_are_forked(calm: World) -> None:
    """By the engine's own process, through the shell that Kestra starts."""
    row = _enrol(calm, "forked@example.org")
    _make_due(calm, row)
    fault = calm.sandbox.add_fault("resend", "hang", method="POST", path="/emails")
    execution = calm.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1)
    calm.wait_for(lambda: forked_for(calm.stack.engine.pid), "a forked task")
    calm.sandbox.clear_faults(fault)
    assert calm.end_of(execution)["state"]["current"] == "SUCCESS"
    assert len(calm.mails("forked@example.org")) == 1


def test_email_before_its_time_waits(calm: World) -> None:
    """Started by hand too early, it sends nothing; unless one waits already, a new execution waits for its time."""
    address = "early@example.org"
    row = _enrol(calm, address)
    planned = datetime.fromisoformat(row["Email 1 Scheduled At"])
    early = _send(calm, row)
    assert "not yet due" in calm.logs(early["id"])
    assert "waits already" in calm.logs(early["id"])
    (waiting,) = calm.sends(row["Enrolment Key"], 1)
    calm.api("DELETE", f"executions/{waiting['id']}/actions/kill")
    calm.end_of(waiting["id"])
    _send(calm, row)
    again = [found for found in calm.sends(row["Enrolment Key"], 1) if found["state"]["current"] == "CREATED"]
    assert [datetime.fromisoformat(found["scheduleDate"]) for found in again] == [planned]
    assert calm.mails(address) == []


@pytest.mark.parametrize("task", ["", "prepare", "hand_over", "send", "follow_up", "record"])
def test_replay_from_any_task_mails_nothing_twice(calm: World, task: str) -> None:
    """A finished email may be replayed from its start or from any task."""
    address = f"replay-{task or 'start'}@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row)
    ended = _send(calm, row)
    before = calm.row(address, "postcall")
    again = calm.end_of(calm.replay(ended["id"], task))
    assert again["state"]["current"] == "SUCCESS", calm.logs(again["id"])
    assert calm.numbers(address) == [1]
    assert calm.row(address, "postcall") == before


def test_replay_of_a_handler_enrols_nobody_twice(calm: World) -> None:
    """Replayed from its start or from a task, a handler makes no second row, plan or alert."""
    address = "replayed-handler@example.org"
    first = calm.hand_in("assessment-handler", {"email": address, "red_systems": 2, "orange_systems": 0})
    calm.wait_for(lambda: calm.alerts(address), "the alert")
    row = calm.row(address, "5day")
    for task in ("", "enrol", "schedule", "alert"):
        calm.end_of(calm.replay(first["id"], task))
    calm.wait_until_quiet()
    assert calm.row(address, "5day")["Email 2 Scheduled At"] == row["Email 2 Scheduled At"]
    assert len(calm.sends(row["Enrolment Key"])) == 4
    assert len(calm.alerts(address)) == 1


def test_lost_answer_at_send_mails_once(calm: World) -> None:
    """Resend accepts, the answer gets lost: the repeat with the same key gets the first id."""
    row = _enrol(calm, "lost@example.org")
    _make_due(calm, row)
    calm.sandbox.add_fault("resend", "lost_answer", path="/emails", match="lost@example.org", times=1)
    assert _send(calm, row)["state"]["current"] == "SUCCESS"
    (mail,) = calm.mails("lost@example.org")
    assert calm.row("lost@example.org", "postcall")["Email 1 Resend ID"] == mail["id"]


def test_lost_answer_at_create_makes_one_row(calm: World) -> None:
    """Notion writes the row, the answer gets lost: the repeat finds it."""
    calm.sandbox.add_fault(
        "notion", "lost_answer", method="POST", path="/v1/pages", match="lostrow@example.org", times=2
    )
    row = _enrol(calm, "lostrow@example.org")
    assert len(calm.contacts("lostrow@example.org")) == 1
    assert len(calm.sends(row["Enrolment Key"])) == 3


def test_tracker_that_cannot_be_written_after_a_send_does_not_send_again(calm: World) -> None:
    """The mail counts as sent; the write alone is repeated until it succeeds."""
    address = "unwritten@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row)
    calm.sandbox.add_fault(
        "notion", "status_before", method="PATCH", path=f"/v1/pages/{row['id']}", status=503, times=5
    )
    ended = _send(calm, row)
    assert ended["state"]["current"] == "SUCCESS", calm.logs(ended["id"])
    assert calm.numbers(address) == [1]
    assert calm.row(address, "postcall")["Email 1 Status"] == "sent"


def test_a_lead_that_comes_while_notion_is_down_is_enrolled_once_when_it_is_back(calm: World) -> None:
    """The website gets its 200 at once; the execution says what is wrong, waits, and finishes without anybody."""
    address = "down@example.org"
    fault = calm.sandbox.add_fault("notion", "status_before", status=503)
    execution = calm.post("assessment-handler", {"email": address, "red_systems": 2, "orange_systems": 0})
    calm.wait_for(lambda: calm.state(execution) == "RETRYING", "the first try")
    assert "Notion is in trouble (HTTP 503)" in calm.logs(execution)
    calm.sandbox.clear_faults(fault)
    calm.wait_for(lambda: calm.state(execution) == "SUCCESS", "the next try")
    row = calm.row(address, "5day")
    assert len(calm.sends(row["Enrolment Key"])) == 4
    assert len(calm.contacts(address)) == 1


def test_restart_after_trouble_at_resend_sends_once(calm: World) -> None:
    """Send fails readably once its repeats are used up, the row stays planned; a restart goes on from send."""
    address = "resenddown@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row)
    fault = calm.sandbox.add_fault("resend", "status_after", status=503, path="/emails", match=address)
    failed = _send(calm, row)
    assert failed["state"]["current"] == "FAILED"
    (send,) = (run for run in failed["taskRunList"] if run["taskId"] == "send")
    assert len(send["attempts"]) == 4
    assert "Resend is in trouble" in calm.logs(failed["id"])
    assert calm.row(address, "postcall")["Email 1 Status"] == "scheduled"
    calm.sandbox.clear_faults(fault)
    calm.restart(failed["id"])
    calm.wait_for(lambda: calm.state(failed["id"]) == "SUCCESS", "the restarted execution")
    (mail,) = calm.mails(address)
    assert calm.row(address, "postcall")["Email 1 Resend ID"] == mail["id"]


def test_refused_mail_fails_at_once_and_says_so(calm: World) -> None:
    """A mail that Resend refuses for good is `failed`, with one alert, and without a repeat."""
    address = "refused@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row)
    calm.sandbox.add_fault(
        "resend", "status_before", status=422, code="validation_error", path="/emails", match=address
    )
    ended = _send(calm, row)
    assert ended["state"]["current"] == "FAILED"
    send = next(run for run in ended["taskRunList"] if run["taskId"] == "send")
    assert len(send["attempts"]) == 1
    assert calm.row(address, "postcall")["Email 1 Status"] == "failed"
    calm.wait_for(lambda: calm.alerts(ended["id"]), "the alert")
    assert len(calm.alerts(ended["id"])) == 1


def test_mail_refused_by_a_repeat_fails_and_says_so(calm: World) -> None:
    """The outcome of the last attempt counts, and a repeat is an attempt of the same task run."""
    address = "refusedlater@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row)
    trouble = calm.sandbox.add_fault("resend", "status_before", status=503, path="/emails", match=address)
    execution = calm.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1)
    calm.wait_for(lambda: calm.state(execution) == "RETRYING", "the first attempt's failure")
    calm.sandbox.add_fault(
        "resend", "status_before", status=422, code="validation_error", path="/emails", match=address
    )
    calm.sandbox.clear_faults(trouble)
    ended = calm.end_of(execution)
    assert ended["state"]["current"] == "FAILED", calm.logs(execution)
    assert calm.row(address, "postcall")["Email 1 Status"] == "failed"
    (send,) = (run for run in ended["taskRunList"] if run["taskId"] == "send")
    assert [attempt["state"]["current"] for attempt in send["attempts"]][-2:] == ["FAILED", "SUCCESS"]


def test_missing_template_alerts_on_the_first_day_and_sends_once_after_the_repair(calm: World) -> None:
    """Preflight names the template; the email fails; a replay after the repair sends it once."""
    address = "template@example.org"
    template = calm.template("postcall_maybe_email_1")
    calm.edit(template["id"], {"Status": {"select": {"name": "Draft"}}})
    calm.forget_templates()
    try:
        row = _enrol(calm, address)
        calm.wait_for(lambda: calm.alerts("postcall_maybe_email_1"), "the preflight's alert")
        _make_due(calm, row)
        failed = _send(calm, row)
        assert failed["state"]["current"] == "FAILED"
        assert 'Template "postcall_maybe_email_1"' in calm.logs(failed["id"])
        assert calm.row(address, "postcall")["Email 1 Status"] == "failed"
        assert calm.mails(address) == []
    finally:
        calm.edit(template["id"], {"Status": {"select": {"name": "Active"}}})
    for _ in range(2):
        assert calm.end_of(calm.replay(failed["id"]))["state"]["current"] == "SUCCESS"
    assert calm.numbers(address) == [1]
    assert calm.row(address, "postcall")["Email 1 Status"] == "sent"


def test_late_emails_keep_order_and_gap(calm: World) -> None:
    """After two days of downtime the second mail waits for the first one and the gap."""
    address = "late@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row, 1, timedelta(days=2, hours=1))
    _make_due(calm, row, 2, timedelta(days=1))
    second = _send(calm, row, 2)
    assert "email 1 goes first" in calm.logs(second["id"])
    first = _send(calm, row, 1)
    assert first["state"]["current"] == "SUCCESS", calm.logs(first["id"])
    again = _send(calm, row, 2)
    assert "too soon after the email before it" in calm.logs(again["id"])
    assert calm.numbers(address) == [1]
    sent_at = datetime.fromisoformat(calm.row(address, "postcall")["Email 1 Sent"])

    waiting = [found for found in calm.sends(row["Enrolment Key"], 2) if found["state"]["current"] == "CREATED"]
    assert all(datetime.fromisoformat(found["scheduleDate"]) >= sent_at + GAP for found in waiting)
    assert waiting


def test_email_more_than_seven_days_late_is_skipped(calm: World) -> None:
    """Too late is skipped with the reason in the row, and is no error."""
    address = "toolate@example.org"
    row = _enrol(calm, address)
    _make_due(calm, row, 1, timedelta(days=7, minutes=1))
    assert _send(calm, row)["state"]["current"] == "SUCCESS"
    after = calm.row(address, "postcall")
    assert after["Email 1 Status"] == "skipped"
    assert "7 days late" in after["Stop Reason"]
    assert calm.mails(address) == []
