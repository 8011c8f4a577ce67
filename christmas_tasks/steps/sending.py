"""The three steps of one email: prepare freezes the exact mail, send hands it over, record writes it down.

At most one mail for each (enrolment, number), for ever (contract section 6): the tracker row says what has ended; the
idempotency key covers every attempt of the last 24 hours; an older attempt whose outcome is unknown is looked up at
Resend, and if that can't settle it, nothing is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from christmas_tasks.decisions import Action, Decision, decide, key_covers
from christmas_tasks.errors import (
    MailRefused,
    NotPlanned,
    PermanentError,
    TemplateFault,
    TransientError,
)
from christmas_tasks.mailer import Answer, LookedUp, Mail, Trace
from christmas_tasks.retrying import retrying
from christmas_tasks.row_changes import ended_changes, sent_changes
from christmas_tasks.sequences import mail_key, template_name
from christmas_tasks.settings import Settings
from christmas_tasks.steps.ports import Ledger, Sender, Tracker
from christmas_tasks.steps.stops import write_progress
from christmas_tasks.tracker import EmailStatus, TrackerRow

Clock = Callable[[], datetime]

# What prepare has read holds for so long; an older frozen mail was restarted or replayed, and is checked again.
FRESH_FOR = timedelta(seconds=60)
# Resend's clock and ours may differ.
_CLOCK_SLACK = timedelta(minutes=10)
# What Resend promises of a key's memory.
_KEY_MEMORY = timedelta(hours=24)
_LOOK_UP_BUDGET_S = 15.0
_REASON = "Stop Reason"


class Unresolved(PermanentError):
    """Nobody can tell whether the mail went out; a person settles it."""


class _NotListedYet(TransientError):
    """Resend has accepted the mail, and its list does not show it."""


@dataclass(frozen=True)
class FrozenMail:
    """What prepare hands to send and record: everything they need, so that a repeat does the same.

    Args:
        row: As prepare has read it.
        number: The email number.
        mail: The exact bytes.
        prepared_at: Aware UTC.
        attempts_since: Aware UTC; no attempt to send this email can be earlier.
    """

    row: TrackerRow
    number: int
    mail: Mail
    prepared_at: datetime
    attempts_since: datetime

    @property
    def key(self) -> str:
        """The idempotency key."""
        return mail_key(self.row.key, self.number)


@dataclass(frozen=True)
class Prepared:
    """What prepare has decided; *frozen* goes with ``Action.SEND`` alone."""

    decision: Decision
    row: TrackerRow | None = None
    frozen: FrozenMail | None = None


@dataclass(frozen=True)
class SendOutcome:
    """What send has come to.

    Args:
        decision: ``SEND``: the mail is out or unresolved, record it. Else as prepare's.
        resend_id: Empty: unresolved.
        accepted_at: Aware UTC.
    """

    decision: Decision
    resend_id: str = ""
    accepted_at: datetime | None = None


def prepare(
    enrolment_key: str,
    row_id: str,
    number: int,
    settings: Settings,
    ledger: Ledger,
    now: datetime,
    *,
    is_first_attempt: bool,
) -> Prepared:
    """Decide about one email right now, and freeze it if it is to be sent. One Notion call where templates are warm.

    Safe to repeat: it reads; what it writes (skipped, failed) are absolute values.

    Args:
        enrolment_key: Finds the row where *row_id* doesn't any more.
        row_id: Notion's page id.
        number: The email number.
        settings: Policy, links, sender.
        ledger: The tracker and the templates.
        now: Aware UTC.
        is_first_attempt: It is certain that no other execution has tried to send this email.

    Raises:
        TemplateFault: The row says ``failed`` then; a replay after the repair sends it.
        NotPlanned: The email isn't Kestra's to send.
    """
    row = _find(enrolment_key, row_id, ledger)
    if row is None:
        return Prepared(Decision(Action.DONE, "the tracker row is gone: nothing is sent"))
    decision = decide(row, number, now, settings.send_policy)
    if decision.action is Action.SKIP:
        _end(row, number, EmailStatus.SKIPPED, decision.reason, ledger)
    if decision.action is not Action.SEND:
        return Prepared(decision, row)
    try:
        mail = _render(row, number, settings, ledger, now)
    except TemplateFault as fault:
        _end(row, number, EmailStatus.FAILED, fault.problem, ledger)
        raise
    since = now if is_first_attempt else row.email(number).scheduled_at or now
    return Prepared(decision, row, FrozenMail(replace(row, variables={}), number, mail, now, since))


def send(
    frozen: FrozenMail, settings: Settings, ledger: Ledger, sender: Sender, clock: Clock, *, is_replay: bool = False
) -> SendOutcome:
    """Hand the frozen mail to Resend with its key. One Resend call.

    Safe to repeat at any later date: within the key's 24 hours Resend answers a repeat with the first id; later the row
    is read again and Resend's own list is searched before anything is sent. A replay reads the row again at any age.

    Raises:
        MailRefused: For good; the row says ``failed`` then.
        TransientError: The outcome may be unknown; restart, or let reconcile come.
    """
    now = clock()
    row = frozen.row
    if is_replay or now - frozen.prepared_at > FRESH_FOR:
        again = _check_again(frozen, settings, ledger, now)
        if again.row is None or again.decision.action is not Action.SEND:
            return SendOutcome(again.decision)
        row = again.row
    go = Decision(Action.SEND)
    earlier = _earlier_attempt(frozen, sender, now)
    if earlier.trace is Trace.FOUND:
        return SendOutcome(go, earlier.resend_id, earlier.accepted_at or now)
    if earlier.trace is Trace.UNKNOWN:
        return SendOutcome(go)
    try:
        sent = sender.send(frozen.mail, frozen.key)
    except MailRefused as error:
        _end(row, frozen.number, EmailStatus.FAILED, str(error), ledger)
        raise
    if sent.answer is Answer.ACCEPTED:
        return SendOutcome(go, sent.resend_id, clock())
    found = _find_accepted(frozen, sender, clock())
    return SendOutcome(go, found.resend_id, found.accepted_at or clock())


def record(
    frozen: FrozenMail, outcome: SendOutcome, tracker: Tracker, now: datetime, *, is_replay: bool = False
) -> TrackerRow | None:
    """Write down what send has come to. One Notion call.

    Safe to repeat at any later date: a row that is no longer fresh is read again, likewise in a replay, and the values
    are absolute. It never sends: a tracker that can't be written is retried alone.

    Returns:
        The row after the write, or None if it is gone.

    Raises:
        Unresolved: Written down as such; the alert tells a person.
    """
    row: TrackerRow | None = frozen.row
    if is_replay or now - frozen.prepared_at > FRESH_FOR:
        row = _find(frozen.row.key, frozen.row.row_id, tracker)
    if row is None:
        return None
    if row.email(frozen.number).status is EmailStatus.SENT:
        return row
    if not outcome.resend_id:
        reason = "Resend's list can't tell whether it went out"
        after = _end(row, frozen.number, EmailStatus.UNRESOLVED, reason, tracker)
        if after.email(frozen.number).status is EmailStatus.SENT:
            return after
        raise Unresolved(
            f"Email {frozen.number} of enrolment {row.key} is unresolved: {reason}. Look for it at Resend, then run "
            f"`christmas-tasks settle {row.key} {frozen.number} --sent RESEND_ID` or `--not-sent`."
        )
    return write_progress(row, sent_changes(row, frozen.number, outcome.accepted_at or now, outcome.resend_id), tracker)


def _end(row: TrackerRow, number: int, status: EmailStatus, reason: str, tracker: Tracker) -> TrackerRow:
    # The reason goes last and alone: in one write with the sequence's status it would cover all traces of a stop that
    # came after the reading, and a replay would send.
    changes = dict(ended_changes(row, number, status, reason))
    changes.pop(_REASON, None)
    after = write_progress(row, changes, tracker)
    note = ended_changes(after, number, status, reason).get(_REASON)
    if note and after.email(number).status is status:
        after = tracker.update_row(after.row_id, {_REASON: note})
    return after


def _find(key: str, row_id: str, tracker: Tracker) -> TrackerRow | None:
    row = tracker.read_row(row_id) if row_id else None
    if row is None:
        # A restored tracker has the same enrolments under other ids.
        return tracker.find_row(key)
    if row.key != key:
        raise NotPlanned(f"The row given is not that of enrolment {key}: start send-email with both from one row.")
    return row


def _check_again(frozen: FrozenMail, settings: Settings, ledger: Ledger, now: datetime) -> Prepared:
    row = _find(frozen.row.key, frozen.row.row_id, ledger)
    if row is None:
        return Prepared(Decision(Action.DONE, "the tracker row is gone: nothing is sent"))
    decision = decide(row, frozen.number, now, settings.send_policy)
    if decision.action is Action.SKIP:
        _end(row, frozen.number, EmailStatus.SKIPPED, decision.reason, ledger)
    return Prepared(decision, row)


def _render(row: TrackerRow, number: int, settings: Settings, ledger: Ledger, now: datetime) -> Mail:
    from christmas_tasks.steps.rendering import render_email  # noqa: PLC0415 - jinja2, 60 ms that only prepare pays

    name = template_name(row.sequence, number)
    try:
        return render_email(row, number, ledger.templates().get(name), settings, now)
    except TemplateFault:
        # The cached template may be the one before the repair.
        return render_email(row, number, ledger.templates(fresh=True).get(name), settings, now)


def _earlier_attempt(frozen: FrozenMail, sender: Sender, now: datetime) -> LookedUp:
    """What became of attempts that Resend's key no longer covers; ``NEVER_SENT`` also where there can be none."""
    since = min(frozen.attempts_since, frozen.row.email(frozen.number).scheduled_at or frozen.attempts_since)
    if key_covers(since, now):
        return LookedUp(Trace.NEVER_SENT)
    found = sender.look_up(frozen.mail, since - _CLOCK_SLACK)
    if found.trace is not Trace.UNKNOWN or since == frozen.attempts_since:
        return found
    # "First attempt" is what the flow says, and a replayed handler says it again. Where the list can't tell, it counts.
    if key_covers(frozen.attempts_since, now):
        return LookedUp(Trace.NEVER_SENT)
    return sender.look_up(frozen.mail, frozen.attempts_since - _CLOCK_SLACK)


def _find_accepted(frozen: FrozenMail, sender: Sender, now: datetime) -> LookedUp:
    # That the key is spent proves an attempt within its memory, whatever this execution knows of earlier ones.
    since = min(frozen.attempts_since, now - _KEY_MEMORY) - _CLOCK_SLACK

    def once() -> LookedUp:
        found = sender.look_up(frozen.mail, since)
        if found.trace is not Trace.FOUND:
            raise _NotListedYet("An email with this key was accepted, but Resend's list does not show it yet.")
        return found

    try:
        return retrying(once, budget_s=_LOOK_UP_BUDGET_S)
    except _NotListedYet:
        return LookedUp(Trace.UNKNOWN)
