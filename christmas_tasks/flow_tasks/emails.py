"""The three tasks of ``send-email``."""

from christmas_tasks.flow_tasks.door import INFO, Door, Outputs, harmless, say, warn_of_gaps
from christmas_tasks.settings import utc_now
from christmas_tasks.steps import sending
from christmas_tasks.steps.frozen import dump, load
from christmas_tasks.tracker import Action, Decision

_FROZEN = "mail"


def prepare(door: Door) -> Outputs:
    """Decide, and freeze the exact mail."""
    is_first_attempt = door.flag("FIRST_ATTEMPT") and not door.is_replay
    prepared = sending.prepare(
        door.env("ENROLMENT"),
        door.env("ROW"),
        int(door.env("EMAIL_NUMBER")),
        door.settings,
        door.notion,
        utc_now(),
        is_first_attempt=is_first_attempt,
    )
    warn_of_gaps(door)
    door.write_file(_FROZEN, b"" if prepared.frozen is None else dump(prepared.frozen))
    return {
        "send": prepared.decision.action is Action.SEND,
        "first_attempt": is_first_attempt,
        **_decided(prepared.decision, "ready to send"),
    }


def send(door: Door) -> Outputs:
    """Hand the frozen mail over."""
    outcome = sending.send(load(door.bytes_file(_FROZEN)), door.settings, door.notion, door.mailer, utc_now)
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
    row = sending.record(load(door.bytes_file(_FROZEN)), outcome, door.notion, utc_now())
    warn_of_gaps(door)
    say(INFO, "Recorded." if row else "The tracker row is gone: nothing is recorded.")
    return {}


def _decided(decision: Decision, done: str) -> Outputs:
    said = done if decision.action is Action.SEND else decision.action.value
    reason = harmless(decision.reason)
    say(INFO, f"{said}: {reason}" if reason else said)
    return {
        "action": decision.action.value,
        "wait": decision.until is not None,
        "until": decision.until.isoformat() if decision.until else "",
        "reason": reason,
    }
