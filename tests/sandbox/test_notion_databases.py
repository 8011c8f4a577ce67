"""Databases under a page, as Notion has them: made, found among the page's blocks, changed, and their options kept."""

from collections.abc import Callable
from typing import Any

import pytest
from notion_client.errors import APIResponseError

from christmas_sandbox.seed import PARENT_PAGE_ID, TRACKER_DB_ID, TRACKER_SOURCE_ID
from christmas_sandbox.testing import SandboxHandle

PARENT = {"type": "page_id", "page_id": PARENT_PAGE_ID}


def text(content: str) -> list[dict[str, Any]]:
    return [{"text": {"content": content}}]


@pytest.fixture
def make_database(notion: Any) -> Callable[..., Any]:
    """`make_database("Leads", Stage={"select": {}})` under the campaign's page."""

    def make(title: str, **properties: Any) -> Any:
        given = {"Name": {"title": {}}, **properties}
        return notion.databases.create(parent=PARENT, title=text(title), initial_data_source={"properties": given})

    return make


def test_a_page_lists_its_databases_and_pages_as_blocks(notion: Any, make_database: Callable[..., Any]) -> None:
    """The block's id is the database's own; what is in the trash, or on another page, is not listed."""
    leads, other = make_database("Leads"), make_database("Other")
    page = notion.pages.create(parent=PARENT, properties={"title": text("Notes")})
    notion.databases.create(
        parent={"page_id": page["id"]}, title=text("Below"), initial_data_source={"properties": {"A": {"title": {}}}}
    )
    notion.databases.update(other["id"], in_trash=True)
    blocks = notion.blocks.children.list(PARENT_PAGE_ID)["results"]
    found = [(block["id"], block["type"], block[block["type"]]["title"]) for block in blocks]
    assert found == [(leads["id"], "child_database", "Leads"), (page["id"], "child_page", "Notes")]
    assert leads["parent"] == PARENT


def test_a_long_page_is_listed_in_parts(notion: Any, make_database: Callable[..., Any]) -> None:
    """A cursor leads on, and nothing comes twice."""
    made = [make_database(f"Database {number}")["id"] for number in range(3)]
    first = notion.blocks.children.list(PARENT_PAGE_ID, page_size=2)
    rest = notion.blocks.children.list(PARENT_PAGE_ID, page_size=2, start_cursor=first["next_cursor"])
    assert [block["id"] for block in (*first["results"], *rest["results"])] == made
    assert (first["has_more"], rest["has_more"]) == (True, False)


def test_a_page_under_a_page_is_read_with_its_title(notion: Any) -> None:
    """Its title is all the properties it has."""
    page = notion.pages.retrieve(PARENT_PAGE_ID)
    assert [prop["title"][0]["plain_text"] for prop in page["properties"].values()] == ["Christmas Campaign"]


@pytest.mark.parametrize("method", ["pages.create", "databases.create", "blocks.children.list", "pages.retrieve"])
def test_a_page_that_is_not_shared_is_not_found(notion: Any, method: str) -> None:
    """404, as for one that never was."""
    stranger = "0b5c0000-0000-4000-8000-000000000000"
    calls: dict[str, Callable[[], Any]] = {
        "pages.create": lambda: notion.pages.create(parent={"page_id": stranger}, properties={"title": text("x")}),
        "databases.create": lambda: notion.databases.create(
            parent={"page_id": stranger}, initial_data_source={"properties": {"Name": {"title": {}}}}
        ),
        "blocks.children.list": lambda: notion.blocks.children.list(stranger),
        "pages.retrieve": lambda: notion.pages.retrieve(stranger),
    }
    with pytest.raises(APIResponseError, match="shared with your integration") as caught:
        calls[method]()
    assert caught.value.status == 404


def test_ids_of_the_wrong_kind_are_told_apart(notion: Any) -> None:
    """A database is no page, and the other way round: 400, as Notion says it."""
    with pytest.raises(APIResponseError, match="is a database, not a page"):
        notion.pages.retrieve(TRACKER_DB_ID)
    with pytest.raises(APIResponseError, match="is a page, not a database"):
        notion.databases.retrieve(PARENT_PAGE_ID)


def options_of(notion: Any, name: str) -> list[dict[str, Any]]:
    found = notion.data_sources.retrieve(TRACKER_SOURCE_ID)["properties"][name]["select"]["options"]
    return [{key: option[key] for key in ("id", "name", "color")} for option in found]


def test_an_option_that_a_change_leaves_out_is_gone(notion: Any, make_row: Callable[..., Any]) -> None:
    """From the column, and from the rows that had it; options that are named stay, new ones come."""
    row = make_row("ann", Segment={"select": {"name": "URGENT"}})
    kept = [option for option in options_of(notion, "Segment") if option["name"] != "URGENT"]
    notion.data_sources.update(
        TRACKER_SOURCE_ID, properties={"Segment": {"select": {"options": [*kept, {"name": "NEW"}]}}}
    )
    assert [option["name"] for option in options_of(notion, "Segment")] == ["CRITICAL", "OPTIMIZE", "NEW"]
    assert options_of(notion, "Segment")[:2] == kept
    assert notion.pages.retrieve(row["id"])["properties"]["Segment"]["select"] is None


@pytest.mark.parametrize("options", [{}, {"options": None}])
def test_a_change_without_options_keeps_them(notion: Any, options: dict[str, Any]) -> None:
    """Only a list replaces the list."""
    before = options_of(notion, "Segment")
    if options:
        with pytest.raises(APIResponseError, match="should be an array"):
            notion.data_sources.update(TRACKER_SOURCE_ID, properties={"Segment": {"select": options}})
    else:
        notion.data_sources.update(TRACKER_SOURCE_ID, properties={"Segment": {"select": options}})
    assert options_of(notion, "Segment") == before


@pytest.mark.parametrize("change", [{"color": "red"}, {"name": "Other"}])
def test_a_known_option_is_not_changed(notion: Any, change: dict[str, str]) -> None:
    """Neither colour nor name of an existing option can be set over the API."""
    first, *rest = options_of(notion, "Segment")
    with pytest.raises(APIResponseError, match=f"Cannot update {next(iter(change))}"):
        notion.data_sources.update(
            TRACKER_SOURCE_ID, properties={"Segment": {"select": {"options": [{**first, **change}, *rest]}}}
        )


def test_the_options_of_a_status_are_not_changed(notion: Any, make_database: Callable[..., Any]) -> None:
    """The API has no way to."""
    database = make_database("Leads", Stage={"status": {}})
    with pytest.raises(APIResponseError, match="status"):
        notion.data_sources.update(
            database["data_sources"][0]["id"], properties={"Stage": {"status": {"options": [{"name": "Extra"}]}}}
        )


def test_databases_and_pages_outlive_a_reset_only_as_seeded(sandbox: SandboxHandle, notion: Any) -> None:
    """The campaign's page is there again, and empty."""
    notion.pages.create(parent=PARENT, properties={"title": text("Notes")})
    sandbox.reset()
    assert notion.blocks.children.list(PARENT_PAGE_ID)["results"] == []
