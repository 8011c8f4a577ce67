"""Databases where people put them on a page: in columns and toggles, beside linked views, after many other blocks."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from notion_client.errors import APIErrorCode, APIResponseError

from christmas_tasks.cache import FileCache
from christmas_tasks.columns import Database
from christmas_tasks.notion_admin import FoundDatabase, NotionAdmin
from christmas_tasks.notion_blueprint import TITLES, new_database
from christmas_tasks.steps.notion_setup import Done, Verb, init

PAGE = "c4a39a19-0000-4000-8000-0000000000aa"
Block = dict[str, Any]


def database(block_id: str, title: str) -> Block:
    return {"id": block_id, "type": "child_database", "child_database": {"title": title}, "has_children": False}


def holder(block_id: str, kind: str) -> Block:
    return {"id": block_id, "type": kind, "has_children": True}


class FakePages:
    """Notion's client as far as blocks go: each list in parts of two."""

    def __init__(self, children: dict[str, list[Block]], linked: tuple[str, ...] = ()) -> None:
        self.children_of, self.linked = children, linked
        self.blocks = SimpleNamespace(children=SimpleNamespace(list=self.part))
        self.databases = SimpleNamespace(retrieve=self.retrieve, create=self.create)
        self.data_sources = SimpleNamespace(retrieve=self.source)
        self.pages = SimpleNamespace(retrieve=self.page)

    def part(self, block_id: str, page_size: int, start_cursor: str = "0") -> dict[str, Any]:
        assert page_size == 100
        start, blocks = int(start_cursor), self.children_of[block_id]
        end = start + 2
        return {"results": blocks[start:end], "has_more": len(blocks) > end, "next_cursor": str(end)}

    def retrieve(self, database_id: str) -> dict[str, Any]:
        if database_id in self.linked:
            raise APIResponseError(APIErrorCode.ObjectNotFound, 404, "Could not find database.", httpx.Headers(), "")
        return {"id": database_id, "data_sources": [{"id": database_id}]}

    def create(self, parent: Block, title: list[Block], initial_data_source: Block) -> dict[str, Any]:
        assert (parent["page_id"], set(initial_data_source)) == (PAGE, {"properties"})
        return {"id": f"75ac6e50-0000-4000-8000-{len(title):012}"}

    def source(self, data_source_id: str) -> dict[str, Any]:
        made = new_database(Database[data_source_id], "Christmas 2026")
        return {"properties": {name: {"type": next(iter(config)), **config} for name, config in made.items()}}

    def page(self, page_id: str) -> dict[str, Any]:
        title = {"type": "title", "title": [{"plain_text": "My\x1b[31m\npage"}]}
        return {"id": page_id, "properties": {"title": title}}


def admin(tmp_path: Path, pages: FakePages) -> NotionAdmin:
    made = NotionAdmin("token", FileCache(tmp_path), "http://127.0.0.1:9", 1.0)
    made._calls.__dict__["client"] = pages
    return made


def test_databases_in_columns_and_toggles_are_found(tmp_path: Path) -> None:
    """And in the second part of a long page; not those of a page below."""
    pages = FakePages(
        {
            PAGE: [holder("cols", "column_list"), holder("page", "child_page"), database("a", "A")],
            "cols": [holder("left", "column"), holder("right", "column")],
            "left": [{"id": "text", "type": "paragraph", "has_children": False}],
            "right": [holder("toggle", "toggle")],
            "toggle": [database("b", "B")],
            "page": [database("c", "C")],
        }
    )
    found = admin(tmp_path, pages).databases_on(PAGE)
    assert found == [FoundDatabase("a", "A"), FoundDatabase("b", "B")]


def test_a_linked_view_of_a_database_is_no_second_one(tmp_path: Path) -> None:
    """It has the same title, and Notion's API does not serve it."""
    blocks = [database(each.name, title) for each, title in TITLES.items()]
    pages = FakePages({PAGE: [database("view", TITLES[Database.TRACKER]), *blocks]}, linked=("view",))
    done: list[Done] = []
    init(admin(tmp_path, pages), PAGE, "Christmas 2026", done.append)
    assert [(each.verb, each.database_id) for each in done[1:]] == [(Verb.FOUND, each.name) for each in Database]


def test_what_was_just_made_is_known_before_the_page_lists_it(tmp_path: Path) -> None:
    """For the next run of this machine, too; not once it is gone, nor for another page."""
    made = admin(tmp_path, FakePages({PAGE: []})).create_database(PAGE, "Email Templates", {})
    later = admin(tmp_path, FakePages({PAGE: []}))
    assert later.databases_on(PAGE) == []
    assert later.recent_database(PAGE, "Email Templates") == made
    assert later.recent_database("another page", "Email Templates") is None
    assert admin(tmp_path, FakePages({}, linked=(made,))).recent_database(PAGE, "Email Templates") is None


def test_a_pages_title_is_shown_as_one_harmless_line(tmp_path: Path) -> None:
    """No control character of somebody's page reaches the terminal."""
    assert admin(tmp_path, FakePages({})).page_title(PAGE) == "My [31m page"
