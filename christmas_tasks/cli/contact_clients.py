"""What the commands around one person work with: Notion and Kestra, opened from the settings of the environment.

Where Kestra can't be asked, ``live_of`` and ``start_missing`` say why in a line, and the command goes on. ``records``
raises.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from christmas_tasks.cli.terminal import note
from christmas_tasks.columns import Database
from christmas_tasks.engine_records import EngineRecords, Execution
from christmas_tasks.errors import ChristmasError, SettingsError
from christmas_tasks.flow_tasks.door import Door
from christmas_tasks.notion_people import NotionPeople
from christmas_tasks.pacing import shared_pace
from christmas_tasks.steps import steer
from christmas_tasks.steps.people import Person

_NESTED_DEEP = 10_000


@dataclass(frozen=True)
class Clients:
    """What a command works with.

    Args:
        door: Settings, locks, Resend.
        notion: The person's pages.
    """

    door: Door
    notion: NotionPeople

    @contextmanager
    def records(self) -> Iterator[EngineRecords]:
        """Kestra's executions.

        Raises:
            SettingsError: Nobody has said where Kestra is.
        """
        url = self.door.env("KESTRA_URL")
        if not url:
            raise SettingsError(["KESTRA_URL is not set: give Kestra's address, such as http://127.0.0.1:8080."])
        # A body may be nested as deep as Kestra takes it, which is as deep as Python reads by default.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _NESTED_DEEP))
        login = self.door.env("KESTRA_USERNAME"), self.door.env("KESTRA_PASSWORD")
        with closing(EngineRecords(url, *login, self.door.settings.vendor_budget_seconds)) as records:
            yield records

    def live_of(self, person: Person) -> tuple[dict[str, list[Execution]], str]:
        """What waits and runs for each enrolment, and a line about how that was found out."""
        try:
            with self.records() as records:
                live = {row.key: records.live_of(row.key) for row in person.rows}
        except ChristmasError as error:
            return {}, f"What waits in Kestra is not known: {error}"
        count = sum(len(found) for found in live.values())
        return live, f"Kestra was asked: {count} executions wait or run for these enrolments."

    def start_missing(self, steered: list[steer.Steered]) -> tuple[str, ...]:
        """Start what has no execution of these rows; a line for each, or why nothing was started."""
        try:
            with self.records() as records:
                return steer.start_missing(tuple(one.row for one in steered), records.live_of, records)
        except ChristmasError as error:
            return (f"Nothing was started here, so reconcile does it within the hour: {error}",)

    def warn(self) -> None:
        """Say what of Notion could not be read or written, and which columns are missing."""
        for line in (*self.notion.warnings, *self.notion.unreadable, *self._gaps()):
            note(f"warning: {line}")

    def _gaps(self) -> list[str]:
        """The tracker's optional columns that are missing and that the timeline would show."""
        missing = self.notion.schema(Database.TRACKER).gaps()
        gaps = [name for name in missing if name.endswith((" Delivery", " Sent By"))]
        return [f"The sequence tracker has no column {', '.join(gaps)}: nothing is known of that."] if gaps else []


@contextmanager
def opened() -> Iterator[Clients]:
    """Open them; they are closed with the block.

    Raises:
        SettingsError: Settings are missing or wrong.
    """
    door = Door(os.environ, Path.cwd())
    settings = door.settings
    databases = {database: settings.secret(database.value) for database in Database}
    notion = NotionPeople(
        settings.secret("NOTION_TOKEN"),
        databases,
        door.cache,
        settings.notion_base_url,
        settings.vendor_budget_seconds,
        # The campaign's own tasks share Notion's limit with a long export.
        shared_pace(door.cache_folder, "Notion", settings.notion_calls_per_second),
    )
    with closing(notion):
        yield Clients(door, notion)
