"""The four sequences as data, and the plan of one enrolment. The only home of delays, numbers and template names."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from christmas_tasks.quiet_hours import QuietHours


class Sequence(StrEnum):
    """The value of ``Sequence Type`` in the tracker (contract section 1)."""

    FIVE_DAY = "5day"
    NOSHOW = "noshow"
    POSTCALL = "postcall"
    ONBOARDING = "onboarding"


class Mode(StrEnum):
    """Whether delays are the campaign's own or testing minutes (contract section 5)."""

    PRODUCTION = "production"
    TESTING = "testing"


class StopEvent(StrEnum):
    """What ends a sequence before its next email (contract section 7); the value is the reason in the tracker."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    BOOKED = "booked a call"
    PAID = "paid"


@dataclass(frozen=True)
class EmailRule:
    """One email of a sequence that Kestra sends: its number and its two delays from the anchor."""

    number: int
    delay: timedelta
    testing_minutes: int


@dataclass(frozen=True)
class SequenceRules:
    """What the contract says of one sequence.

    Args:
        title: For people.
        template_pattern: ``Template Name`` with ``{number}``.
        emails: What Kestra sends, in number order.
        website_numbers: What the website sends itself; Kestra never does.
        stopped_by: Which events end it.
        transactional: Whether its mails are owed to a customer, so that a setting decides on the unsubscribe link.
    """

    title: str
    template_pattern: str
    emails: tuple[EmailRule, ...]
    stopped_by: frozenset[StopEvent]
    website_numbers: tuple[int, ...] = ()
    transactional: bool = False

    def rule(self, number: int) -> EmailRule | None:
        """The rule of one email number, or None if Kestra doesn't send it."""
        return next((rule for rule in self.emails if rule.number == number), None)


_ALWAYS = frozenset({StopEvent.UNSUBSCRIBED, StopEvent.BOUNCED, StopEvent.COMPLAINED})

RULES: MappingProxyType[Sequence, SequenceRules] = MappingProxyType(
    {
        Sequence.FIVE_DAY: SequenceRules(
            title="5-Day Nurture",
            template_pattern="5-Day E{number}",
            website_numbers=(1,),
            emails=(
                EmailRule(2, timedelta(hours=24), 1),
                EmailRule(3, timedelta(hours=72), 2),
                EmailRule(4, timedelta(hours=96), 3),
                EmailRule(5, timedelta(hours=120), 4),
            ),
            stopped_by=_ALWAYS | {StopEvent.BOOKED, StopEvent.PAID},
        ),
        Sequence.NOSHOW: SequenceRules(
            title="No-Show Recovery",
            template_pattern="noshow_recovery_email_{number}",
            emails=(
                EmailRule(1, timedelta(minutes=5), 1),
                EmailRule(2, timedelta(hours=24), 2),
                EmailRule(3, timedelta(hours=48), 3),
            ),
            stopped_by=_ALWAYS | {StopEvent.BOOKED, StopEvent.PAID},
        ),
        Sequence.POSTCALL: SequenceRules(
            title="Post-Call Maybe",
            template_pattern="postcall_maybe_email_{number}",
            emails=(
                EmailRule(1, timedelta(hours=1), 1),
                EmailRule(2, timedelta(days=3), 2),
                EmailRule(3, timedelta(days=7), 3),
            ),
            stopped_by=_ALWAYS | {StopEvent.PAID},
        ),
        Sequence.ONBOARDING: SequenceRules(
            title="Onboarding",
            template_pattern="onboarding_phase1_email_{number}",
            emails=(
                EmailRule(1, timedelta(hours=1), 1),
                EmailRule(2, timedelta(days=1), 2),
                EmailRule(3, timedelta(days=3), 3),
            ),
            stopped_by=_ALWAYS,
            transactional=True,
        ),
    }
)


def template_name(sequence: Sequence, number: int) -> str:
    """The ``Template Name`` of one email; the segment doesn't change it (contract section 9)."""
    return RULES[sequence].template_pattern.format(number=number)


def is_stopped_by(sequence: Sequence, event: StopEvent) -> bool:
    """Whether *event* ends *sequence* (contract section 7)."""
    return event in RULES[sequence].stopped_by


def all_template_names() -> tuple[str, ...]:
    """Every template of the campaign, the website's first one included: 14, in the order of the sequences."""
    return tuple(
        template_name(sequence, number)
        for sequence, rules in RULES.items()
        for number in (*rules.website_numbers, *(rule.number for rule in rules.emails))
    )


@dataclass(frozen=True)
class Enrolment:
    """One contact in one sequence for one cause (contract section 6).

    Args:
        address: Normalised e-mail address.
        cause: What makes a second enrolment another one; empty: one for each campaign.
    """

    campaign: str
    sequence: Sequence
    address: str
    cause: str = ""

    @property
    def key(self) -> str:
        """The enrolment's name everywhere: tracker, labels, idempotency keys. Holds no address in clear.

        Equal for equal enrolments, at any later date and on any machine: at most 43 characters of ``[a-z0-9-]``.
        """
        identity = json.dumps([self.campaign, self.sequence.value, self.address, self.cause])
        return f"{self.sequence.value}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def sequence_of(enrolment_key: str) -> str:
    """The sequence's name, which starts each enrolment key; empty for a key that is none."""
    name = enrolment_key.partition("-")[0]
    return name if name in set(Sequence) else ""


def mail_key(enrolment_key: str, number: int) -> str:
    """The idempotency key of one email: the same for ever for one (enrolment, number) (contract section 6)."""
    return f"{enrolment_key}-{number}"


@dataclass(frozen=True)
class PlannedEmail:
    """One email that Kestra owes.

    Args:
        number: The email number.
        due_at: Aware UTC instant in whole seconds; never sent before it. May be past.
    """

    number: int
    due_at: datetime


@dataclass(frozen=True)
class Timing:
    """The settings that turn an anchor into planned times.

    Args:
        mode: Production delays or testing minutes.
        testing_minute_s: Seconds of a testing minute; without effect in production.
        quiet_hours: When no mail goes out, if ever.
    """

    mode: Mode = Mode.PRODUCTION
    testing_minute_s: float = 60.0
    quiet_hours: QuietHours | None = None

    def delay(self, rule: EmailRule) -> timedelta:
        """The delay of one email from its anchor."""
        if self.mode is Mode.TESTING:
            return timedelta(seconds=rule.testing_minutes * self.testing_minute_s)
        return rule.delay


def plan_emails(
    sequence: Sequence, anchor: datetime, timing: Timing, time_zone: str | None = None
) -> tuple[PlannedEmail, ...]:
    """List the emails that Kestra owes, in number order (contract section 5).

    Args:
        sequence: Which one.
        anchor: Aware instant the delays count from. ``5day``: when the website sent #1; else the receipt.
        timing: Mode and quiet hours.
        time_zone: The contact's own zone (IANA name), if known; quiet hours are read in it.

    Returns:
        Numbers 2-5 for ``5day``, 1-3 otherwise. A time within quiet hours is moved to their end.
    """
    # In a zone with summer time Python adds wall-clock hours; a delay is a span of time.
    start = anchor.astimezone(UTC)
    planned = []
    for rule in RULES[sequence].emails:
        due_at = _whole_seconds_up(start + timing.delay(rule))
        if timing.quiet_hours is not None:
            due_at = timing.quiet_hours.next_allowed(due_at, time_zone)
        planned.append(PlannedEmail(rule.number, due_at))
    return tuple(planned)


def _whole_seconds_up(at: datetime) -> datetime:
    # Notion and Kestra keep whole seconds reliably; rounding down would be "before its time".
    return at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)
