"""Which data source a database has, which columns it really has, and how the contract's names map to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from christmas_tasks.columns import COLUMNS, Column, Database
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_json import Json, Unwritable, encode
from christmas_tasks.tracker import Changes


@dataclass(frozen=True)
class ActualColumn:
    """A column as the database has it."""

    name: str
    kind: str
    options: tuple[str, ...] = ()


@dataclass
class Schema:
    """One database as it is.

    Args:
        database: Which one.
        data_source_id: Notion's id of its data source.
        columns: What the database has.
        left_out: Grows by each thing that could not be written; each stands there once.
    """

    database: Database
    data_source_id: str
    columns: tuple[ActualColumn, ...]
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, database: Database, data_source_id: str, properties: Mapping[str, Any]) -> "Schema":
        """Read a data source's ``properties``."""
        return cls(
            database,
            data_source_id,
            tuple(
                ActualColumn(
                    name,
                    column["type"],
                    tuple(option["name"] for option in column.get(column["type"], {}).get("options", ())),
                )
                for name, column in properties.items()
            ),
        )

    def find(self, column: Column) -> ActualColumn | None:
        """The actual column for the contract's, by any of its names, without regard to case."""
        wanted = {name.lower() for name in (column.name, *column.other_names)}
        return next((actual for actual in self.columns if actual.name.strip().lower() in wanted), None)

    def actual(self, name: str) -> ActualColumn | None:
        """The actual column for the contract's *name*.

        Raises:
            SetupRefused: A required column is missing.
        """
        column = next(column for column in COLUMNS[self.database] if column.name == name)
        found = self.find(column)
        if found is None and column.is_required:
            raise SetupRefused(
                f'The {self.database.label} database has no column "{name}": add it as {column.kinds[0]}.'
            )
        return found

    def cell(self, page: Json, name: str) -> Json | None:
        """The cell of a page under the contract's *name*, or None if the optional column is missing."""
        actual = self.actual(name)
        return None if actual is None else page["properties"].get(actual.name)

    def encode(self, changes: Changes) -> Json:
        """Notion's ``properties`` for *changes*; what a column can't take is kept in ``left_out`` instead."""
        properties: Json = {}
        for name, value in changes.items():
            actual = self.actual(name)
            if actual is None:
                self._leave_out(f'"{name}" (no such column)')
                continue
            if actual.kind == "status" and value:
                option = next((o for o in actual.options if o.lower() == str(value).lower()), None)
                if option is None:
                    self._refuse_if_required(name, f'has no option "{value}": add it in Notion')
                    self._leave_out(f'"{actual.name}" (no option of that name)')
                    continue
                value = option  # noqa: PLW2901 - Notion knows it by its own spelling
            try:
                properties[actual.name] = encode(value, actual.kind)
            except Unwritable as problem:
                self._refuse_if_required(name, f"can't take its value, which {problem}: change its type in Notion")
                self._leave_out(f'"{actual.name}" (the value {problem})')
        return properties

    def faults(self) -> tuple[str, ...]:
        """One line for each required column that is missing or has a type that can't hold it."""
        lines = []
        for column in COLUMNS[self.database]:
            found = self.find(column)
            if found is None and column.is_required:
                lines.append(f'the column "{column.name}" is missing: add it as {column.kinds[0]}')
            elif found is not None and found.kind not in column.kinds:
                lines.append(f'the column "{found.name}" is {found.kind}: it must be {" or ".join(column.kinds)}')
        if self.database is Database.CONTACTS and not (self._has("first_name") or self._has("Name")):
            lines.append('a title column "first_name" or "Name" is missing: add one')
        return tuple(lines)

    def gaps(self) -> tuple[str, ...]:
        """The optional columns that are missing."""
        return tuple(
            column.name for column in COLUMNS[self.database] if not column.is_required and self.find(column) is None
        )

    def _has(self, name: str) -> bool:
        return self.actual(name) is not None

    def _refuse_if_required(self, name: str, why: str) -> None:
        if next(column for column in COLUMNS[self.database] if column.name == name).is_required:
            raise SetupRefused(f'The column "{name}" of the {self.database.label} database {why}.')

    def _leave_out(self, what: str) -> None:
        if what not in self.left_out:
            self.left_out.append(what)
