"""The Notion stand-in: API version 2025-09-03, as strict as the vendor.

Left out: blocks other than the databases and pages on a page, comments, files, people, relations, formulas,
views. No unique constraint and no idempotency, as at Notion: two equal creates make two rows.
"""

import copy
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from christmas_sandbox.clock import Clock
from christmas_sandbox.notion_containers import Containers
from christmas_sandbox.notion_errors import error_answer, not_found, refuse, refuse_body
from christmas_sandbox.notion_filters import compile_filter, compile_sorts
from christmas_sandbox.notion_forms import list_form, page_form, plain_page_form, source_form, user_form
from christmas_sandbox.notion_requests import MAX_PAGE_SIZE, read_body, read_page_size, read_uuid
from christmas_sandbox.notion_rows import DataSource, Row, Tables
from christmas_sandbox.notion_schema import find_name
from christmas_sandbox.notion_values import plain_text, read_cell
from christmas_sandbox.store import Store
from christmas_sandbox.wire import Answer, Call, JsonObject, VendorError

if TYPE_CHECKING:
    from collections.abc import Callable

API_VERSION = "2025-09-03"
MAX_BODY_BYTES = 500_000

_ID = r"([0-9A-Za-z-]+)"
_PAGE_KEYS = {"parent", "properties", "children", "icon", "cover", "template", "position", "content", "markdown"}
_UPDATE_KEYS = {"properties", "in_trash", "archived", "icon", "cover", "is_locked", "template", "erase_content"}
_QUERY_KEYS = {"filter", "sorts", "start_cursor", "page_size", "archived", "in_trash", "result_type"}


