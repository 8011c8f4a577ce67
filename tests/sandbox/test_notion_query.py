"""Filters, sorts and paging of a data source query, with Notion's own SDK."""

from typing import Any

import pytest
from notion_client.errors import APIResponseError
from notion_client.helpers import collect_paginated_api

from christmas_sandbox.seed import TRACKER_SOURCE_ID
from christmas_sandbox.testing import SandboxHandle


@pytest.fixture
def ask(notion: Any, make_row: Any) -> Any:
    """Three rows; `ask(filter)` gives the names that pass, sorted by name."""
    make_row(
        "ann",
        Email={"email": "ann@example.org"},
        Segment={"select": {"name": "CRITICAL"}},
        Red_Systems={"number": 2},
        Started_At={"date": {"start": "2026-11-20T23:30:00Z"}},
    )
    make_row(
        "bob",
        Email={"email": "Bob@example.org"},
        Segment={"select": {"name": "URGENT"}},
        Red_Systems={"number": 1},
        Started_At={"date": {"start": "2026-11-25"}},
    )
    make_row("cleo")

    def names(given: Any, **more: Any) -> list[str]:
        more.setdefault("sorts", [{"property": "Name", "direction": "ascending"}])
        found = notion.data_sources.query(TRACKER_SOURCE_ID, filter=given, **more)
        return [row["properties"]["Name"]["title"][0]["plain_text"] for row in found["results"]]

    return names


def prop(name: str, kind: str, **condition: Any) -> dict[str, Any]:
    return {"property": name, kind: condition}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (prop("Email", "email", equals="ann@example.org"), ["ann"]),
        (prop("Email", "email", equals="bob@example.org"), []),
        (prop("Email", "email", does_not_equal="ann@example.org"), ["bob", "cleo"]),
        (prop("Email", "email", ends_with="@example.org"), ["ann", "bob"]),
        (prop("Email", "email", is_empty=True), ["cleo"]),
        (prop("Name", "title", starts_with="c"), ["cleo"]),
        (prop("Name", "title", does_not_contain="o"), ["ann"]),
        (prop("Segment", "select", equals="URGENT"), ["bob"]),
        (prop("Segment", "select", equals=["URGENT", "CRITICAL"]), ["ann", "bob"]),
        (prop("Segment", "select", does_not_equal="URGENT"), ["ann", "cleo"]),
        (prop("Red Systems", "number", greater_than=1), ["ann"]),
        (prop("Red Systems", "number", less_than_or_equal_to=1), ["bob"]),
        (prop("Red Systems", "number", is_not_empty=True), ["ann", "bob"]),
        (prop("Started At", "date", before="2026-11-21"), ["ann"]),
        (prop("Started At", "date", equals="2026-11-20"), ["ann"]),
        (prop("Started At", "date", on_or_after="2026-11-20T23:30:00+00:00"), ["ann", "bob"]),
        (prop("Started At", "date", after="2026-11-20T23:30:00+00:00"), ["bob"]),
        (prop("Started At", "date", on_or_before="2026-11-21T00:30:00+01:00"), ["ann"]),
        (prop("Started At", "date", is_empty=True), ["cleo"]),
        ({"timestamp": "created_time", "created_time": {"past_week": {}}}, ["ann", "bob", "cleo"]),
        ({"timestamp": "created_time", "created_time": {"before": "2020-01-01"}}, []),
        ({"and": [prop("Red Systems", "number", equals=2), prop("Name", "title", contains="n")]}, ["ann"]),
        (
            {
                "or": [
                    prop("Name", "title", equals="cleo"),
                    {"and": [prop("Red Systems", "number", equals=1), prop("Segment", "select", equals="URGENT")]},
                ]
            },
            ["bob", "cleo"],
        ),
    ],
)
def test_a_filter_lets_the_right_rows_pass(ask: Any, given: Any, expected: list[str]) -> None:
    """Each kind of condition, and their combinations."""
    assert ask(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        prop("Nope", "email", equals="x"),
        prop("Email", "rich_text", equals="x"),
        prop("Email", "email", like="x"),
        prop("Email", "email", equals=5),
        prop("Email", "email", equals="a", contains="a"),
        prop("Email", "email", is_empty=False),
        prop("Segment", "select", contains="URGENT"),
        prop("Red Systems", "number", greater_than="1"),
        prop("Started At", "date", before="soon"),
        {"property": "Email"},
        {"timestamp": "sent_time", "sent_time": {"past_week": {}}},
        {"and": [{"or": [{"and": [prop("Name", "title", equals="x")]}]}]},
        {"and": {}},
        [],
    ],
)
def test_a_wrong_filter_is_refused(notion: Any, given: Any) -> None:
    """400 `validation_error`, never an empty list."""
    with pytest.raises(APIResponseError) as caught:
        notion.data_sources.query(TRACKER_SOURCE_ID, filter=given)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("sorts", "expected"),
    [
        ([{"property": "Red Systems", "direction": "ascending"}], ["bob", "ann", "cleo"]),
        ([{"property": "Red Systems", "direction": "descending"}], ["ann", "bob", "cleo"]),
        ([{"property": "Segment", "direction": "ascending"}], ["ann", "bob", "cleo"]),
        ([{"property": "Started At", "direction": "descending"}], ["bob", "ann", "cleo"]),
        ([{"timestamp": "created_time", "direction": "ascending"}, {"property": "Name"}], ["ann", "bob", "cleo"]),
        ([], ["cleo", "bob", "ann"]),
    ],
)
def test_rows_come_in_the_order_asked_for(ask: Any, sorts: Any, expected: list[str]) -> None:
    """Empty cells come last; without sorts the newest comes first."""
    assert ask(None, sorts=sorts) == expected


