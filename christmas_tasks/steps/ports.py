"""The few methods that the steps need from outside; ``notion.py`` and ``mailer.py`` have them, and so do the fakes."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from christmas_tasks.contacts import Contact
from christmas_tasks.mailer import LookedUp, Mail, Sent
from christmas_tasks.tracker import Changes, SequenceStatus, TrackerRow

if TYPE_CHECKING:
    from christmas_tasks.templates import Template


class Rows(Protocol):
    """Tracker rows that can be written."""

    def update_row(self, row_id: str, changes: Changes) -> TrackerRow:
        """Write absolute values; return the row after that."""
        ...


class Tracker(Rows, Protocol):
    """The ledger: one row for each enrolment."""

    def find_row(self, key: str) -> TrackerRow | None:
        """The row of an enrolment, or None."""
        ...

    def create_row(self, key: str, changes: Changes) -> TrackerRow:
        """Create the row of an enrolment that has none."""
        ...

    def read_row(self, row_id: str) -> TrackerRow | None:
        """The row as it is now, or None if it is gone."""
        ...

    def rows_of(self, address: str) -> list[TrackerRow]:
        """All rows of one address."""
        ...

    def rows(self, campaign: str, statuses: tuple[SequenceStatus, ...]) -> Iterator[TrackerRow]:
        """All rows of a campaign with one of *statuses*."""
        ...


class Contacts(Protocol):
    """The people."""

    def find_contact(self, address: str) -> Contact | None:
        """The contact with an address, or None."""
        ...

    def contacts(self) -> list[Contact]:
        """All contacts; two with one address are duplicates."""
        ...

    def create_contact(self, address: str, changes: Changes) -> Contact:
        """Create a contact that isn't there."""
        ...

    def update_contact(self, contact_id: str, changes: Changes) -> Contact:
        """Write absolute values; return the contact after that."""
        ...


class Templates(Protocol):
    """The marketer's templates."""

    def templates(self, *, fresh: bool = False) -> "Mapping[str, Template]":
        """All templates by name; *fresh* passes by the cache."""
        ...


class Ledger(Tracker, Contacts, Templates, Protocol):
    """All three databases."""


class Sender(Protocol):
    """The mail service."""

    def send(self, mail: Mail, key: str) -> Sent:
        """Hand over one mail with its idempotency key."""
        ...

    def look_up(self, mail: Mail, since: datetime) -> LookedUp:
        """Find out whether a mail was accepted."""
        ...


class Locks(Protocol):
    """One at a time for each address, over all tasks of the machine."""

    def hold(self, address: str) -> AbstractContextManager[None]:
        """Wait for the address, and keep it for the block."""
        ...
