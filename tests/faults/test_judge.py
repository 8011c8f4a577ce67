"""The judge of a storm finds each kind of broken promise, and nothing where there is none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults import chaos, leads
from tests.faults.judge import Owed, Seen, Verdict, judge
from tests.faults.report import _given_away, _met_by
from tests.faults.storm import Blow

ANN = "ann@example.org"
START = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
MINUTE_S = 6.0

Mails = list[dict[str, Any]]
Row = dict[str, Any]


def mail(number: int, at_s: float) -> dict[str, Any]:
    """A mail of ``postcall`` as the stand-in lists it."""
    tags = [{"name": "sequence", "value": "postcall"}, {"name": "email", "value": str(number)}]
    accepted_at = (START + timedelta(seconds=at_s)).isoformat()
    return {"id": f"id-{number}", "to": [ANN], "tags": tags, "accepted_at": accepted_at}


def good_row() -> Row:
    row: Row = {"Email": ANN, "Sequence Type": "postcall", "Sequence Status": "completed", "Stop Reason": ""}
    for number in (1, 2, 3):
        planned = (START + timedelta(seconds=number * MINUTE_S)).isoformat()
        row |= {f"Email {number} Scheduled At": planned, f"Email {number} Status": "sent"}
        row[f"Email {number} Resend ID"] = f"id-{number}"
    return row


def verdict_of(mails: Mails, rows: list[Row], owed: Owed, contacts: int = 1) -> Verdict:
    return judge([owed], [ANN], Seen(tuple(mails), tuple(rows), ({"email": ANN},) * contacts), MINUTE_S)


def good_mails() -> Mails:
    return [mail(1, 6.2), mail(2, 12.2), mail(3, 18.2)]


def test_a_kept_promise_is_found_kept() -> None:
    assert verdict_of(good_mails(), [good_row()], Owed(ANN, "postcall", START)).lines() == []


def lose_one(mails: Mails, row: Row) -> None:
    del mails[2]
    row["Email 3 Status"] = "scheduled"


def send_twice(mails: Mails, _row: Row) -> None:
    mails.append({**mail(2, 19), "id": "id-2b"})


def send_early(mails: Mails, _row: Row) -> None:
    mails[0] = mail(1, 5.9)


def plan_early(_mails: Mails, row: Row) -> None:
    row["Email 1 Scheduled At"] = (START + timedelta(seconds=5)).isoformat()


def swap(mails: Mails, _row: Row) -> None:
    mails[1:] = [mail(3, 18.2), mail(2, 20)]


def crowd(mails: Mails, _row: Row) -> None:
    mails[1] = mail(2, 17.5)


def say_sent(mails: Mails, _row: Row) -> None:
    del mails[2]


def say_another_id(_mails: Mails, row: Row) -> None:
    row["Email 2 Resend ID"] = "id-9"


def leave_active(_mails: Mails, row: Row) -> None:
    row["Sequence Status"] = "active"


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lose_one, "lost"),
        (send_twice, "double"),
        (send_early, "early"),
        (plan_early, "early"),
        (swap, "order"),
        (crowd, "order"),
        (say_sent, "untrue"),
        (say_another_id, "untrue"),
        (leave_active, "untrue"),
    ],
)
def test_a_broken_promise_is_found(spoil: Callable[[Mails, Row], None], kind: str) -> None:
    mails, row = good_mails(), good_row()
    spoil(mails, row)
    assert getattr(verdict_of(mails, [row], Owed(ANN, "postcall", START)), kind)


def test_rows_and_contacts_are_counted() -> None:
    owed = Owed(ANN, "postcall", START)
    assert verdict_of(good_mails(), [], owed).lost
    assert verdict_of(good_mails(), [good_row(), good_row()], owed).double
    assert verdict_of(good_mails(), [good_row()], owed, contacts=2).double
    assert verdict_of(good_mails(), [good_row()], owed, contacts=0).lost
    assert verdict_of(good_mails(), [good_row()], Owed("bob@example.org", "postcall", START)).double


def stopped_row(status: str = "stopped", reason: str = "paid", third: str = "skipped") -> Row:
    more = {"Sequence Status": status, "Stop Reason": reason, "Email 3 Status": third, "Email 3 Resend ID": ""}
    return {**good_row(), **more}


def test_a_stop_allows_one_mail_in_flight_and_no_more() -> None:
    owed = Owed(ANN, "postcall", START, "paid", START + timedelta(seconds=12))
    mails = good_mails()[:2]
    assert verdict_of(mails, [stopped_row()], owed).lines() == []
    assert verdict_of(mails, [stopped_row(status="active")], owed).stops
    assert verdict_of(mails, [stopped_row(reason="")], owed).untrue
    assert verdict_of(mails, [stopped_row(third="scheduled")], owed).untrue
    assert verdict_of(good_mails(), [good_row()], owed).stops
    late = [mail(1, 6.2), mail(2, 12 + 200)]
    assert verdict_of(late, [stopped_row()], owed).stops
    assert verdict_of(mails, [stopped_row()], Owed(ANN, "postcall", START, "paid", None)).stops


def test_a_seed_draws_the_same_storm_with_everything_in_it() -> None:
    assert chaos.draw(7, 5, 40) == chaos.draw(7, 5, 40)
    assert chaos.draw(7, 5, 40) != chaos.draw(8, 5, 40)
    drawn = chaos.draw(7, 3, 40)
    assert {strike.victim for strike in drawn.strikes} == set(chaos.Victim) - {chaos.Victim.RESTART}
    assert {strike.victim for strike in chaos.draw(7, 8, 40).strikes} == set(chaos.Victim)
    assert {trouble.name for trouble in drawn.troubles} == {
        f"{vendor} {kind}"
        for vendor in ("notion", "resend", "discord")
        for kind in (*chaos.FAULT_KINDS, "limit", "429")
    }
    assert leads.draw(7, 20, 5.0) == leads.draw(7, 20, 5.0)
    assert {lead.flow for lead in leads.draw(7, 20, 5.0)} == {
        "signup-handler",
        "assessment-handler",
        "noshow-recovery-handler",
        "postcall-maybe-handler",
        "onboarding-handler",
    }
    assert {lead.stop for lead in leads.draw(7, 20, 5.0) if lead.stop} == set(leads.Stop)


def test_how_long_a_task_was_left_alone_counts_from_the_last_kill_before() -> None:
    """By the task runs of whole executions; those that ended before a strike, or began after it, need no look."""

    def entry(state: str, at_s: float) -> dict[str, str]:
        return {"state": state, "date": (START + timedelta(seconds=at_s)).isoformat()}

    def blow(victim: chaos.Victim, at_s: float) -> Blow:
        at = START + timedelta(seconds=at_s)
        return Blow(chaos.Strike(victim, chaos.Moment.ANY, 1, 0.0), at, at, is_met=True, running=1)

    def execution(id_: str, *entries: dict[str, str]) -> dict[str, Any]:
        return {
            "id": id_,
            "state": {"histories": [entries[0], entries[-1]]},
            "taskRunList": [{"state": {"histories": entries}}],
        }

    blows = [blow(chaos.Victim.WORKER, 10), blow(chaos.Victim.WORKER, 20), blow(chaos.Victim.TASK, 35)]
    struck = execution("struck", entry("RUNNING", 15), entry("RESUBMITTED", 40), entry("SUCCESS", 50))
    quiet = execution("quiet", entry("RUNNING", 60), entry("SUCCESS", 70))
    assert list(_met_by(blows, [struck, quiet])) == ["struck"]
    assert _given_away(blows, [struck]) == [20.0]
