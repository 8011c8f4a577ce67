"""Notion as contacts, templates and ledger: the only module that talks to it (API 2025-09-03).

Whoever outgrows Notion as a ledger replaces this module and its ``notion_*`` helpers; ``steps/ports.py`` names the few
methods it needs. Every method may be repeated. Notion has no unique constraint and no idempotency key: creating looks
first, and looks again when an answer got lost.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from christmas_tasks import notion_pages
from christmas_tasks.cache import FileCache
from christmas_tasks.columns import Database
from christmas_tasks.contacts import Contact
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_calls import Gone, Invalid, NotionCalls
from christmas_tasks.notion_json import Json
from christmas_tasks.notion_schema import ActualColumn, Schema
from christmas_tasks.pacing import NO_PACE, Pace
from christmas_tasks.retrying import retrying
from christmas_tasks.tracker import Changes, SequenceStatus, TrackerRow

if TYPE_CHECKING:
    from christmas_tasks.templates import Template

T = TypeVar("T")

SCHEMA_AGE_S = 3_600.0
TEMPLATES_AGE_S = 300.0
# How long Notion's search may take to show a new page: not documented, so generous.
_SEARCH_LAG_S = 120.0
_PAGE_SIZE = 100


class Notion:
    """The three databases.

    Args:
        token: The integration's token.
        databases: Database ids, hyphens or not.
        cache: Where schemas and templates are kept between tasks.
        base_url: ``https://api.notion.com``, or a stand-in.
        budget_s: Seconds that one call may take with all its repeats.
        pace: Keeps the calls of all tasks apart.

    ``unreadable`` grows by one line for each tracker row that had to be passed over. ``again`` is what messages tell
    people to do after trouble that passes.
    """

    again = "restart the execution"

    def __init__(
        self,
        token: str,
        databases: Mapping[Database, str],
        cache: FileCache,
        base_url: str = "https://api.notion.com",
        budget_s: float = 60.0,
        pace: Pace = NO_PACE,
    ) -> None:
        self._calls = NotionCalls(token, base_url, budget_s, self.again, pace)
        self._databases = databases
        self._cache = cache
        self._base_url = base_url
        self._schemas: dict[Database, Schema] = {}
        self.unreadable: list[str] = []

    def close(self) -> None:
        """Close the connections; safe to repeat. A task that ends need not ask for it."""
        self._calls.close()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be left out so far: one line for each database."""
        return tuple(
            f"Left out in the {schema.database.label} database: {', '.join(schema.left_out)}."
            for schema in self._schemas.values()
            if schema.left_out
        )

    # Tracker

    def find_row(self, key: str) -> TrackerRow | None:
        """The row of an enrolment; the oldest if there are several. One call."""
        pages = self._query(Database.TRACKER, {"Enrolment Key": key}, limit=1)
        page = pages[0] if pages else self._just_made(Database.TRACKER, key)
        return None if page is None else self._row(page)

    def create_row(self, key: str, changes: Changes) -> TrackerRow:
        """Create the row of an enrolment that has none. One call; if its answer gets lost, looks before repeating."""
        row = self._create(Database.TRACKER, changes, lambda: self.find_row(key), self._row)
        self._cache.write(self._made_name(Database.TRACKER, key), row.row_id)
        of_address = self._made_name(Database.TRACKER, row.address)
        self._cache.write(of_address, [*(self._cache.read(of_address, _SEARCH_LAG_S) or ()), row.row_id])
        return row

    def read_row(self, row_id: str) -> TrackerRow | None:
        """The row as it is now, or None if it is gone or in the bin. One call."""
        page = self._page(row_id)
        return None if page is None else self._row(page)

    def update_row(self, row_id: str, changes: Changes) -> TrackerRow:
        """Write absolute values, and return the row as it is after that. One call."""
        return self._row(self._update(Database.TRACKER, row_id, changes))

    def rows_of(self, address: str) -> list[TrackerRow]:
        """All rows of one address, oldest first."""
        pages = self._query(Database.TRACKER, {"Email": address})
        known = {page["id"] for page in pages}
        for row_id in self._cache.read(self._made_name(Database.TRACKER, address), _SEARCH_LAG_S) or ():
            if row_id not in known and (page := self._page(row_id)) is not None:
                pages.append(page)
        return list(self._readable(pages))

    def rows(self, campaign: str, statuses: tuple[SequenceStatus, ...]) -> Iterator[TrackerRow]:
        """All rows of a campaign with one of *statuses*, oldest first."""
        for status in statuses:
            yield from self._readable(self._query(Database.TRACKER, {"Campaign": campaign, "Sequence Status": status}))

    def _readable(self, pages: list[Json]) -> Iterator[TrackerRow]:
        # One row that a person has garbled must not keep everybody else's from being looked at.
        for page in pages:
            try:
                yield self._row(page)
            except SetupRefused as error:
                if str(error) not in self.unreadable:
                    self.unreadable.append(str(error))

    # Contacts

    def find_contact(self, address: str) -> Contact | None:
        """The contact with an address; the oldest if there are several. One call."""
        pages = self._query(Database.CONTACTS, {"Email": address}, limit=1)
        page = pages[0] if pages else self._just_made(Database.CONTACTS, address)
        return None if page is None else self._contact(page)

    def contacts(self) -> list[Contact]:
        """All contacts, oldest first; two with one address are duplicates. A call for each 100."""
        return [self._contact(page) for page in self._query(Database.CONTACTS, {})]

    def create_contact(self, address: str, changes: Changes) -> Contact:
        """Create a contact that isn't there. One call; if its answer gets lost, looks before repeating."""
        given = self._named({"Email": address, **changes})
        contact = self._create(Database.CONTACTS, given, lambda: self.find_contact(address), self._contact)
        self._cache.write(self._made_name(Database.CONTACTS, address), contact.contact_id)
        return contact

    def update_contact(self, contact_id: str, changes: Changes) -> Contact:
        """Write absolute values, and return the contact as it is after that. One call."""
        return self._contact(self._update(Database.CONTACTS, contact_id, self._named(changes)))

    # Templates

    def templates(self, *, fresh: bool = False) -> "dict[str, Template]":
        """All templates by name, from the cache where it is warm; the active one where a name occurs twice."""
        from christmas_tasks.templates import Template  # noqa: PLC0415 - jinja2, 60 ms that only prepare pays

        cached = None if fresh else self._cache.read(self._cache_name("templates"), TEMPLATES_AGE_S)
        if cached is None:
            pages = self._query(Database.TEMPLATES, {})
            cached = [notion_pages.template_values(page, self.schema(Database.TEMPLATES)) for page in pages]
            self._cache.write(self._cache_name("templates"), cached)
        found = [Template(**values) for values in cached]
        return {template.name: template for template in sorted(found, key=lambda template: template.is_active)}

    # Set-up

    def whoami(self) -> str:
        """The integration's name: proves that the token works."""
        return str(self._calls.call("name the integration", self._calls.client.users.me).get("name") or "integration")

    def schema(self, database: Database, *, fresh: bool = False) -> Schema:
        """How a database really looks; kept for an hour.

        Raises:
            SetupRefused: Not there, not shared with the integration, or with several data sources.
        """
        if database in self._schemas and not fresh:
            return self._schemas[database]
        name = self._cache_name(f"schema-{database.name.lower()}")
        cached = None if fresh else self._cache.read(name, SCHEMA_AGE_S)
        if cached is not None:
            columns = tuple(ActualColumn(n, kind, tuple(options)) for n, kind, options in cached["columns"])
            schema = Schema(database, cached["data_source_id"], columns)
        else:
            schema = self._calls.schema(database, self._databases[database])
            self._cache.write(
                name,
                {
                    "data_source_id": schema.data_source_id,
                    "columns": [[column.name, column.kind, list(column.options)] for column in schema.columns],
                },
            )
        self._schemas[database] = schema
        return schema

    def _just_made(self, database: Database, name: str) -> Json | None:
        """The page that a task of this machine made a moment ago, and that Notion's search may not show yet."""
        page_id = self._cache.read(self._made_name(database, name), _SEARCH_LAG_S)
        return None if page_id is None else self._page(str(page_id))

    def _made_name(self, database: Database, name: str) -> str:
        # A digest: the cache holds no addresses.
        return self._cache_name(f"made-{hashlib.sha256(f'{database.name}:{name}'.encode()).hexdigest()[:16]}")

    def _cache_name(self, what: str) -> str:
        identity = json.dumps([self._base_url, *self._databases.values()])
        return f"{what}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    # Calls

    def _query(self, database: Database, equals: Mapping[str, str], limit: int | None = None) -> list[Json]:
        def once() -> list[Json]:
            schema = self.schema(database)
            conditions = [schema.condition(name, value) for name, value in equals.items()]
            query: Json = {
                "data_source_id": schema.data_source_id,
                "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
                "page_size": limit or _PAGE_SIZE,
            }
            if conditions:
                query["filter"] = {"and": conditions} if len(conditions) > 1 else conditions[0]
            pages: list[Json] = []
            while True:
                answer = self._calls.call(
                    f"search the {database.label}", lambda: self._calls.client.data_sources.query(**query)
                )
                pages.extend(page for page in answer["results"] if not page.get("in_trash"))
                if limit or not answer.get("has_more"):
                    return pages
                query["start_cursor"] = answer["next_cursor"]

        return self._with_fresh_schema(database, once)

    def _create(
        self, database: Database, changes: Changes, look: Callable[[], T | None], read: Callable[[Json], T]
    ) -> T:
        tries = 0

        def once() -> T:
            nonlocal tries
            tries += 1
            if tries > 1 and (found := look()) is not None:
                return found
            schema = self.schema(database)
            return read(
                self._calls.once(
                    f"write into the {database.label}",
                    lambda: self._calls.client.pages.create(
                        parent={"type": "data_source_id", "data_source_id": schema.data_source_id},
                        properties=schema.encode({name: value for name, value in changes.items() if value is not None}),
                    ),
                )
            )

        return self._with_fresh_schema(database, lambda: retrying(once, budget_s=self._calls.budget_s))

    def _update(self, database: Database, page_id: str, changes: Changes) -> Json:
        return self._with_fresh_schema(
            database,
            lambda: self._calls.call(
                f"write into the {database.label}",
                lambda: self._calls.client.pages.update(
                    page_id=page_id, properties=self.schema(database).encode(changes)
                ),
            ),
        )

    def _page(self, page_id: str) -> Json | None:
        try:
            page = self._calls.call("read a row", lambda: self._calls.client.pages.retrieve(page_id=page_id))
        except Gone:
            return None
        return None if page.get("in_trash") else page

    def _with_fresh_schema(self, database: Database, call: Callable[[], T]) -> T:
        """Call again once with a fresh schema if the cached one may be what is wrong."""
        try:
            return call()
        except (Gone, Invalid):
            before = self.schema(database).columns
            if self.schema(database, fresh=True).columns == before:
                raise
            return call()

    # Reading

    def _row(self, page: Json) -> TrackerRow:
        return notion_pages.tracker_row(page, self.schema(Database.TRACKER))

    def _contact(self, page: Json) -> Contact:
        return notion_pages.contact(page, self.schema(Database.CONTACTS))

    def _named(self, changes: Changes) -> Changes:
        return notion_pages.with_names(changes, self.schema(Database.CONTACTS))
