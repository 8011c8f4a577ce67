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
        return next(iter(self._all(column)), None)

    def actual(self, name: str) -> ActualColumn | None:
        """The actual column for the contract's *name*.

        Raises:
            SetupRefused: A required column is missing.
        """
        column = next(column for column in COLUMNS[self.database] if column.name == name)
        return self._required(name) if column.is_required else self.find(column)

    def cell(self, page: Json, name: str) -> Json | None:
        """The cell of a page under the contract's *name*, or None if the optional column is missing."""
        actual = self.actual(name)
        return None if actual is None else page["properties"].get(actual.name)

    def condition(self, name: str, value: str) -> Json:
        """A query's condition that a column has a value.

        Raises:
            SetupRefused: The column is missing.
        """
        actual = self._required(name)
        return {"property": actual.name, actual.kind: {"equals": str(value)}}

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
        lines = tuple(self.missing_line(column) for column in self.missing() if column.is_required)
        return (*lines, *self.misfits())

    def misfits(self) -> tuple[str, ...]:
        """One line for each thing that no new column can mend: a wrong type, contacts without a name."""
        found = ((column, self.find(column)) for column in COLUMNS[self.database])
        lines = [
            f'the column "{actual.name}" is {actual.kind}, it must be {" or ".join(column.kinds)}: '
            "change its type in Notion"
            for column, actual in found
            if actual is not None and actual.kind not in column.kinds
        ]
        if self.database is Database.CONTACTS and not (self._has("first_name") or self._has("Name")):
            lines.append(
                f'a title column "first_name" or "Name" is missing: rename the title column {self._title}to it'
            )
        return tuple(lines)

    def gaps(self) -> tuple[str, ...]:
        """The optional columns that are missing."""
        return tuple(column.name for column in self.missing() if not column.is_required)

    def missing(self) -> tuple[Column, ...]:
        """The columns that are not there; of contacts, those of the layout that is there (contract section 8)."""
        lacking = [column for column in COLUMNS[self.database] if self.find(column) is None]
        if self.database is Database.CONTACTS:
            if not self._has("first_name"):
                lacking = [column for column in lacking if column.name not in {"first_name", "last_name"}]
            lacking = [column for column in lacking if column.name != "Name"]
        return tuple(lacking)

    def missing_line(self, column: Column) -> str:
        """Which column is missing, and what a person does about it."""
        # A database has one title column, always: another can't be added.
        is_title = column.kinds[0] == "title" and self._title
        remedy = f"rename the title column {self._title}to it" if is_title else f"add it as {column.kinds[0]}"
        return f'the column "{column.name}" is missing: {remedy}'

    def doubles(self) -> tuple[str, ...]:
        """One line for each column that is there twice under names that count as the same: the first one is used."""
        lines = []
        for column in COLUMNS[self.database]:
            names = [f'"{actual.name}"' for actual in self._all(column)]
            if len(names) > 1:
                lines.append(f"the columns {' and '.join(names)} count as the same: only {names[0]} is used")
        return tuple(lines)

    @property
    def _title(self) -> str:
        return next((f'"{column.name}" ' for column in self.columns if column.kind == "title"), "")

    def _all(self, column: Column) -> list[ActualColumn]:
        wanted = {name.lower() for name in (column.name, *column.other_names)}
        return [actual for actual in self.columns if actual.name.strip().lower() in wanted]

    def _required(self, name: str) -> ActualColumn:
        column = next(column for column in COLUMNS[self.database] if column.name == name)
        found = self.find(column)
        if found is None:
            raise SetupRefused(
                f'The {self.database.label} database has no column "{name}": add it as {column.kinds[0]}.'
            )
        return found

    def _has(self, name: str) -> bool:
        return self.actual(name) is not None

    def _refuse_if_required(self, name: str, why: str) -> None:
        if next(column for column in COLUMNS[self.database] if column.name == name).is_required:
            raise SetupRefused(f'The column "{name}" of the {self.database.label} database {why}.')

    def _leave_out(self, what: str) -> None:
        if what not in self.left_out:
            self.left_out.append(what)
