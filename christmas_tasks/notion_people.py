"""Notion as the commands around one person see it: all contacts of an address, whole pages, the bin."""

from typing import Any

from christmas_tasks.columns import Database
from christmas_tasks.contacts import Contact
from christmas_tasks.notion import Notion
from christmas_tasks.notion_calls import Gone, Invalid
from christmas_tasks.notion_json import COMPUTED_KINDS, decode


class NotionPeople(Notion):
    """Notion, with what a person's export and erase need. Every method may be repeated."""

    again = "run the command again"

    def contacts_of(self, address: str) -> list[Contact]:
        """All contacts with an address, oldest first; one, unless a person has made another. One call."""
        pages = self._query(Database.CONTACTS, {"Email": address})
        if not pages and (page := self._just_made(Database.CONTACTS, address)) is not None:
            pages = [page]
        return [self._contact(page) for page in pages]

    def columns_of(self, page_id: str) -> dict[str, Any] | None:
        """All that a page holds, ours or not, by Notion's own names; None if it is gone or in the bin. One call."""
        page = self._page(page_id)
        if page is None:
            return None
        cells = page["properties"].items()
        return {name: decode(cell) for name, cell in cells if cell["type"] not in COMPUTED_KINDS}

    def trash(self, page_id: str) -> None:
        """Put a page into Notion's bin. Nothing happens to one that lies there, or is gone. One call."""
        try:
            self._calls.call(
                "put a page into the bin", lambda: self._calls.client.pages.update(page_id=page_id, in_trash=True)
            )
        except (Gone, Invalid):
            # Notion refuses to edit what is in the bin: an answer that got lost was the first one's.
            if self._page(page_id) is not None:
                raise
