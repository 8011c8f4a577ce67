"""How databases, data sources, pages and lists look in Notion's answers. Pure."""

import copy
import uuid
from typing import Any

from christmas_sandbox.clock import iso_minute
from christmas_sandbox.notion_rows import Database, DataSource, PlainPage, Row
from christmas_sandbox.notion_values import plain_text, read_rich_text
from christmas_sandbox.wire import JsonObject

BOT: JsonObject = {"object": "user", "id": "b0700000-0000-4000-8000-000000000001"}


def user_form() -> JsonObject:
    """Give the integration's own user."""
    return {
        **BOT,
        "name": "Sandbox integration",
        "avatar_url": None,
        "type": "bot",
        "bot": {"owner": {"type": "workspace", "workspace": True}, "workspace_name": "Sandbox"},
    }


def database_form(database: Database, sources: list[DataSource]) -> JsonObject:
    """Give a database: its data sources by name, and no properties."""
    stamp = iso_minute(database.created_ms)
    return {
        "object": "database",
        "id": database.id,
        "title": database.title,
        "description": [],
        "parent": database.parent,
        "is_inline": False,
        "in_trash": database.in_trash,
        "is_locked": False,
        "created_time": stamp,
        "last_edited_time": stamp,
        "data_sources": [{"id": source.id, "name": source.name} for source in sources],
        "icon": None,
        "cover": None,
        "url": _url(database.id),
        "public_url": None,
    }


def source_form(source: DataSource, database: Database) -> JsonObject:
    """Give a data source with its schema."""
    stamp = iso_minute(source.created_ms)
    return {
        "object": "data_source",
        "id": source.id,
        "created_time": stamp,
        "last_edited_time": stamp,
        "created_by": BOT,
        "last_edited_by": BOT,
        "properties": source.schema,
        "parent": {"type": "database_id", "database_id": source.database_id},
        "database_parent": database.parent,
        "url": _url(source.database_id),
        "archived": False,
        "in_trash": False,
        "is_inline": False,
        "icon": None,
        "cover": None,
        "title": read_rich_text([{"text": {"content": source.name}}], "title"),
        "description": [],
        "public_url": None,
    }


def page_form(row: Row, source: DataSource, only: frozenset[str] = frozenset()) -> JsonObject:
    """Give a row as a page with a value for every property, or for the ids in `only`."""
    return {
        "object": "page",
        "id": row.id,
        "created_time": row.stamp("created_time"),
        "last_edited_time": row.stamp("last_edited_time"),
        "created_by": BOT,
        "last_edited_by": BOT,
        "cover": None,
        "icon": None,
        "parent": {
            "type": "data_source_id",
            "data_source_id": source.id,
            "database_id": source.database_id,
        },
        "archived": row.in_trash,
        "in_trash": row.in_trash,
        "is_locked": False,
        "properties": {
            name: _property_form(row, prop) for name, prop in source.schema.items() if not only or prop["id"] in only
        },
        "url": _url(row.id),
        "public_url": None,
    }


def plain_page_form(page: PlainPage) -> JsonObject:
    """Give a page that is no row: its only property is its title."""
    stamp = iso_minute(page.created_ms)
    return {
        "object": "page",
        "id": page.id,
        "created_time": stamp,
        "last_edited_time": stamp,
        "created_by": BOT,
        "last_edited_by": BOT,
        "cover": None,
        "icon": None,
        "parent": page.parent,
        "archived": False,
        "in_trash": False,
        "is_locked": False,
        "properties": {"title": {"id": "title", "type": "title", "title": page.title}},
        "url": _url(page.id),
        "public_url": None,
    }


def child_database_form(database: Database) -> JsonObject:
    """Give a database as the block that stands on its page; the block's id is the database's."""
    return _block(database, "child_database")


def child_page_form(page: PlainPage) -> JsonObject:
    """Give a page as the block that stands on its parent; the block's id is the page's."""
    return _block(page, "child_page")


def _block(child: Database | PlainPage, kind: str) -> JsonObject:
    stamp = iso_minute(child.created_ms)
    return {
        "object": "block",
        "id": child.id,
        "parent": child.parent,
        "created_time": stamp,
        "last_edited_time": stamp,
        "created_by": BOT,
        "last_edited_by": BOT,
        "has_children": False,
        "archived": False,
        "in_trash": False,
        "type": kind,
        kind: {"title": plain_text(child.title)},
    }


def list_form(results: list[JsonObject], next_cursor: str | None, kind: str = "page_or_data_source") -> JsonObject:
    """Give one page of a list."""
    return {
        "object": "list",
        "results": results,
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
        "type": kind,
        kind: {},
        "request_id": str(uuid.uuid4()),
    }


def plain_cells(row: Row, source: DataSource) -> dict[str, Any]:
    """Give a row's values by property name, plain: texts joined, options by name, dates by their start."""
    return {name: _plain(row.cell(prop["id"], prop["type"]), prop["type"]) for name, prop in source.schema.items()}


def address_of(row: Row, source: DataSource) -> object:
    """Give the value of a row's first email property; None if its data source has none."""
    return next((row.cell(prop["id"], "email") for prop in source.schema.values() if prop["type"] == "email"), None)


def _plain(cell: object, kind: str) -> object:
    if kind in {"title", "rich_text"}:
        return plain_text(cell)
    if isinstance(cell, list):
        return [option["name"] for option in cell]
    if isinstance(cell, dict):
        return cell["start"] if kind == "date" else cell["name"]
    return cell


def _property_form(row: Row, prop: JsonObject) -> JsonObject:
    kind = prop["type"]
    return {"id": prop["id"], "type": kind, kind: copy.deepcopy(row.cell(prop["id"], kind))}


def _url(any_id: str) -> str:
    return f"https://www.notion.so/{any_id.replace('-', '')}"
