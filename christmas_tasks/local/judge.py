"""Judges what the demonstration has seen at the stand-ins, by the contract's table in ``leads.py``.

Reads nothing itself: everything it judges is in ``Seen``.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from christmas_tasks.local.leads import MINUTE_S, MINUTES, BadBody, Lead, Script

_MOST_AFTER_STOP = 1  # one mail may be between its check and its sending when the stop comes


@dataclass(frozen=True)
class SentMail:
    """One mail that the stand-in of Resend has accepted."""

    to: str
    sequence: str
    number: int
    subject: str
    accepted_at: datetime
    resend_id: str


@dataclass(frozen=True)
class Seen:
    """What is there when the demonstration has ended.

    Args:
        started_at: Before the first webhook, aware UTC.
        stopped_at: When a lead's stop had taken effect, by address.
        mails: Of the stand-in of Resend.
        rows: The tracker's, by their column names.
        contacts: As the sandbox shows them.
        alerts: The messages of the stand-in of Discord.
        refused: The bad bodies, each with the state that its execution ended in.
    """

    started_at: datetime
    stopped_at: dict[str, datetime]
    mails: list[SentMail]
    rows: list[dict[str, Any]]
    contacts: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    refused: list[tuple[BadBody, str]]


@dataclass
class Outcome:
    """What came out of the demonstration.

    Args:
        lines: The table, a row for each email: receiver, segment, sequence, number, planned, sent, subject or state.
        faults: What is wrong; empty: all is well.
        figures: For the closing line.
    """

    lines: list[tuple[str, ...]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)


def judge(plan: Script, seen: Seen, outcome: Outcome) -> None:
    """Add to the outcome a line for each email, and what is wrong with emails, rows, contacts and alerts."""
    sent: dict[tuple[str, str], list[SentMail]] = defaultdict(list)
    for mail in sorted(seen.mails, key=lambda mail: mail.accepted_at):
        sent[mail.to, mail.sequence].append(mail)
    expected: dict[tuple[str, str], Lead] = {(lead.email, lead.sequence): lead for lead in plan.leads if lead.sequence}
    expected |= {
        (lead.email, "onboarding"): Lead("onboarding-handler", lead.email, {}, "onboarding", lead.segment)
        for lead in plan.leads
        if lead.stops == "paid"
    }
    for (address, sequence), lead in expected.items():
        _judge_sequence(lead, sent.pop((address, sequence), []), seen, outcome)
    outcome.faults.extend(f"{address} got mails of {sequence} that nobody planned" for address, sequence in sent)
    for bad, state in seen.refused:
        if state != bad.state:
            outcome.faults.append(f"a bad body to {bad.flow} ended {state}, not {bad.state}")
    _judge_contacts(plan, seen, outcome)
    hot = {lead.email for lead in plan.leads if lead.segment == "CRITICAL" and lead.sequence}
    _judge_alerts(hot, seen, outcome)


def _judge_sequence(lead: Lead, mails: list[SentMail], seen: Seen, outcome: Outcome) -> None:
    who = f"{lead.email} ({lead.sequence})"
    found = [row for row in seen.rows if row["Email"] == lead.email and row["Sequence Type"] == lead.sequence]
    if len(found) != 1:
        outcome.faults.append(f"{who} has {len(found)} tracker rows, not 1")
        return
    row = found[0]
    if row["Segment"] != lead.segment:
        outcome.faults.append(f"{who} is in the segment {row['Segment']}, not {lead.segment}")
    numbers = Counter(mail.number for mail in mails)
    for number, minutes in MINUTES[lead.sequence].items():
        planned_from = seen.started_at - timedelta(seconds=1) + timedelta(seconds=minutes * MINUTE_S)
        mail = next((mail for mail in mails if mail.number == number), None)
        _judge_email(lead, number, planned_from, mail, row, outcome)
        if numbers[number] > 1:
            outcome.faults.append(f"{who} got #{number} {numbers[number]} times")
    if [mail.number for mail in mails] != sorted(mail.number for mail in mails):
        outcome.faults.append(f"{who} got the mails in the wrong order")
    stopped_at = seen.stopped_at.get(lead.email)
    if lead.stops and stopped_at is not None:
        late = [mail for mail in mails if mail.accepted_at > stopped_at]
        if len(late) > _MOST_AFTER_STOP or row["Sequence Status"] != "stopped":
            outcome.faults.append(f"{who} was not stopped: {len(late)} mails after, row {row['Sequence Status']}")


def _judge_email(
    lead: Lead, number: int, planned_from: datetime, mail: SentMail | None, row: dict[str, Any], outcome: Outcome
) -> None:
    who = f"{lead.email} ({lead.sequence}) #{number}"
    planned = datetime.fromisoformat(row[f"Email {number} Scheduled At"])
    status = row[f"Email {number} Status"]
    shown = status if mail is None else mail.subject
    outcome.lines.append(
        (
            lead.email,
            row["Segment"],
            lead.sequence,
            f"#{number}",
            f"{planned:%H:%M:%S}",
            "" if mail is None else f"{mail.accepted_at:%H:%M:%S}",
            shown,
        )
    )
    if planned < planned_from:
        outcome.faults.append(f"{who} was planned too early")
    if mail is None:
        if not lead.stops:
            outcome.faults.append(f"{who} is missing (row: {status})")
        elif status != "skipped":
            outcome.faults.append(f"{who} was not sent, and its row says {status}, not skipped")
        return
    if mail.accepted_at < planned:
        outcome.faults.append(f"{who} went out before its time")
    if status != "sent" or row[f"Email {number} Resend ID"] != mail.resend_id:
        outcome.faults.append(f"{who} went out, but its row says {status}")


def _judge_contacts(plan: Script, seen: Seen, outcome: Outcome) -> None:
    counts = Counter(contact["properties"]["email"] for contact in seen.contacts)
    for address in {lead.email for lead in plan.leads}:
        if counts[address] != 1:
            outcome.faults.append(f"{address} has {counts[address]} contacts, not 1")
    if counts["unpaid@example.org"]:
        outcome.faults.append("an unpaid onboarding has written a contact")


def _judge_alerts(hot: set[str], seen: Seen, outcome: Outcome) -> None:
    told = Counter(
        entry["value"].replace("\\", "")
        for alert in seen.alerts
        for embed in alert["embeds"]
        for entry in embed.get("fields", ())
        if entry["name"] == "Email"
    )
    if told != Counter(hot):
        outcome.faults.append(f"hot-lead alerts went out for {dict(told)}, not once for each of {sorted(hot)}")
