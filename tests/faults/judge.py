"""Judges a run from outside: mails and rows of the stand-ins, states of executions, the words of the contract.

Nothing here asks the library. Times and numbers are the contract's table in ``christmas_tasks.local.leads``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from christmas_tasks.local.leads import MINUTES

# A mail that is already between its check and its sending when a stop comes: the frozen mail is fresh for 60 seconds,
# and the call that carries it may take the client's 15 and the vendor's own delay on top.
_IN_FLIGHT = timedelta(seconds=60 + 15 + 15)


@dataclass(frozen=True)
class Owed:
    """One enrolment that was answered with 200.

    Args:
        address: Whose.
        sequence: Which.
        anchor: The earliest instant that its times can count from, aware UTC.
        stop: The reason that its row must show; empty: it goes to the end.
        stopped_at: When the stop's execution had ended, aware UTC.
    """

    address: str
    sequence: str
    anchor: datetime
    stop: str = ""
    stopped_at: datetime | None = None


@dataclass(frozen=True)
class Seen:
    """What the stand-ins have: mails as they were accepted, rows by their column names."""

    mails: tuple[Mapping[str, Any], ...]
    rows: tuple[Mapping[str, Any], ...]
    contacts: tuple[Mapping[str, Any], ...]


@dataclass
class Verdict:
    """What is wrong, by kind, a line each; all empty: the promise was kept."""

    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Everything as lines, each with its kind."""
        return [f"{kind}: {line}" for kind, found in vars(self).items() for line in found]


def judge(owed: Iterable[Owed], addresses: Iterable[str], seen: Seen, minute_s: float) -> Verdict:
    """Hold what was seen against what is owed.

    Args:
        owed: Every enrolment.
        addresses: Every lead's; each must be one contact.
        seen: At the end.
        minute_s: Seconds of a testing minute.
    """
    verdict = Verdict()
    mails: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for mail in sorted(seen.mails, key=lambda mail: str(mail["accepted_at"])):
        mails[mail["to"][0], _tag(mail, "sequence")].append(mail)
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in seen.rows:
        rows[row["Email"], row["Sequence Type"]].append(row)
    for one in owed:
        key = (one.address, one.sequence)
        _judge_enrolment(one, mails.pop(key, []), rows.pop(key, []), minute_s, verdict)
    verdict.double.extend(f"{address} got mails of {sequence} that nobody planned" for address, sequence in mails)
    verdict.double.extend(f"{address} has a row of {sequence} that nobody asked for" for address, sequence in rows)
    counts = Counter(str(contact["email"]) for contact in seen.contacts)
    for address in set(addresses):
        if counts[address] != 1:
            (verdict.double if counts[address] else verdict.lost).append(f"{address} has {counts[address]} contacts")
    return verdict


def _judge_enrolment(
    owed: Owed, mails: list[Mapping[str, Any]], rows: list[Mapping[str, Any]], minute_s: float, verdict: Verdict
) -> None:
    who = f"{owed.address} ({owed.sequence})"
    if len(rows) != 1:
        (verdict.double if rows else verdict.lost).append(f"{who} has {len(rows)} rows")
        return
    row = rows[0]
    by_number: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for mail in mails:
        by_number[int(_tag(mail, "email"))].append(mail)
    for number, minutes in MINUTES[owed.sequence].items():
        sent = by_number.pop(number, [])
        if len(sent) > 1:
            verdict.double.append(f"{who} #{number} went out {len(sent)} times")
        due_at = owed.anchor + timedelta(seconds=minutes * minute_s)
        _judge_email(f"{who} #{number}", number, due_at, sent, row, verdict, is_stopped=bool(owed.stop))
    verdict.double.extend(f"{who} #{number} was never planned" for number in by_number)
    _judge_order(who, mails, timedelta(seconds=minute_s / 6), verdict)
    _judge_end(owed, who, mails, row, verdict)


def _judge_email(
    who: str,
    number: int,
    due_at: datetime,
    sent: list[Mapping[str, Any]],
    row: Mapping[str, Any],
    verdict: Verdict,
    *,
    is_stopped: bool,
) -> None:
    status, resend_id = row[f"Email {number} Status"], row[f"Email {number} Resend ID"]
    planned = datetime.fromisoformat(row[f"Email {number} Scheduled At"])
    if planned < due_at:
        verdict.early.append(f"{who} is planned for {planned}, due at {due_at}")
    for mail in sent:
        if _accepted(mail) < max(planned, due_at):
            verdict.early.append(f"{who} went out at {_accepted(mail)}, planned for {planned}, due at {due_at}")
        if status != "sent" or resend_id != mail["id"]:
            verdict.untrue.append(f"{who} went out as {mail['id']}, its row says {status} {resend_id}")
    if sent:
        return
    if status == "sent":
        verdict.untrue.append(f"{who} never went out, its row says sent as {resend_id}")
    if not is_stopped:
        verdict.lost.append(f"{who} never went out, its row says {status} ({row['Stop Reason']})")
    elif status != "skipped" or not row["Stop Reason"]:
        verdict.untrue.append(f"{who} was stopped, its row says {status} ({row['Stop Reason']})")


def _judge_order(who: str, mails: list[Mapping[str, Any]], gap: timedelta, verdict: Verdict) -> None:
    for earlier, later in pairwise(mails):
        first, second = int(_tag(earlier, "email")), int(_tag(later, "email"))
        if first > second:
            verdict.order.append(f"{who} #{second} went out after #{first}")
        if _accepted(later) - _accepted(earlier) < gap and first != second:
            between = _accepted(later) - _accepted(earlier)
            verdict.order.append(f"{who} #{second} went out {between} after #{first}, the gap is {gap}")


def _judge_end(owed: Owed, who: str, mails: list[Mapping[str, Any]], row: Mapping[str, Any], verdict: Verdict) -> None:
    status = row["Sequence Status"]
    all_sent = len({_tag(mail, "email") for mail in mails}) == len(MINUTES[owed.sequence])
    if not owed.stop:
        if status != "completed":
            verdict.untrue.append(f"{who} is {status}, not completed")
        return
    if status != "stopped" and not (all_sent and status == "completed"):
        verdict.stops.append(f"{who} is {status}, not stopped")
    if owed.stopped_at is None:
        verdict.stops.append(f"{who}: no execution has carried out its stop")
        return
    late = [mail for mail in mails if _accepted(mail) > owed.stopped_at]
    if len(late) > 1 or any(_accepted(mail) - owed.stopped_at > _IN_FLIGHT for mail in late):
        verdict.stops.append(f"{who} got {len(late)} mails after its stop, the last at {_accepted(late[-1])}")


def _accepted(mail: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(mail["accepted_at"]))


def _tag(mail: Mapping[str, Any], name: str) -> str:
    return next(str(tag["value"]) for tag in mail["tags"] if tag["name"] == name)
