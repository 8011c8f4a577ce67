"""From planned emails to waiting executions of ``send-email``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class DueEmail:
    """One email that is to have an execution.

    Args:
        enrolment_key: The tracker row's key.
        row_id: Notion's page id.
        number: The email number.
        at: When the execution runs, aware UTC; may be past.
        sequence: For the label.
        segment: For the label.
        is_first_attempt: No other execution can have tried to send it.
    """

    enrolment_key: str
    row_id: str
    number: int
    at: datetime
    sequence: str
    segment: str
    is_first_attempt: bool = False


class Engine(Protocol):
    """What the step needs of Kestra."""

    def waiting_numbers(self, enrolment_key: str, *, overdue: bool) -> frozenset[int]:
        """The email numbers of one enrolment that wait for their date; those whose date is long past if asked for."""
        ...

    def start(self, inputs: Mapping[str, str], labels: Mapping[str, str], at: datetime) -> str:
        """Start ``send-email`` at a time; returns the execution's id."""
        ...


def schedule(
    emails: Sequence[DueEmail], engine: Engine, moment: Callable[[datetime], datetime] = lambda due_at: due_at
) -> tuple[str, ...]:
    """Start an execution for each email that has none waiting. Two calls of Kestra's API for one email.

    Safe to repeat: what waits already is left alone, and an execution too many mails nothing twice.

    Args:
        emails: In any order.
        engine: Kestra.
        moment: When an email that is due then runs: not sooner, and later where too many are due at once.

    Returns:
        Notes for the log.
    """
    notes = []
    # A first attempt is one that no other execution can have made: one that is overdue may still make it.
    overdue = any(email.is_first_attempt for email in emails)
    waiting: dict[str, frozenset[int]] = {}
    for email in emails:
        if email.enrolment_key not in waiting:
            waiting[email.enrolment_key] = engine.waiting_numbers(email.enrolment_key, overdue=overdue)
        if email.number in waiting[email.enrolment_key]:
            notes.append(f"Email {email.number} waits already.")
            continue
        at = moment(email.at)
        execution = engine.start(_inputs(email), _labels(email), at)
        notes.append(f"Email {email.number} waits until {at:%Y-%m-%d %H:%M:%S} UTC as execution {execution}.")
    return tuple(notes)


def _inputs(email: DueEmail) -> dict[str, str]:
    return {
        "enrolment": email.enrolment_key,
        "row": email.row_id,
        "email_number": str(email.number),
        "first_attempt": str(email.is_first_attempt).lower(),
    }


def _labels(email: DueEmail) -> dict[str, str]:
    return {
        "sequence": email.sequence,
        "segment": email.segment,
        "email": str(email.number),
        "enrolment": email.enrolment_key,
    }
