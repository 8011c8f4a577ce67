"""Small real stand-ins of what the steps need from outside, in memory, with faults at any call."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from christmas_tasks.contacts import Contact
from christmas_tasks.mailer import Answer, LookedUp, Mail, Sent, Trace
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Sequence, all_template_names
from christmas_tasks.settings import Settings
from christmas_tasks.templates import Template
from christmas_tasks.tracker import (
    EMAIL_NUMBERS,
    Changes,
    EmailState,
    EmailStatus,
    SentBy,
    SequenceStatus,
    TrackerRow,
    Value,
)

T = TypeVar("T")
Columns = dict[str, Value]

START = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
KEY_MEMORY = timedelta(hours=24)


class Killed(BaseException):
    """The task's process has died here: nothing in the library may catch it."""


class FakeClock:
    """A clock that moves only when told."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        """Move on by a ``timedelta`` given in its own words."""
        self.now += timedelta(**span)
        return self.now


@dataclass(frozen=True)
class _Planned:
    error: BaseException | None = None
    after: bool = False
    action: Callable[[], None] | None = None


class Calls:
    """Logs calls by name, and lets things go wrong at the n-th one from now."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._planned: dict[int, _Planned] = {}

    def fail(
        self, nth: int, error: BaseException, *, after: bool = False, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Raise at the *nth* call from now (1: the next), before or after its effect."""
        self._planned[len(self.log) + nth] = _Planned(error, after, meanwhile)

    def meanwhile(self, nth: int, action: Callable[[], None]) -> None:
        """Let another task do something right before the *nth* call from now."""
        self._planned[len(self.log) + nth] = _Planned(action=action)

    def all_well(self) -> None:
        """Forget what was to go wrong."""
        self._planned.clear()

    def make(self, name: str, effect: Callable[[], T]) -> T:
        """Log one call, and carry it out as planned."""
        self.log.append(name)
        planned = self._planned.pop(len(self.log), _Planned())
        if planned.action is not None:
            planned.action()
        if planned.error is not None and not planned.after:
            raise planned.error
        result = effect()
        if planned.error is not None:
            raise planned.error
        return result


class FakeLedger:
    """Contacts, templates and tracker as Notion keeps them: columns by name, and no unique constraint."""

    def __init__(self, templates: Mapping[str, Template] | None = None) -> None:
        self.calls = Calls()
        self.row_columns: dict[str, Columns] = {}
        self.contact_columns: dict[str, Columns] = {}
        self.gone: set[str] = set()
        self.template_pages: dict[str, Template] = dict(templates if templates is not None else good_templates())
        self._cached_templates: dict[str, Template] | None = None
        self._made = 0

    def find_row(self, key: str) -> TrackerRow | None:
        return self.calls.make("find_row", lambda: next((row for row in self.all_rows() if row.key == key), None))

    def create_row(self, key: str, changes: Changes) -> TrackerRow:
        assert changes["Enrolment Key"] == key
        return self.calls.make("create_row", lambda: self._write(self.row_columns, f"row-{self._count()}", changes))

    def read_row(self, row_id: str) -> TrackerRow | None:
        def read() -> TrackerRow | None:
            return self.row(row_id) if row_id in self.row_columns and row_id not in self.gone else None

        return self.calls.make("read_row", read)

    def update_row(self, row_id: str, changes: Changes) -> TrackerRow:
        return self.calls.make("update_row", lambda: self._write(self.row_columns, row_id, changes))

    def rows_of(self, address: str) -> list[TrackerRow]:
        return self.calls.make("rows_of", lambda: [row for row in self.all_rows() if row.address == address])

    def rows(self, campaign: str, statuses: tuple[SequenceStatus, ...]) -> Iterator[TrackerRow]:
        found = self.calls.make("rows", self.all_rows)
        return (
            row for row in found if row.status in statuses and self.row_columns[row.row_id].get("Campaign") == campaign
        )

    def find_contact(self, address: str) -> Contact | None:
        def find() -> Contact | None:
            return next((contact for contact in self.all_contacts() if contact.address == address), None)

        return self.calls.make("find_contact", find)

    def contacts(self) -> list[Contact]:
        return self.calls.make("contacts", self.all_contacts)

    def create_contact(self, address: str, changes: Changes) -> Contact:
        def create() -> Contact:
            contact_id = f"contact-{self._count()}"
            self.contact_columns[contact_id] = {"Email": address, **changes}
            return self.contact(contact_id)

        return self.calls.make("create_contact", create)

    def update_contact(self, contact_id: str, changes: Changes) -> Contact:
        def update() -> Contact:
            self.contact_columns[contact_id] |= changes
            return self.contact(contact_id)

        return self.calls.make("update_contact", update)

    def templates(self, *, fresh: bool = False) -> Mapping[str, Template]:
        def read() -> Mapping[str, Template]:
            if fresh or self._cached_templates is None:
                self._cached_templates = dict(self.template_pages)
            return self._cached_templates

        return self.calls.make("templates", read)

    # What a person does in Notion, or a test wants to see: these are no calls.

    def edit(self, row_id: str, **columns: Value) -> None:
        """Write columns as a person would; ``Stop_Reason`` is ``Stop Reason``."""
        self.row_columns[row_id] |= {name.replace("_", " "): value for name, value in columns.items()}

    def write(self, row_id: str, changes: Changes) -> None:
        """Write what another task has decided on."""
        self.row_columns[row_id] |= changes

    def all_rows(self) -> list[TrackerRow]:
        return [self.row(row_id) for row_id in self.row_columns if row_id not in self.gone]

    def all_contacts(self) -> list[Contact]:
        return [self.contact(contact_id) for contact_id in self.contact_columns]

    def row(self, row_id: str) -> TrackerRow:
        columns = self.row_columns[row_id]
        return TrackerRow(
            row_id=row_id,
            key=_text(columns, "Enrolment Key"),
            address=_text(columns, "Email"),
            sequence=Sequence(_text(columns, "Sequence Type")),
            segment=Segment(_text(columns, "Segment")),
            status=SequenceStatus(_text(columns, "Sequence Status")),
            stop_reason=_text(columns, "Stop Reason"),
            emails=tuple(_email(columns, number) for number in EMAIL_NUMBERS),
            variables=json.loads(_text(columns, "Variables") or "{}"),
        )

    def contact(self, contact_id: str) -> Contact:
        columns = self.contact_columns[contact_id]
        segment = _text(columns, "Segment")
        names = ("Assessment Score", "Red Systems", "Orange Systems", "Yellow Systems", "Green Systems")
        return Contact(
            contact_id=contact_id,
            address=_text(columns, "Email"),
            first_name=_text(columns, "first_name"),
            last_name=_text(columns, "last_name"),
            business_name=_text(columns, "Business Name"),
            stage=_text(columns, "Christmas Campaign Status"),
            segment=Segment(segment) if segment else None,
            suppressed=_text(columns, "Email Suppressed"),
            numbers={name: value for name in names if isinstance(value := columns.get(name), int | float)},
            last_email_sent_at=found if isinstance(found := columns.get("Last Email Sent At"), datetime) else None,
        )

    def _write(self, pages: dict[str, Columns], page_id: str, changes: Changes) -> TrackerRow:
        pages.setdefault(page_id, {}).update(changes)
        return self.row(page_id)

    def _count(self) -> int:
        # Notion gives no id twice, whatever was deleted or restored meanwhile.
        self._made += 1
        return self._made


@dataclass(frozen=True)
class Accepted:
    """One mail that the fake Resend has taken."""

    resend_id: str
    key: str
    mail: Mail
    at: datetime


class FakeSender:
    """Resend's semantics: a key is remembered for 24 hours, the list shows the newest first and ends somewhere.

    Args:
        clock: The vendor's own.
        list_reaches_back: How far; older mails are not listed.
    """

    def __init__(self, clock: FakeClock, list_reaches_back: timedelta = timedelta(days=30)) -> None:
        self.calls = Calls()
        self.accepted: list[Accepted] = []
        self.hidden: deque[str] = deque()
        self.list_reaches_back = list_reaches_back
        self._clock = clock

    def send(self, mail: Mail, key: str) -> Sent:
        return self.calls.make("send", lambda: self._send(mail, key))

    def look_up(self, mail: Mail, since: datetime) -> LookedUp:
        return self.calls.make("look_up", lambda: self._look_up(mail, since))

    def hide_newest(self, look_ups: int) -> None:
        """Resend's list is late: it doesn't show the newest mail to the next *look_ups*."""
        self.hidden.extend([self.accepted[-1].resend_id] * look_ups)

    def somebody_elses(self, at: datetime) -> None:
        """A mail to another address that stands in the same list."""
        mail = Mail("a@example.org", "other@example.org", "", "Other", "<p>Other</p>", "Other", "<!-- x -->", {}, {})
        self.accepted.append(Accepted(f"other-{len(self.accepted)}", "", mail, at))

    def to(self, address: str) -> list[Accepted]:
        return [accepted for accepted in self.accepted if accepted.mail.to == address]

    def _send(self, mail: Mail, key: str) -> Sent:
        remembered = [old for old in self.accepted if old.key == key and self._clock.now - old.at < KEY_MEMORY]
        for old in remembered:
            return Sent(Answer.ACCEPTED, old.resend_id) if old.mail == mail else Sent(Answer.ALREADY)
        self.accepted.append(Accepted(f"id-{len(self.accepted) + 1}", key, mail, self._clock.now))
        return Sent(Answer.ACCEPTED, self.accepted[-1].resend_id)

    def _look_up(self, mail: Mail, since: datetime) -> LookedUp:
        hidden = self.hidden.popleft() if self.hidden else ""
        for item in sorted(self.accepted, key=lambda accepted: accepted.at, reverse=True):
            if item.resend_id == hidden:
                continue
            if item.at < self._clock.now - self.list_reaches_back:
                break
            if item.at < since:
                return LookedUp(Trace.NEVER_SENT)
            if item.mail.to == mail.to and mail.marker in item.mail.html:
                return LookedUp(Trace.FOUND, item.resend_id, item.at)
        return LookedUp(Trace.UNKNOWN)


class FakeLocks:
    """One holder at a time for each address; a second one in the same task would wait for itself for ever."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    @contextmanager
    def hold(self, address: str) -> Iterator[None]:
        assert address not in self.held, "the lock is not for nesting"
        self.held.add(address)
        try:
            yield
        finally:
            self.held.discard(address)


def good_templates() -> dict[str, Template]:
    """All 14 templates, each small and without a fault."""
    return {
        name: Template(
            name,
            subject=f"{name} for {{{{ first_name }}}}",
            html='<p>{{ first_name }}, {{ days_to_deadline }} days. <a href="{{ unsubscribe_url }}">Stop</a></p>',
        )
        for name in all_template_names()
    }


def without_fault(template: Template) -> Template:
    """The template after a person's repair."""
    return replace(template, html=good_templates()[template.name].html, is_active=True)


def broken(template: Template) -> Template:
    """The template with a variable that no mail has."""
    return replace(template, html="<p>{{ favourite_colour }}</p>")


def settings(**more: str) -> Settings:
    """Production settings with everything that a mail needs."""
    return Settings.load(
        {
            "EMAIL_FROM": "Anna <anna@example.org>",
            "PUBLIC_URL": "https://flows.example.org",
            "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
            "UNSUBSCRIBE_SIGNING_KEY": "a-signing-key-for-tests",
            "POSTAL_ADDRESS": "Example Street 1, Exampleton",
            **more,
        }
    )


def _email(columns: Columns, number: int) -> EmailState:
    def cell(what: str) -> str:
        return _text(columns, f"Email {number} {what}")

    return EmailState(
        number,
        scheduled_at=_time(columns, f"Email {number} Scheduled At"),
        status=EmailStatus(cell("Status")) if cell("Status") else None,
        sent_at=_time(columns, f"Email {number} Sent"),
        sent_by=SentBy(cell("Sent By")) if cell("Sent By") else None,
        resend_id=cell("Resend ID"),
        delivery=cell("Delivery"),
    )


def _text(columns: Columns, name: str) -> str:
    value = columns.get(name)
    return "" if value is None else str(value)


def _time(columns: Columns, name: str) -> datetime | None:
    value = columns.get(name)
    return value if isinstance(value, datetime) else None
