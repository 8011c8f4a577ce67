"""Databases, data sources and rows of the Notion stand-in: on disk, and all in memory for quick queries.

Every change is written to SQLite first, and to memory only if that succeeded.
"""

import json
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from christmas_sandbox.clock import Clock, iso_minute
from christmas_sandbox.notion_values import empty_cell
from christmas_sandbox.store import Store
from christmas_sandbox.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Row:
    """One page of a data source; `cells` are stored values by property id."""

    seq: int
    id: str
    data_source_id: str
    created_ms: int
    edited_ms: int
    in_trash: bool
    cells: dict[str, Any]

    def cell(self, prop_id: str, kind: str) -> object:
        """Give the value of a property, or what an empty one reads as."""
        return self.cells[prop_id] if prop_id in self.cells else empty_cell(kind)

    def stamp(self, name: str) -> str:
        """Give `created_time` or `last_edited_time` as Notion writes it."""
        return iso_minute(self.created_ms if name == "created_time" else self.edited_ms)


@dataclass(frozen=True, slots=True)
class DataSource:
    """A table: its schema by property name."""

    id: str
    database_id: str
    name: str
    created_ms: int
    schema: dict[str, JsonObject]


@dataclass(frozen=True, slots=True)
class Database:
    """A container of data sources; `title` is rich text, `parent` as it was given."""

    id: str
    title: list[JsonObject]
    parent: JsonObject
    created_ms: int
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class PlainPage:
    """A page that is no row; `title` is rich text."""

    id: str
    title: list[JsonObject]
    parent: JsonObject
    created_ms: int


class Tables:
    """All databases of one store.

    Args:
        store: Where they live.
        clock: Gives the times of creation and change.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.plain_pages: dict[str, PlainPage] = {}
        self.databases: dict[str, Database] = {}
        self.data_sources: dict[str, DataSource] = {}
        self.rows: dict[str, Row] = {}
        self._by_source: dict[str, dict[str, Row]] = {}
        self.load()

    def load(self) -> None:
        """Read everything from disk; safe to repeat."""
        self.plain_pages = {
            row["id"]: PlainPage(id=row["id"], **json.loads(row["body"]))
            for row in self._store.execute("SELECT * FROM plain_pages")
        }
        self.databases = {
            row["id"]: Database(id=row["id"], **json.loads(row["body"]))
            for row in self._store.execute("SELECT * FROM databases")
        }
        self.data_sources = {
            row["id"]: DataSource(id=row["id"], database_id=row["database_id"], **json.loads(row["body"]))
            for row in self._store.execute("SELECT * FROM data_sources")
        }
        self.rows = {}
        self._by_source = {source_id: {} for source_id in self.data_sources}
        for row in self._store.execute("SELECT * FROM pages ORDER BY seq"):
            self._remember(
                Row(
                    seq=row["seq"],
                    id=row["id"],
                    data_source_id=row["data_source_id"],
                    created_ms=row["created_ms"],
                    edited_ms=row["edited_ms"],
                    in_trash=bool(row["in_trash"]),
                    cells=json.loads(row["cells"]),
                )
            )

    def sources_of(self, database_id: str) -> list[DataSource]:
        """List the data sources of a database, oldest first."""
        found = [source for source in self.data_sources.values() if source.database_id == database_id]
        return sorted(found, key=lambda source: source.created_ms)

    def rows_of(self, data_source_id: str) -> list[Row]:
        """List the rows of a data source, trashed ones too, oldest first."""
        return list(self._by_source[data_source_id].values())

    def add_database(self, database: Database, source: DataSource) -> None:
        """Write a new database with its first data source."""
        with self._store.transaction():
            self._write_body("databases", database)
            self._write_source(source)
        self.databases[database.id] = database
        self._by_source[source.id] = {}
        self.data_sources[source.id] = source

    def change_database(self, database: Database) -> None:
        """Write a database's new title or trash state."""
        self._write_body("databases", database)
        self.databases[database.id] = database

    def add_plain_page(self, page: PlainPage) -> None:
        """Write a new page that is no row."""
        self._write_body("plain_pages", page)
        self.plain_pages[page.id] = page

    def change_source(self, source: DataSource) -> None:
        """Write a data source's new schema or name; cells whose option is gone become empty."""
        rows = [emptied for row in self.rows_of(source.id) if (emptied := _without_lost_options(row, source)) != row]
        with self._store.transaction():
            self._write_source(source)
            for row in rows:
                self._store.execute("UPDATE pages SET cells = ? WHERE id = ?", json.dumps(row.cells), row.id)
        self.data_sources[source.id] = source
        for row in rows:
            self._remember(row)

    def add_row(self, source: DataSource, cells: dict[str, Any]) -> Row:
        """Write a new row and the source's schema, which may have got new options."""
        now = self._clock.now_ms()
        row = Row(0, str(uuid.uuid4()), source.id, now, now, in_trash=False, cells=cells)
        with self._store.transaction():
            inserted = self._store.execute(
                "INSERT INTO pages (id, data_source_id, created_ms, edited_ms, in_trash, cells)"
                " VALUES (?, ?, ?, ?, 0, ?) RETURNING seq",
                *(row.id, source.id, now, now, json.dumps(cells)),
            )
            self._write_source(source)
        row = replace(row, seq=inserted[0]["seq"])
        self._remember(row)
        self.data_sources[source.id] = source
        return row

    def change_row(self, row: Row, source: DataSource) -> Row:
        """Write a row's new cells or trash state; its time of change becomes now."""
        row = replace(row, edited_ms=self._clock.now_ms())
        with self._store.transaction():
            self._store.execute(
                "UPDATE pages SET edited_ms = ?, in_trash = ?, cells = ? WHERE id = ?",
                *(row.edited_ms, int(row.in_trash), json.dumps(row.cells), row.id),
            )
            self._write_source(source)
        self._remember(row)
        self.data_sources[source.id] = source
        return row

    def _write_body(self, table: str, container: Database | PlainPage) -> None:
        body = asdict(container)
        statement = f"INSERT OR REPLACE INTO {table} VALUES (?, ?)"  # noqa: S608 - the two names above
        self._store.execute(statement, body.pop("id"), json.dumps(body))

    def _write_source(self, source: DataSource) -> None:
        if self.data_sources.get(source.id) == source:
            return
        body = {"name": source.name, "created_ms": source.created_ms, "schema": source.schema}
        self._store.execute(
            "INSERT OR REPLACE INTO data_sources VALUES (?, ?, ?)",
            *(source.id, source.database_id, json.dumps(body)),
        )

    def _remember(self, row: Row) -> None:
        self.rows[row.id] = row
        self._by_source[row.data_source_id][row.id] = row


def _without_lost_options(row: Row, source: DataSource) -> Row:
    cells = dict(row.cells)
    for prop in source.schema.values():
        cell = cells.get(prop["id"])
        if prop["type"] == "select" and isinstance(cell, dict):
            known = {option["id"] for option in prop["select"]["options"]}
            if cell.get("id") not in known:
                cells[prop["id"]] = None
        if prop["type"] == "multi_select" and isinstance(cell, list):
            known = {option["id"] for option in prop["multi_select"]["options"]}
            cells[prop["id"]] = [option for option in cell if option["id"] in known]
    return replace(row, cells=cells)
