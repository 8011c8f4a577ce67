"""Makes and changes the databases themselves, which the campaign only writes rows into (Notion API 2025-09-03).

Adds only: nothing is ever removed, renamed or given another type. Notion knows no unique names and no idempotency:
making looks first, and looks again when an answer got lost.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs

from christmas_tasks.cache import FileCache
from christmas_tasks.columns import Database
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_blueprint import Lack, new_column, spelling
from christmas_tasks.notion_calls import Gone, Invalid, NotionCalls
from christmas_tasks.notion_json import Json, decode_text, encode
from christmas_tasks.notion_schema import Schema
from christmas_tasks.pacing import NO_PACE, Pace
from christmas_tasks.retrying import retrying
from christmas_tasks.text import clean

_PAGE_SIZE = 100
_TITLE_LIMIT = 100
# How long Notion may take to list a new page: not documented, so generous.
_LAG_S = 120.0
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class FoundDatabase:
    """A database on a page."""

    database_id: str
    title: str


class NotionAdmin:
    """Notion as the one who sets it up sees it.

    Args:
        token: The integration's token.
        cache: Remembers for two minutes what was made, for Notion may list it late.
        base_url: ``https://api.notion.com``, or a stand-in.
        budget_s: Seconds that one call may take with all its repeats.
        pace: Keeps its calls apart from those of the campaign's tasks.
    """

    def __init__(self, token: str, cache: FileCache, base_url: str, budget_s: float, pace: Pace = NO_PACE) -> None:
        self._calls = NotionCalls(token, base_url, budget_s, "run the command again", pace)
        self._base_url = base_url
        self._cache = cache

    def close(self) -> None:
        """Close the connections; safe to repeat."""
        self._calls.close()

    def page_title(self, page_id: str) -> str:
        """The title of a page.

        Raises:
            SetupRefused: Not there, not shared with the integration, in the trash, or a database.
        """
        try:
            page = self._calls.call(
                "find the page of --parent", lambda: self._calls.client.pages.retrieve(page_id=page_id)
            )
        except Invalid:
            raise SetupRefused(
                "--parent names a database: give the id or link of a page, the databases are made on it."
            ) from None
        if page.get("in_trash"):
            raise SetupRefused("The page of --parent is in Notion's trash: restore it, or give another one.")
        titles = [decode_text(cell) for cell in page["properties"].values() if cell.get("type") == "title"]
        return next((title for text in titles if (title := clean(text, _TITLE_LIMIT))), "Untitled")

    def databases_on(self, page_id: str) -> list[FoundDatabase]:
        """The databases that stand on a page, in columns and toggles too; none from the trash, none of a page below.

        A call for each 100 blocks, and for each block that holds others.
        """
        found: list[FoundDatabase] = []
        holders = [page_id]
        while holders:
            for block in self._children(holders.pop(0)):
                if block.get("type") == "child_database" and not block.get("in_trash"):
                    found.append(FoundDatabase(block["id"], block["child_database"]["title"]))
                elif block.get("has_children") and block.get("type") not in {"child_page", "child_database"}:
                    holders.append(block["id"])
        return found

    def is_database(self, database_id: str) -> bool:
        """Whether it is a database of its own, and no linked view of another one, which Notion's API does not serve."""
        try:
            found = self._calls.call(
                "read a database of the page", lambda: self._calls.client.databases.retrieve(database_id=database_id)
            )
        except (Gone, Invalid):
            return False
        return bool(found.get("data_sources")) and not found.get("in_trash")

    def create_database(self, page_id: str, title: str, properties: Json) -> str:
        """Make a database on a page that has none of this title, and give its id.

        One call with all its columns: it is made whole or not at all. If its answer gets lost, looks before repeating.
        """

        def look() -> str | None:
            wanted = title.casefold()
            there = (each for each in self.databases_on(page_id) if each.title.strip().casefold() == wanted)
            return next((each.database_id for each in there), None)

        def make() -> str:
            made = self._calls.once(
                f'make the database "{title}"',
                lambda: self._calls.client.databases.create(
                    parent={"type": "page_id", "page_id": page_id},
                    title=encode(title, "rich_text")["rich_text"],
                    initial_data_source={"properties": properties},
                ),
            )
            return str(made["id"])

        return self._once_only(f"database:{page_id}:{title}", look, make)

    def recent_database(self, page_id: str, title: str) -> str | None:
        """The id of a database that this machine has just made, and that the page may not list yet."""
        database_id = self._remembered(f"database:{page_id}:{title}")
        return database_id if database_id is not None and self.is_database(database_id) else None

    def schema(self, database: Database, database_id: str) -> Schema:
        """How a database looks now; see ``NotionCalls.schema``."""
        return self._calls.schema(database, database_id)

    def add(self, schema: Schema, lack: Lack) -> None:
        """Give a database the columns and options of *lack* that can be added. Two calls; safe to repeat.

        Notion takes the whole list of options and drops what is not in it. So the list is read right before: an
        option that a person adds in this very moment is the only one that could get lost.
        """

        def once() -> None:
            source = self._calls.once(
                f"read the columns of the {schema.database.label} database",
                lambda: self._calls.client.data_sources.retrieve(data_source_id=schema.data_source_id),
            )
            properties: Json = {
                spelling(schema.database, column): new_column(schema.database, column) for column in lack.columns
            }
            for name, new in lack.options.items():
                there = source["properties"][name]["select"]["options"]
                known = {option["name"].lower() for option in there}
                kept = [{"id": option["id"], "name": option["name"]} for option in there]
                added = [{"name": option} for option in new if option.lower() not in known]
                properties[name] = {"select": {"options": [*kept, *added]}}
            self._calls.once(
                f"change the columns of the {schema.database.label} database",
                lambda: self._calls.client.data_sources.update(
                    data_source_id=schema.data_source_id, properties=properties
                ),
            )

        retrying(once, budget_s=self._calls.budget_s)

    def _children(self, block_id: str) -> Iterator[Json]:
        more: Json = {}
        while True:
            ask = partial(self._calls.client.blocks.children.list, block_id=block_id, page_size=_PAGE_SIZE, **more)
            answer = self._calls.call("list what is on the page", ask)
            yield from answer["results"]
            if not answer.get("has_more"):
                return
            more = {"start_cursor": answer["next_cursor"]}

    def _once_only(self, what: str, look: Callable[[], str | None], make: Callable[[], str]) -> str:
        tries = 0

        def once() -> str:
            nonlocal tries
            tries += 1
            found = look() if tries > 1 else None
            return make() if found is None else found

        made = retrying(once, budget_s=self._calls.budget_s)
        self._cache.write(self._memory(what), made)
        return made

    def _remembered(self, what: str) -> str | None:
        found = self._cache.read(self._memory(what), _LAG_S)
        return found if isinstance(found, str) and _ID.fullmatch(found) else None

    def _memory(self, what: str) -> str:
        return f"made-{hashlib.sha256(f'{self._base_url}:{what}'.encode()).hexdigest()[:16]}"


def page_id_of(given: str) -> str:
    """The id of a page from its id or link, with hyphens.

    Raises:
        SetupRefused: There is no id in it.
    """
    # A link to a page that is open beside a database names it as p=...; v=... names a view.
    address, _, query = given.strip().partition("#")[0].partition("?")
    for text in (*parse_qs(query).get("p", ()), address):
        found = _ID.findall(text)
        if found:
            return str(uuid.UUID(found[-1]))
    raise SetupRefused(
        "--parent has no id in it: give the link of a Notion page (its menu ••• > Copy link), or the 32 characters "
        "0-9 a-f at the end of it."
    )
