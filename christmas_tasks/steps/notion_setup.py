"""Makes what the campaign needs in Notion, or adds what is missing there; removes nothing. A repeat does nothing.

Each step is told as soon as it is done, so that a run that ends half way has said what it did; the next one goes on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from christmas_tasks.columns import Database
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_blueprint import TITLES, Lack, lack, new_database, spelling
from christmas_tasks.notion_json import Json
from christmas_tasks.notion_schema import Schema
from christmas_tasks.template_format import StoredTemplate


class Verb(StrEnum):
    """What was done with one thing."""

    FOUND = "found"
    MADE = "made"
    ADDED = "added"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class Done:
    """One step, for people and machines.

    Args:
        verb: What was done; in a dry run, what would be.
        what: The thing, with its id or what a person does about it.
        database: The database it is, if it is one that is there now.
        database_id: Its id.
    """

    verb: Verb
    what: str
    database: Database | None = None
    database_id: str = ""


Tell = Callable[[Done], None]


class DatabaseOnPage(Protocol):
    """A database that stands on a page."""

    @property
    def database_id(self) -> str:
        """Its id."""
        ...

    @property
    def title(self) -> str:
        """Its title."""
        ...


class Admin(Protocol):
    """What the set-up asks of Notion."""

    def page_title(self, page_id: str) -> str:
        """The title of a page."""
        ...

    def databases_on(self, page_id: str) -> Sequence[DatabaseOnPage]:
        """The databases on a page."""
        ...

    def is_database(self, database_id: str) -> bool:
        """Whether it is one of its own, and no linked view."""
        ...

    def recent_database(self, page_id: str, title: str) -> str | None:
        """One that was just made."""
        ...

    def create_database(self, page_id: str, title: str, properties: Json) -> str:
        """Make one that isn't there."""
        ...

    def schema(self, database: Database, database_id: str) -> Schema:
        """How one looks."""
        ...

    def add(self, schema: Schema, lack: Lack) -> None:
        """Add what it lacks."""
        ...


class TemplateRow(Protocol):
    """One row of the templates database."""

    @property
    def stored(self) -> StoredTemplate:
        """What stands in it."""
        ...


class Templates(Protocol):
    """The templates database."""

    def template_rows(self) -> Iterable[TemplateRow]:
        """Every row."""
        ...

    def has_just_made_template(self, name: str) -> bool:
        """Whether one was made that Notion may not list yet."""
        ...

    def create_template(self, stored: StoredTemplate) -> object:
        """Add one that isn't there."""
        ...


def init(admin: Admin, page_id: str, campaign: str, tell: Tell, *, dry_run: bool = False) -> None:
    """Make the three databases on a page, or find them there and add what they lack.

    Args:
        admin: Notion.
        page_id: Shared with the integration.
        campaign: The name of the campaign.
        tell: Hears of each step.
        dry_run: Only tell what would be done.

    Raises:
        SetupRefused: The page can't be used, or has two databases of one name; nothing is changed then.
    """
    title = admin.page_title(page_id)
    found = _on_page(admin, page_id)
    tell(Done(Verb.FOUND, f'page "{title}" ({page_id})'))
    for database in Database:
        name = TITLES[database]
        if database in found:
            tell(_database(Verb.FOUND, f'{database.label} database "{name}"', database, found[database]))
            _add(admin, admin.schema(database, found[database]), tell, dry_run=dry_run)
            continue
        properties = new_database(database, campaign)
        shown = f'{database.label} database "{name}" with {len(properties)} columns'
        if dry_run:
            tell(Done(Verb.MADE, shown))
        else:
            tell(_database(Verb.MADE, shown, database, admin.create_database(page_id, name, properties)))


def migrate(admin: Admin, ids: Mapping[Database, str], tell: Tell, *, dry_run: bool = False) -> bool:
    """Add the columns and options that the databases lack.

    Args:
        admin: Notion.
        ids: Of the databases.
        tell: Hears of each step.
        dry_run: Only tell what would be done.

    Returns:
        Whether nothing is left for a person to do.
    """
    # All is read before anything is written: an id that is wrong changes nothing.
    schemas = [admin.schema(database, database_id) for database, database_id in ids.items()]
    left = [schema for schema in schemas if not _add(admin, schema, tell, dry_run=dry_run)]
    return not left


def add_templates(
    templates: Templates | None, wanted: Iterable[StoredTemplate], tell: Tell, *, dry_run: bool = False
) -> None:
    """Write the templates whose name is not there yet; those that are there stay as they are.

    Args:
        templates: The database; None if a dry run has not made it.
        wanted: In order.
        tell: Hears of each step.
        dry_run: Only tell what would be done.
    """
    there = set() if templates is None else {row.stored.name for row in templates.template_rows()}
    for stored in wanted:
        if stored.name in there or (templates is not None and templates.has_just_made_template(stored.name)):
            tell(Done(Verb.FOUND, f'template "{stored.name}"'))
            continue
        if templates is not None and not dry_run:
            templates.create_template(stored)
        tell(Done(Verb.MADE, f'template "{stored.name}"'))


def _database(verb: Verb, shown: str, database: Database, database_id: str) -> Done:
    return Done(verb, f"{shown} ({database_id})", database, database_id)


def _on_page(admin: Admin, page_id: str) -> dict[Database, str]:
    on_page = admin.databases_on(page_id)
    found: dict[Database, str] = {}
    for database in Database:
        wanted = TITLES[database].casefold()
        ids = [each.database_id for each in on_page if each.title.strip().casefold() == wanted]
        if len(ids) > 1:
            ids = [database_id for database_id in ids if admin.is_database(database_id)]
        if len(ids) > 1:
            raise SetupRefused(
                f'The page has {len(ids)} databases "{TITLES[database]}" ({", ".join(ids)}): rename or bin all but the '
                "one to use. Nothing was changed."
            )
        recent = None if ids else admin.recent_database(page_id, TITLES[database])
        if ids or recent:
            found[database] = recent or ids[0]
    return found


def _add(admin: Admin, schema: Schema, tell: Tell, *, dry_run: bool) -> bool:
    lacking = lack(schema)
    label = schema.database.label
    if lacking.can_be_added and not dry_run:
        admin.add(schema, lacking)
    for column in lacking.columns:
        name = spelling(schema.database, column)
        tell(Done(Verb.ADDED, f'column "{name}" ({column.kinds[0]}) to the {label} database'))
    for actual, names in lacking.options.items():
        named = ", ".join(f'"{name}"' for name in names)
        tell(Done(Verb.ADDED, f'options {named} to the column "{actual}" of the {label} database'))
    for line in lacking.by_hand:
        tell(Done(Verb.BY_HAND, f"{label} database: {line}"))
    return not lacking.by_hand
