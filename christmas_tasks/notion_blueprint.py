"""What the three databases are to look like when they are made, and what one that is there still lacks. Pure.

Which columns there are and which types fit stands in ``columns.py``; whether a database fits, in ``notion_schema.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from christmas_tasks.columns import COLUMNS, Column, Database
from christmas_tasks.contacts import STAGES
from christmas_tasks.events import Delivery
from christmas_tasks.notion_json import Json, encode
from christmas_tasks.notion_schema import ActualColumn, Schema
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Sequence, StopEvent
from christmas_tasks.tracker import EMAIL_NUMBERS, EmailStatus, SentBy, SequenceStatus

TITLES = {
    Database.CONTACTS: "Christmas Contacts",
    Database.TEMPLATES: "Email Templates",
    Database.TRACKER: "Email Sequence Tracker",
}
_SEGMENTS = tuple(Segment)
_SUPPRESSING = (StopEvent.UNSUBSCRIBED, StopEvent.BOUNCED, StopEvent.COMPLAINED)
_OPTIONS: dict[Database, dict[str, tuple[str, ...]]] = {
    Database.CONTACTS: {
        "Christmas Campaign Status": STAGES,
        "Segment": _SEGMENTS,
        "Email Suppressed": _SUPPRESSING,
    },
    Database.TEMPLATES: {"Status": ("Active",)},
    Database.TRACKER: {
        "Sequence Type": tuple(Sequence),
        "Segment": _SEGMENTS,
        "Sequence Status": tuple(SequenceStatus),
        **{f"Email {number} Status": tuple(EmailStatus) for number in EMAIL_NUMBERS},
        **{f"Email {number} Sent By": tuple(SentBy) for number in EMAIL_NUMBERS},
        **{f"Email {number} Delivery": tuple(Delivery) for number in EMAIL_NUMBERS},
    },
}
# The campaign's own layout of contacts (contract section 8) writes these in its own way, and has no "Name".
_CAMPAIGN_SPELLING = {"Email": "email", "Business Name": "business_name"}


@dataclass(frozen=True)
class Lack:
    """What a database lacks.

    Args:
        columns: To be added.
        options: To be added, by the actual column they belong to.
        by_hand: What only a person can do in Notion, one line each: first what breaks the campaign.
    """

    columns: tuple[Column, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_hand: tuple[str, ...] = ()

    @property
    def can_be_added(self) -> bool:
        """Whether a change of the database is due."""
        return bool(self.columns or self.options)


@dataclass(frozen=True)
class MissingOptions:
    """A column of choices that lacks some.

    Args:
        column: The contract's.
        actual: The database's.
        names: What it lacks, in the contract's spelling.
    """

    column: Column
    actual: ActualColumn
    names: tuple[str, ...]

    @property
    def is_fault(self) -> bool:
        """Whether a write will fail: Notion adds a select option when it is first written, a status option never."""
        return self.actual.kind == "status" and self.column.is_required

    @property
    def line(self) -> str:
        """For people."""
        named = " and ".join(f'"{name}"' for name in self.names)
        several = len(self.names) > 1
        it = "them" if several else "it"
        remedy = (
            f"add {it} in Notion, the API can't"
            if self.actual.kind == "status"
            else f"Notion adds {it} when first written, `christmas-tasks notion migrate` adds {it} now"
        )
        lacks = f"lacks the option{'s' if several else ''} {named}"
        return f'the {self.actual.kind} column "{self.actual.name}" {lacks}: {remedy}'


def missing_options(schema: Schema) -> tuple[MissingOptions, ...]:
    """The columns that lack an option which the campaign writes or reads; spelling by case does not matter."""
    found = []
    for column in COLUMNS[schema.database]:
        actual = schema.find(column)
        if actual is None or actual.kind not in {"select", "status"} or actual.kind not in column.kinds:
            continue
        there = {option.lower() for option in actual.options}
        names = tuple(name for name in options_of(schema.database, column) if name.lower() not in there)
        if names:
            found.append(MissingOptions(column, actual, names))
    return tuple(found)


def lack(schema: Schema) -> Lack:
    """What *schema* lacks against the contract; nothing is ever removed, renamed or given another type."""
    # A database has exactly one title column: another can't be added, only this one renamed.
    titles = tuple(column for column in schema.missing() if column.kinds[0] == "title")
    options = missing_options(schema)
    return Lack(
        columns=tuple(column for column in schema.missing() if column not in titles),
        options={each.actual.name: each.names for each in options if each.actual.kind == "select"},
        by_hand=(
            *(schema.missing_line(column) for column in titles),
            *schema.misfits(),
            *(each.line for each in options if each.actual.kind == "status"),
        ),
    )


def options_of(database: Database, column: Column) -> tuple[str, ...]:
    """The options that a column of choices needs; empty where any text may come."""
    return tuple(str(option) for option in _OPTIONS[database].get(column.name, ()))


def new_database(database: Database, campaign: str) -> Json:
    """The ``properties`` of a new data source: every column of the contract, contacts in the campaign's layout.

    Args:
        database: Which one.
        campaign: The one option of ``Campaign``.
    """
    columns = [column for column in COLUMNS[database] if (database, column.name) != (Database.CONTACTS, "Name")]
    # The title first: Notion shows the columns in this order.
    columns.sort(key=lambda column: column.kinds[0] != "title")
    made = {spelling(database, column): new_column(database, column) for column in columns}
    if database is Database.TRACKER:
        made["Campaign"] = {"select": {"options": [encode(campaign, "select")["select"]]}}
    return made


def new_column(database: Database, column: Column) -> Json:
    """The configuration of one new column."""
    kind = column.kinds[0]
    options = options_of(database, column)
    return {kind: {"options": [{"name": name} for name in options]} if options else {}}


def spelling(database: Database, column: Column) -> str:
    """What a new column is called."""
    return _CAMPAIGN_SPELLING.get(column.name, column.name) if database is Database.CONTACTS else column.name