class NotionApi:
    """Handles calls to `/v1/...`.

    Args:
        store: Gives transactions and the settings `query_lag_ms` and `notion_cut_dates_to_minute`.
        tables: The databases.
        clock: The sandbox's now.
        token: The only bearer token that is let in.
    """

    name = "notion"

    def __init__(self, store: Store, tables: Tables, clock: Clock, token: str) -> None:
        self._store = store
        self._tables = tables
        self._clock = clock
        self._token = token
        self._containers = containers = Containers(tables, clock)
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., JsonObject]]] = [
            ("GET", re.compile(r"/v1/users/me"), self._me),
            ("POST", re.compile(r"/v1/databases"), containers.create_database),
            ("GET", re.compile(rf"/v1/databases/{_ID}"), containers.get_database),
            ("PATCH", re.compile(rf"/v1/databases/{_ID}"), containers.change_database),
            ("GET", re.compile(rf"/v1/data_sources/{_ID}"), containers.get_source),
            ("PATCH", re.compile(rf"/v1/data_sources/{_ID}"), containers.change_source),
            ("POST", re.compile(rf"/v1/data_sources/{_ID}/query"), self._query),
            ("POST", re.compile(r"/v1/pages"), self._create_page),
            ("GET", re.compile(rf"/v1/pages/{_ID}"), self._get_page),
            ("PATCH", re.compile(rf"/v1/pages/{_ID}"), self._change_page),
            ("GET", re.compile(rf"/v1/blocks/{_ID}/children"), containers.children),
            ("POST", re.compile(r"/v1/search"), self._search),
        ]

    def open(self, call: Call) -> None:
        """Check token, version and size; raises VendorError."""
        if call.bearer() != self._token:
            raise VendorError(error_answer(401, "API token is invalid."))
        version = call.headers.get("notion-version")
        if version is None:
            message = (
                "Notion-Version header failed validation: "
                "Notion-Version header should be defined, instead was `undefined`."
            )
            raise VendorError(error_answer(400, message, "missing_version"))
        if version != API_VERSION:
            refuse(f'Notion-Version header should be "{API_VERSION}", instead was "{version}".')
        if len(call.body) > MAX_BODY_BYTES:
            refuse(f"body failed validation: the payload should be ≤ {MAX_BODY_BYTES} bytes.")

    def handle(self, call: Call) -> Answer:
        """Answer one call; a refused one writes nothing."""
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(call.path)
            if match is not None and method == call.method:
                ids = [read_uuid(given) for given in match.groups()]
                return Answer(200, handler(call, *ids))
        raise VendorError(error_answer(400, "Invalid request URL.", "invalid_request_url"))

    def close(self, call: Call) -> None:
        """Nothing is claimed at Notion."""

    def error(self, status: int, code: str | None = None, retry_after: int | None = None) -> Answer:
        """Build an error in Notion's form."""
        return error_answer(status, f"The sandbox answers {status} as asked.", code, retry_after)

    def _me(self, _call: Call) -> JsonObject:
        return user_form()

    def _query(self, call: Call, source_id: str) -> JsonObject:
        body = read_body(call, _QUERY_KEYS)
        source = self._containers.source(source_id)
        now_ms = self._clock.now_ms()
        passes = compile_filter(source.schema, body.get("filter"), datetime.fromtimestamp(now_ms / 1000, UTC))
        order = compile_sorts(source.schema, body.get("sorts"))
        trashed = body.get("in_trash", body.get("archived", False)) is True
        # What is younger than now was there before the clock went back.
        unseen_ms = range(now_ms - int(self._store.setting("query_lag_ms", 0)) + 1, now_ms + 1)
        rows = self._tables.rows_of(source_id)
        cursor = body.get("start_cursor")
        if cursor is not None:
            # The rest begins at the cursor's row even if that row no longer passes the filter.
            ordered = order(rows)
            start = next((index for index, row in enumerate(ordered) if row.id == cursor), None)
            if start is None:
                refuse(f"The start_cursor provided is invalid: {cursor}")
            rows = ordered[start:]
        found = [row for row in rows if row.in_trash == trashed and row.created_ms not in unseen_ms and passes(row)]
        if cursor is None:
            found = order(found)
        size = read_page_size(body.get("page_size", MAX_PAGE_SIZE))
        next_cursor = found[size].id if len(found) > size else None
        only = _filter_properties(call, source)
        return list_form([page_form(row, source, only) for row in found[:size]], next_cursor)

    def _create_page(self, call: Call) -> JsonObject:
        body = read_body(call, _PAGE_KEYS)
        parent = body.get("parent")
        if isinstance(parent, dict) and "page_id" in parent:
            return self._containers.create_page(parent, body.get("properties", {}))
        source = self._parent(parent)
        source, cells = self._read_cells(source, body.get("properties", {}))
        return page_form(self._tables.add_row(source, cells), source)

    def _get_page(self, _call: Call, page_id: str) -> JsonObject:
        row = self._tables.rows.get(page_id)
        if row is None:
            return self._containers.get_page(page_id)
        return page_form(row, self._containers.source(row.data_source_id))

    def _change_page(self, call: Call, page_id: str) -> JsonObject:
        body = read_body(call, _UPDATE_KEYS)
        row = self._row(page_id)
        trash = body.get("in_trash", body.get("archived"))
        if trash is not None and not isinstance(trash, bool):
            refuse_body("in_trash", f"should be a boolean, instead was `{trash!r}`")
        if row.in_trash and trash is not False:
            refuse("Can't edit block that is archived. You must unarchive the block before editing.")
        source, cells = self._read_cells(self._containers.source(row.data_source_id), body.get("properties", {}))
        in_trash = row.in_trash if trash is None else trash
        changed = self._tables.change_row(replace(row, in_trash=in_trash, cells={**row.cells, **cells}), source)
        return page_form(changed, source)

    def _search(self, call: Call) -> JsonObject:
        body = read_body(call, {"query", "filter", "sort", "start_cursor", "page_size"})
        words = str(body.get("query", "")).lower()
        wanted = body.get("filter", {}).get("value") if isinstance(body.get("filter"), dict) else None
        found = [
            source_form(source, self._tables.databases[source.database_id])
            for source in self._tables.data_sources.values()
            if wanted in {None, "data_source"} and words in source.name.lower()
        ]
        for row in self._tables.rows.values():
            source = self._containers.source(row.data_source_id)
            title = plain_text(row.cell("title", "title"))
            if wanted in {None, "page"} and not row.in_trash and words in title.lower():
                found.append(page_form(row, source))
        found += [
            plain_page_form(page)
            for page in self._tables.plain_pages.values()
            if wanted in {None, "page"} and words in plain_text(page.title).lower()
        ]
        start = int(body.get("start_cursor") or 0)
        end = start + read_page_size(body.get("page_size", MAX_PAGE_SIZE))
        return list_form(found[start:end], str(end) if len(found) > end else None)

    def _row(self, page_id: str) -> Row:
        row = self._tables.rows.get(page_id)
        if row is None:
            not_found("page", page_id)
        return row

    def _parent(self, parent: object) -> DataSource:
        if not isinstance(parent, dict):
            refuse_body("parent", "should be defined, instead was `undefined`")
        if isinstance(parent.get("data_source_id"), str):
            return self._containers.source(read_uuid(parent["data_source_id"]))
        if not isinstance(parent.get("database_id"), str):
            refuse_body("parent", "should hold `data_source_id`, `database_id` or `page_id`")
        sources = self._tables.sources_of(read_uuid(parent["database_id"]))
        if not sources:
            not_found("database", parent["database_id"])
        if len(sources) > 1:
            refuse("The database has several data sources: name one with `data_source_id`.")
        return sources[0]

    def _read_cells(self, source: DataSource, given: object) -> tuple[DataSource, dict[str, Any]]:
        """Check the properties of a write; gives the source with new options, and values by property id."""
        if not isinstance(given, dict):
            refuse_body("properties", f"should be an object, instead was `{given!r}`")
        schema = copy.deepcopy(source.schema)
        cut = bool(self._store.setting("notion_cut_dates_to_minute", default=False))
        cells: dict[str, Any] = {}
        for key, value in given.items():
            name = find_name(schema, key)
            if name is None:
                refuse(f"{key} is not a property that exists.")
            prop = schema[name]
            cells[prop["id"]] = read_cell(prop, key, value, cut_to_minute=cut)
        return replace(source, schema=schema), cells


def _filter_properties(call: Call, source: DataSource) -> frozenset[str]:
    given = [part for part in call.query.get("filter_properties", "").split(",") if part]
    ids = {prop["id"] for prop in source.schema.values()}
    for wanted in given:
        if wanted not in ids:
            refuse(f"Could not find property with id: {wanted}")
    return frozenset(given)
