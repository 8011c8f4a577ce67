"""The three tasks of ``send-email``."""

from dataclasses import replace

from christmas_tasks.decisions import Action, Decision
from christmas_tasks.errors import MailRefused, TemplateFault
from christmas_tasks.flow_tasks import metrics
from christmas_tasks.flow_tasks.door import Door, Outputs, harmless, warn_of_gaps
from christmas_tasks.flow_tasks.protocol import Level, say
from christmas_tasks.settings import utc_now
from christmas_tasks.steps import sending
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.schedule import DueEmail
from christmas_tasks.steps.schedule import schedule as start_all
from christmas_tasks.tracker import TrackerRow

_FROZEN, _EMAILS = "mail", "emails"


def schedule(door: Door) -> Outputs:
    """Any flow: start an execution of ``send-email`` for each email that an earlier task has written down."""
    emails = load(door.bytes_file(_EMAILS), tuple[DueEmail, ...])
    if door.is_replay:
        # What was nobody's attempt yet when it was planned may have been sent since.
        emails = tuple(replace(email, is_first_attempt=False) for email in emails)
    for note in start_all(emails, door.engine, door.email_slots.take):
        say(Level.INFO, note)
    for email in emails:
        metrics.email(email.enrolment_key, email.number, "scheduled")
    return {}


def prepare(door: Door) -> Outputs:
    """Decide, and freeze the exact mail."""
    is_first_attempt = door.flag("FIRST_ATTEMPT") and not door.is_replay
    key, number = door.env("ENROLMENT"), int(door.env("EMAIL_NUMBER"))
    try:
        prepared = sending.prepare(
            key, door.env("ROW"), number, door.settings, door.notion, utc_now(), is_first_attempt=is_first_attempt
        )
    except TemplateFault:
        metrics.email(key, number, "failed")
        raise
    if prepared.decision.action is Action.SKIP:
        metrics.email(key, number, "skipped")
    warn_of_gaps(door)
    door.write_file(_FROZEN, b"" if prepared.frozen is None else dump(prepared.frozen))
    _write_next(door, prepared.decision, prepared.row, is_first_attempt=is_first_attempt)
    return {
        "send": prepared.decision.action is Action.SEND,
        **_decided(prepared.decision, "ready to send"),
    }


def send(door: Door) -> Outputs:
    """Hand the frozen mail over."""
    frozen = load(door.bytes_file(_FROZEN), sending.FrozenMail)
    try:
        outcome = sending.send(frozen, door.settings, door.notion, door.mailer, utc_now, is_replay=door.is_replay)
    except MailRefused:
        metrics.email(frozen.row.key, frozen.number, "failed")
        raise
    _count(frozen, outcome)
    _write_next(door, outcome.decision, frozen.row, is_first_attempt=False)
    return {
        "record": outcome.decision.action is Action.SEND,
        "resend_id": outcome.resend_id,
        "accepted_at": outcome.accepted_at.isoformat() if outcome.accepted_at else "",
        **_decided(outcome.decision, "accepted by Resend" if outcome.resend_id else "outcome unknown"),
    }


def record(door: Door) -> Outputs:
    """Write down what send has come to."""
    accepted_at = door.instant("ACCEPTED_AT") if door.env("ACCEPTED_AT") else None
    outcome = sending.SendOutcome(Decision(Action.SEND), door.env("RESEND_ID"), accepted_at)
    frozen = load(door.bytes_file(_FROZEN), sending.FrozenMail)
    row = sending.record(frozen, outcome, door.notion, utc_now(), is_replay=door.is_replay)
    warn_of_gaps(door)
    say(Level.INFO, "Recorded." if row else "The tracker row is gone: nothing is recorded.")
    return {}


def _count(frozen: sending.FrozenMail, outcome: sending.SendOutcome) -> None:
    if outcome.decision.action is Action.SKIP:
        metrics.email(frozen.row.key, frozen.number, "skipped")
    if outcome.decision.action is not Action.SEND:
        return
    metrics.email(frozen.row.key, frozen.number, "sent" if outcome.resend_id else "unresolved")
    planned_at = frozen.row.email(frozen.number).scheduled_at
    if outcome.accepted_at and planned_at:
        metrics.lateness(frozen.row.key, outcome.accepted_at - planned_at)


def _write_next(door: Door, decision: Decision, row: TrackerRow | None, *, is_first_attempt: bool) -> None:
    emails: tuple[DueEmail, ...] = ()
    if decision.until is not None and row is not None:
        number = int(door.env("EMAIL_NUMBER"))
        emails = (
            DueEmail(
                row.key, row.row_id, number, decision.until, row.sequence.value, row.segment.value, is_first_attempt
            ),
        )
    door.write_file(_EMAILS, dump(emails))


def _decided(decision: Decision, done: str) -> Outputs:
    said = done if decision.action is Action.SEND else decision.action.value
    reason = harmless(decision.reason)
    say(Level.INFO, f"{said}: {reason}" if reason else said)
    return {
        "action": decision.action.value,
        "schedule": decision.until is not None,
        "reason": reason,
    }