def test_pages_hold_every_row_once(notion: Any, make_row: Any) -> None:
    """The SDK's own paging helper sees all of 25 rows in pages of 10."""
    for number in range(25):
        make_row(f"row {number:02d}")
    rows = collect_paginated_api(notion.data_sources.query, data_source_id=TRACKER_SOURCE_ID, page_size=10)
    assert len({row["id"] for row in rows}) == len(rows) == 25


def test_a_row_that_leaves_the_filter_between_pages_does_not_end_the_paging(notion: Any, make_row: Any) -> None:
    """The next page begins where the cursor stands."""
    rows = [make_row(f"row {number}", Red_Systems={"number": 1}) for number in range(5)]
    given = {"filter": prop("Red Systems", "number", equals=1), "page_size": 2}
    first = notion.data_sources.query(TRACKER_SOURCE_ID, **given)
    assert first["has_more"] is True
    notion.pages.update(first["next_cursor"], properties={"Red Systems": {"number": 2}})
    second = notion.data_sources.query(TRACKER_SOURCE_ID, start_cursor=first["next_cursor"], **given)
    seen = [row["id"] for row in first["results"] + second["results"]]
    assert seen == [rows[index]["id"] for index in (4, 3, 1, 0)]
    assert second["has_more"] is False


@pytest.mark.parametrize("more", [{"page_size": 101}, {"page_size": 0}, {"start_cursor": "x"}, {"sorts": {}}])
def test_wrong_paging_is_refused(notion: Any, more: Any) -> None:
    """At most 100 rows a page, and only cursors that were given out."""
    with pytest.raises(APIResponseError):
        notion.data_sources.query(TRACKER_SOURCE_ID, **more)


def test_trashed_rows_are_not_found(ask: Any, notion: Any, sandbox: SandboxHandle) -> None:
    """They are listed only where the trash is asked for."""
    row = next(row for row in sandbox.rows("tracker") if row["properties"]["Name"] == "bob")
    notion.pages.update(row["id"], in_trash=True)
    assert ask(None) == ["ann", "cleo"]
    assert ask(None, in_trash=True) == ["bob"]


def test_a_new_row_shows_in_queries_only_after_the_lag(sandbox: SandboxHandle, ask: Any, notion: Any) -> None:
    """With `query_lag_ms`, a row can be read by id before a query finds it."""
    sandbox.set_settings(query_lag_ms=60_000)
    row = sandbox.rows("tracker")[0]
    assert ask(None) == []
    assert notion.pages.retrieve(row["id"])["id"] == row["id"]
    sandbox.shift_clock(61)
    assert ask(None) == ["ann", "bob", "cleo"]


def test_rows_stay_found_when_the_clock_goes_back(sandbox: SandboxHandle, ask: Any) -> None:
    """A lag is for new rows: those that are younger than a clock that was set back were there before."""
    sandbox.shift_clock(-2 * 24 * 3600)
    assert ask(None) == ["ann", "bob", "cleo"]
    sandbox.set_settings(query_lag_ms=60_000)
    assert ask(None) == ["ann", "bob", "cleo"]


def test_filter_properties_cut_the_answer(notion: Any, make_row: Any) -> None:
    """Only the named ids come back."""
    page = make_row("ann")
    wanted = page["properties"]["Email"]["id"]
    found = notion.data_sources.query(TRACKER_SOURCE_ID, filter_properties=[wanted])
    assert set(found["results"][0]["properties"]) == {"Email"}
