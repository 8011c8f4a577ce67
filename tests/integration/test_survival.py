"""Kills, losses and downtime: nothing is lost and nothing is doubled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from christmas_tasks.cli import app
from tests.integration.world import World

MakeWorld = Callable[..., World]


def test_after_a_kill_and_two_days_of_downtime_all_goes_out_once_with_the_gap(make_world: MakeWorld) -> None:
    """One person's mail was accepted, not recorded; another's are all late: one goes out, the rest wait for the gap."""
    world = make_world({"TESTING_MINUTE_SECONDS": "6"})
    struck, late = "killed@example.org", "downtime@example.org"
    world.hand_in("postcall-maybe-handler", {"email": struck})
    row = world.row(struck, "postcall")
    fault = world.sandbox.add_fault("notion", "hang", method="PATCH", path=f"/v1/pages/{row['id']}")
    world.hand_in("postcall-maybe-handler", {"email": late})
    world.wait_for(lambda: world.numbers(struck) == [1], "the first mail")
    world.stack.engine.kill()
    world.sandbox.clear_faults(fault)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    times = {f"Email {number} Scheduled At": long_ago + timedelta(minutes=number) for number in (1, 2, 3)}
    world.move(world.row(late, "postcall"), times)
    world.stack.engine.start()
    for address in (struck, late):
        world.wait_for_numbers(address, [1, 2, 3])
    world.wait_until_quiet()
    for address in (struck, late):
        after = world.row(address, "postcall")
        assert after["Sequence Status"] == "completed"
        ids = {mail["number"]: mail["id"] for mail in world.mails(address)}
        assert {number: after[f"Email {number} Resend ID"] for number in (1, 2, 3)} == ids
    accepted = [datetime.fromisoformat(mail["accepted_at"]) for mail in world.mails(late)]
    gap = timedelta(seconds=1)
    assert all(later - earlier >= gap for earlier, later in pairwise(accepted))


def test_kill_during_enrolment_enrols_once(make_world: MakeWorld) -> None:
    """The engine dies while the row is being created; after the restart there is one row with its whole plan."""
    world = make_world({"TESTING_MODE": "false"})
    address = "killedrow@example.org"
    fault = world.sandbox.add_fault("notion", "hang", method="POST", path="/v1/pages", match="5-Day Nurture")
    execution = world.post("assessment-handler", {"email": address, "red_systems": 2, "orange_systems": 0})
    world.wait_for(lambda: _is_hit(world, fault), "the held creation")
    world.stack.engine.kill()
    world.sandbox.clear_faults(fault)
    world.stack.engine.start()
    assert world.end_of(execution)["state"]["current"] == "SUCCESS", world.logs(execution)
    row = world.row(address, "5day")
    numbers = {
        int(label["value"])
        for found in world.sends(row["Enrolment Key"])
        for label in found["labels"]
        if label["key"] == "email"
    }
    assert numbers == {2, 3, 4, 5}
    assert len(world.contacts(address)) == 1
    assert len(world.alerts(address)) == 1


def _is_hit(world: World, fault: int) -> bool:
    return any(found["id"] == fault and found["hits"] for found in world.sandbox.state()["faults"])


def test_overdue_email_without_execution_is_sent_by_reconcile(calm: World) -> None:
    """What was planned and has no execution goes out once, even with two reconciles at the same time."""
    address = "overdue@example.org"
    calm.hand_in("postcall-maybe-handler", {"email": address})
    row = calm.row(address, "postcall")
    for found in calm.sends(row["Enrolment Key"]):
        calm.api("DELETE", f"executions/{found['id']}/actions/kill", params={"isOnKillCascade": "false"})
        calm.end_of(found["id"])
    calm.move(row, {"Email 1 Scheduled At": datetime.now(UTC) - timedelta(days=2)})
    runs = [calm.start("reconcile") for _ in range(2)]
    for run in runs:
        assert calm.end_of(run)["state"]["current"] == "SUCCESS", calm.logs(run)
    calm.wait_until_quiet()
    assert calm.numbers(address) == [1]
    assert calm.row(address, "postcall")["Email 1 Status"] == "sent"


def test_unknown_outcome_past_24_hours_is_looked_up(calm: World) -> None:
    """A mail that was accepted two days ago and never recorded is found at Resend, and not sent again."""
    address = "unrecorded@example.org"
    calm.hand_in("postcall-maybe-handler", {"email": address})
    row = calm.row(address, "postcall")
    calm.move(row, {"Email 1 Scheduled At": datetime.now(UTC) - timedelta(days=2)})
    calm.sandbox.shift_clock(-2 * 86_400 + 60)
    fault = calm.sandbox.add_fault("notion", "status_before", method="PATCH", path=f"/v1/pages/{row['id']}", status=400)
    first = calm.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1)
    calm.end_of(first)
    calm.sandbox.clear_faults(fault)
    calm.sandbox.shift_clock(0)
    assert calm.numbers(address) == [1]
    assert calm.row(address, "postcall")["Email 1 Status"] == "scheduled"
    second = calm.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1)
    assert calm.end_of(second)["state"]["current"] == "SUCCESS", calm.logs(second)
    assert calm.numbers(address) == [1]
    after = calm.row(address, "postcall")
    assert after["Email 1 Resend ID"] == calm.mails(address)[0]["id"]


def test_what_cannot_be_settled_is_unresolved_until_a_person_settles_it(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resend's list ends too early to tell: nothing is sent, one alert; one command settles it."""
    world = make_world({"TESTING_MODE": "false"})
    address = "unresolved@example.org"
    world.hand_in("postcall-maybe-handler", {"email": address})
    row = world.row(address, "postcall")
    world.move(row, {"Email 1 Scheduled At": datetime.now(UTC) - timedelta(days=2)})
    execution = world.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1)
    assert world.end_of(execution)["state"]["current"] == "FAILED"
    assert world.mails(address) == []
    assert world.row(address, "postcall")["Email 1 Status"] == "unresolved"
    world.wait_for(lambda: world.alerts(execution), "the alert")
    assert len(world.alerts("unresolved")) == 1

    settings = ("NOTION_TOKEN", "NOTION_CONTACTS_DB_ID", "NOTION_TEMPLATES_DB_ID", "NOTION_EMAIL_SEQUENCE_DB_ID")
    for name in (*settings, "NOTION_BASE_URL", "CHRISTMAS_CACHE_DIR"):
        monkeypatch.setenv(name, world.stack.setting(name))
    settled = CliRunner().invoke(app, ["settle", row["Enrolment Key"], "1", "--not-sent"])
    assert settled.exit_code == 0, settled.output
    again = world.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1)
    assert world.end_of(again)["state"]["current"] == "SUCCESS", world.logs(again)
    assert world.numbers(address) == [1]
