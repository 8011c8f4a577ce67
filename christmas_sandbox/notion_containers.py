"""What holds rows at the Notion stand-in: pages, the databases under them, their data sources and columns.

Source: developers.notion.com, "Create a database", "Update data source properties", "Retrieve block children".
"""

import uuid
from dataclasses import replace

from christmas_sandbox.clock import Clock
from christmas_sandbox.notion_errors import not_found, refuse, refuse_body
from christmas_sandbox.notion_forms import (
    child_database_form,
    child_page_form,
    database_form,
    list_form,
    plain_page_form,
    source_form,
)
from christmas_sandbox.notion_requests import read_body, read_page_size, read_uuid
from christmas_sandbox.notion_rows import Database, DataSource, PlainPage, Tables
from christmas_sandbox.notion_schema import change_schema, read_schema
from christmas_sandbox.notion_values import plain_text, read_rich_text
from christmas_sandbox.wire import Call, JsonObject

_CREATE_KEYS = {"parent", "title", "description", "is_inline", "initial_data_source", "icon", "cover"}
_CHANGE_KEYS = {"parent", "title", "description", "is_inline", "icon", "cover", "in_trash", "is_locked"}
_SOURCE_KEYS = {"title", "icon", "properties", "in_trash", "archived", "parent"}


class Containers:
    """Handles databases, data sources, and pages that are no rows; a refused call writes nothing.

    Args:
        tables: Where they are kept.
        clock: Gives the times of creation.
    """

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def get_database(self, _call: Call, database_id: str) -> JsonObject:
        """Retrieve a database."""
        if database_id in self._tables.plain_pages or database_id in self._tables.rows:
            refuse(
                f"Provided database_id {database_id} is a page, not a database. Use the pages API instead, "
                "or pass the ID of the database itself if you are trying to query a database."
            )
        return self._database_form(self._database(database_id))

    def create_database(self, call: Call) -> JsonObject:
        """Make a database with its first data source, under a page or at the top."""
        body = read_body(call, _CREATE_KEYS)
        parent = self._parent(body.get("parent"))
        initial = body.get("initial_data_source")
        if not isinstance(initial, dict):
            refuse_body("initial_data_source", "should be an object")
        title = read_rich_text(body.get("title", []), "title")
        schema = read_schema(initial.get("properties"))
        now = self._clock.now_ms()
        database = Database(str(uuid.uuid4()), title, parent, now)
        self._tables.add_database(database, DataSource(str(uuid.uuid4()), database.id, plain_text(title), now, schema))
        return self._database_form(database)

    def change_database(self, call: Call, database_id: str) -> JsonObject:
        """Rename a database, or move it into the trash and back."""
        body = read_body(call, _CHANGE_KEYS)
        database = self._database(database_id)
        title = read_rich_text(body["title"], "title") if "title" in body else database.title
        in_trash = body.get("in_trash", database.in_trash)
        if not isinstance(in_trash, bool):
            refuse_body("in_trash", f"should be a boolean, instead was `{in_trash!r}`")
        changed = replace(database, title=title, in_trash=in_trash)
        self._tables.change_database(changed)
        return self._database_form(changed)

    def get_source(self, _call: Call, source_id: str) -> JsonObject:
        """Retrieve a data source with its columns."""
        return self._source_form(self.source(source_id))

    def change_source(self, call: Call, source_id: str) -> JsonObject:
        """Add, rename, retype or remove columns and options of a data source."""
        body = read_body(call, _SOURCE_KEYS)
        source = self.source(source_id)
        schema = change_schema(source.schema, body.get("properties", {}))
        name = plain_text(read_rich_text(body["title"], "title")) if "title" in body else source.name
        changed = replace(source, schema=schema, name=name)
        self._tables.change_source(changed)
        return self._source_form(changed)

    def children(self, call: Call, block_id: str) -> JsonObject:
        """List what stands on a page: its databases and pages, oldest first, none from the trash."""
        self._refuse_unknown(block_id)
        found = [
            (database.created_ms, child_database_form(database))
            for database in self._tables.databases.values()
            if database.parent.get("page_id") == block_id and not database.in_trash
        ]
        found += [
            (page.created_ms, child_page_form(page))
            for page in self._tables.plain_pages.values()
            if page.parent.get("page_id") == block_id
        ]
        blocks = [form for _, form in sorted(found, key=lambda pair: pair[0])]
        given = call.query.get("page_size", "100")
        size = read_page_size(int(given) if given.isascii() and given.isdigit() else given)
        cursor = call.query.get("start_cursor")
        start = next((index for index, block in enumerate(blocks) if block["id"] == cursor), None) if cursor else 0
        if start is None:
            refuse(f"The start_cursor provided is invalid: {cursor}")
        rest = blocks[start:]
        return list_form(rest[:size], rest[size]["id"] if len(rest) > size else None, "block")

    def create_page(self, parent: JsonObject, properties: object) -> JsonObject:
        """Make a page under a page; a title is all it may have."""
        checked = self._parent(parent)
        given = properties if isinstance(properties, dict) else {}
        if set(given) - {"title"}:
            refuse("A page under a page has no property but its title.")
        title = given.get("title", [])
        pieces = title.get("title") if isinstance(title, dict) else title
        now = self._clock.now_ms()
        page = PlainPage(str(uuid.uuid4()), read_rich_text(pieces, "properties.title"), checked, now)
        self._tables.add_plain_page(page)
        return plain_page_form(page)

    def get_page(self, page_id: str) -> JsonObject:
        """Retrieve a page that is no row."""
        if page_id in self._tables.databases:
            refuse(f"Provided ID {page_id} is a database, not a page. Use the retrieve database API instead.")
        page = self._tables.plain_pages.get(page_id)
        if page is None:
            not_found("page", page_id)
        return plain_page_form(page)

    def source(self, source_id: str) -> DataSource:
        """Give a data source.

        Raises:
            VendorError: 404.
        """
        source = self._tables.data_sources.get(source_id)
        if source is None:
            not_found("data source", source_id)
        return source

    def _database(self, database_id: str) -> Database:
        database = self._tables.databases.get(database_id)
        if database is None:
            not_found("database", database_id)
        return database

    def _parent(self, parent: object) -> JsonObject:
        if not isinstance(parent, dict) or not set(parent) & {"page_id", "workspace"}:
            refuse_body("parent", "should hold `page_id` or `workspace`")
        if "page_id" not in parent:
            return parent
        page_id = read_uuid(str(parent["page_id"]))
        if page_id not in self._tables.plain_pages and page_id not in self._tables.rows:
            not_found("page", page_id)
        return {"type": "page_id", "page_id": page_id}

    def _refuse_unknown(self, block_id: str) -> None:
        tables = self._tables
        if not any(block_id in known for known in (tables.plain_pages, tables.databases, tables.rows)):
            not_found("block", block_id)

    def _database_form(self, database: Database) -> JsonObject:
        return database_form(database, self._tables.sources_of(database.id))

    def _source_form(self, source: DataSource) -> JsonObject:
        return source_form(source, self._tables.databases[source.database_id])
