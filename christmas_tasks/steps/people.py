"""One person by their address: what the contacts and the tracker have of them, and which of their rows are meant."""

from dataclasses import dataclass
from typing import Protocol

from christmas_tasks.contacts import Contact
from christmas_tasks.errors import PermanentError
from christmas_tasks.payloads import Payload, parse
from christmas_tasks.sequences import Sequence
from christmas_tasks.tracker import TrackerRow


class UnknownPerson(PermanentError):
    """Nothing is known of the address, or nothing of what was asked for."""


class Look(Protocol):
    """Where a person is looked for."""

    def contacts_of(self, address: str) -> list[Contact]:
        """All contacts with an address, oldest first."""
        ...

    def rows_of(self, address: str) -> list[TrackerRow]:
        """All tracker rows of one address."""
        ...


@dataclass(frozen=True)
class Person:
    """What Notion has of one address.

    Args:
        contacts: Oldest first; the first one counts.
        rows: All enrolments, of every campaign.
    """

    address: str
    contacts: tuple[Contact, ...]
    rows: tuple[TrackerRow, ...]

    @property
    def suppressed(self) -> str:
        """The contact's ``Email Suppressed``; empty if it may be written to."""
        return next((contact.suppressed for contact in self.contacts if contact.suppressed), "")


def read_address(text: str) -> str:
    """*text* as the campaign spells an address: trimmed, lower-cased, without a display name.

    Raises:
        PayloadError: It is no address.
    """
    return parse(Payload, {"email": text}).email


def find_person(address: str, look: Look) -> Person:
    """Everything that contacts and tracker have of an address. Two calls; reads only.

    Args:
        address: From ``read_address``.
        look: Notion.

    Raises:
        UnknownPerson: Neither has it.
    """
    person = Person(address, tuple(look.contacts_of(address)), tuple(look.rows_of(address)))
    if not person.contacts and not person.rows:
        raise UnknownPerson(
            f"Nobody here has the address {address}: there is no such contact, and no tracker row of any campaign."
        )
    return person


def select_rows(person: Person, sequence: Sequence | None = None, key: str = "") -> tuple[TrackerRow, ...]:
    """The rows that are meant: all, or those of one sequence, or the one of an enrolment.

    Raises:
        UnknownPerson: The person has none of that kind; the message names those that there are.
    """
    meant = tuple(
        row for row in person.rows if (sequence is None or row.sequence is sequence) and (not key or row.key == key)
    )
    if not meant:
        have = ", ".join(f"{row.sequence.value} ({row.status.value}, {row.key})" for row in person.rows)
        what = " ".join(part for part in (sequence.value if sequence else "", key) if part)
        raise UnknownPerson(
            f"{person.address} has no enrolment{f' {what}' if what else ''}; there is: {have or 'none at all'}."
        )
    return meant
