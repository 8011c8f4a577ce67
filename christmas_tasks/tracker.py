"""The tracker row of an enrolment: its columns as data, and what it still owes. Pure.

Changes are ``{column: value}`` with the contract's column names; the ``notion`` modules know how to write them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from christmas_tasks.errors import NotPlanned
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES, Sequence

EMAIL_NUMBERS = range(1, 6)

Value = str | float | datetime | None
Changes = Mapping[str, Value]
Variables = Mapping[str, str | float]


class EmailStatus(StrEnum):
    """``Email N Status``."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNRESOLVED = "unresolved"


class SentBy(StrEnum):
    """``Email N Sent By``."""

    WEBSITE = "website"
    KESTRA = "kestra"


class SequenceStatus(StrEnum):
    """``Sequence Status``."""

    ACTIVE = "active"
    HELD = "held"
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class EmailState:
    """What the tracker says of one email number."""

    number: int
    scheduled_at: datetime | None = None
    status: EmailStatus | None = None
    sent_at: datetime | None = None
    sent_by: SentBy | None = None
    resend_id: str = ""
    delivery: str = ""

    @property
    def is_pending(self) -> bool:
        """Planned, and without an end."""
        return self.scheduled_at is not None and self.status in {None, EmailStatus.SCHEDULED}


@dataclass(frozen=True)
class TrackerRow:
    """One enrolment as the tracker holds it (contract section 8).

    Args:
        row_id: Notion's page id; empty before the row is created.
        key: ``Enrolment Key``.
        emails: One state for each number that the row knows, in number order.
        variables: The personal data of the mails, flat.
        campaign: ``Campaign``.
        started_at: Receipt of the webhook, aware UTC.
    """

    row_id: str
    key: str
    address: str
    sequence: Sequence
    segment: Segment = Segment.OPTIMIZE
    status: SequenceStatus = SequenceStatus.ACTIVE
    stop_reason: str = ""
    emails: tuple[EmailState, ...] = ()
    variables: Variables = field(default_factory=lambda: MappingProxyType({}))
    campaign: str = ""
    started_at: datetime | None = None

    def email(self, number: int) -> EmailState:
        """The state of one number.

        Raises:
            NotPlanned: Kestra doesn't send it, or it was never planned for this enrolment.
        """
        if RULES[self.sequence].rule(number) is None:
            raise NotPlanned(f"Email {number} of {self.sequence.value} is not Kestra's to send.")
        state = next((state for state in self.emails if state.number == number), None)
        if state is None or (state.scheduled_at is None and state.status is None):
            raise NotPlanned(f"Email {number} of enrolment {self.key} was never planned.")
        return state

    def pending(self) -> tuple[EmailState, ...]:
        """The emails that are planned and have no end, in number order; only Kestra's own."""
        rules = RULES[self.sequence]
        return tuple(state for state in self.emails if state.is_pending and rules.rule(state.number))

    @property
    def time_zone(self) -> str | None:
        """The contact's own IANA zone, if Calendly gave one."""
        return str(self.variables.get("time_zone") or "") or None
