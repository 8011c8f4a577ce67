"""Notion's property JSON, both ways, within its limits."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from christmas_tasks.notion_json import Unwritable, decode_number, decode_text, decode_time, encode

AT = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
TREE = "\U0001f384"


def units(text: str) -> int:
    """The length as Notion counts it."""
    return len(text.encode("utf-16-le")) // 2


def contents(cell: dict[str, Any]) -> list[str]:
    return [piece["text"]["content"] for piece in next(iter(cell.values()))]


@pytest.mark.parametrize(
    ("value", "kind", "json"),
    [
        ("Ann", "title", {"title": [{"type": "text", "text": {"content": "Ann"}}]}),
        ("Ann", "rich_text", {"rich_text": [{"type": "text", "text": {"content": "Ann"}}]}),
        (41.0, "rich_text", {"rich_text": [{"type": "text", "text": {"content": "41"}}]}),
        ("", "rich_text", {"rich_text": []}),
        (None, "title", {"title": []}),
        (41, "number", {"number": 41}),
        (0, "number", {"number": 0}),
        ("41.5", "number", {"number": 41.5}),
        (None, "number", {"number": None}),
        (AT, "date", {"date": {"start": "2025-11-20T09:00:00.000+00:00"}}),
        (AT.astimezone(timezone(timedelta(hours=2))), "date", {"date": {"start": "2025-11-20T09:00:00.000+00:00"}}),
        ("2025-11-20T10:00+01:00", "date", {"date": {"start": "2025-11-20T09:00:00.000+00:00"}}),
        (None, "date", {"date": None}),
        ("scheduled", "select", {"select": {"name": "scheduled"}}),
        ("scheduled", "status", {"status": {"name": "scheduled"}}),
        ("a, b", "select", {"select": {"name": "a  b"}}),
        ("x" * 101, "select", {"select": {"name": "x" * 100}}),
        (TREE * 51, "select", {"select": {"name": TREE * 50}}),
        (" , ", "select", {"select": None}),
        ("", "select", {"select": None}),
        ("ann@example.org", "email", {"email": "ann@example.org"}),
        ("", "email", {"email": None}),
        ("https://example.org", "url", {"url": "https://example.org"}),
        ("", "url", {"url": None}),
        ("+1", "phone_number", {"phone_number": "+1"}),
        ("true", "checkbox", {"checkbox": True}),
        ("false", "checkbox", {"checkbox": False}),
        ("", "checkbox", {"checkbox": False}),
        (None, "checkbox", {"checkbox": False}),
    ],
)
def test_a_value_has_the_form_of_its_column(value: Any, kind: str, json: dict[str, Any]) -> None:
    """Type by type, and how each is cleared."""
    assert encode(value, kind) == json


@pytest.mark.parametrize(
    ("value", "kind"),
    [("much", "number"), (AT, "number"), ("soon", "date"), (7, "date"), ("x", "formula"), ("x", "people"), ("x", "")],
)
def test_a_value_that_has_no_form_is_refused(value: Any, kind: str) -> None:
    """The caller leaves the column out and says so."""
    with pytest.raises(Unwritable):
        encode(value, kind)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("x" * 2_000, [2_000]),
        ("x" * 2_001, [2_000, 1]),
        ("x" * 4_500, [2_000, 2_000, 500]),
        (TREE * 1_000, [2_000]),
        (TREE * 1_001, [2_000, 2]),
        ("x" + TREE * 1_000, [1_999, 2]),
    ],
)
def test_text_is_split_at_2000_units_and_never_within_a_character(text: str, lengths: list[int]) -> None:
    """An emoji is two units."""
    pieces = contents(encode(text, "rich_text"))
    assert [units(piece) for piece in pieces] == lengths
    assert "".join(pieces) == text


def test_more_than_a_cell_can_hold_is_cut() -> None:
    """A hundred pieces at most: cut, not refused."""
    pieces = contents(encode("x" * 250_000, "rich_text"))
    assert len(pieces) == 100
    assert len("".join(pieces)) == 200_000


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ({}, ""),
        ({"type": "rich_text", "rich_text": []}, ""),
        ({"type": "rich_text", "rich_text": [{"plain_text": "a"}, {"plain_text": " b"}, {}]}, "a b"),
        ({"type": "title", "title": [{"plain_text": "Ann"}]}, "Ann"),
        ({"type": "select", "select": {"name": "sent"}}, "sent"),
        ({"type": "select", "select": None}, ""),
        ({"type": "status", "status": {"name": "active"}}, "active"),
        ({"type": "date", "date": {"start": "2025-11-20"}}, "2025-11-20"),
        ({"type": "date", "date": None}, ""),
        ({"type": "email", "email": "ann@example.org"}, "ann@example.org"),
        ({"type": "email", "email": None}, ""),
        ({"type": "number", "number": 41}, "41"),
    ],
)
def test_a_cell_is_read_as_text_whatever_its_type(cell: dict[str, Any] | None, text: str) -> None:
    """Every piece, joined in order."""
    assert decode_text(cell) == text


@pytest.mark.parametrize(
    ("start", "instant"),
    [
        ("2025-11-20T09:00:00.000+00:00", AT),
        ("2025-11-20T10:00:00.000+01:00", AT),
        ("2025-11-20T09:00:00.000Z", AT),
        ("2025-11-20", AT.replace(hour=0)),
    ],
)
def test_a_date_is_read_as_an_instant(start: str, instant: datetime) -> None:
    """In whatever zone a person has set it; a bare day is its midnight in UTC."""
    read = decode_time({"type": "date", "date": {"start": start}})
    assert read == instant
    assert read is not None
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize("cell", [None, {}, {"type": "date", "date": None}])
def test_no_date_is_none(cell: dict[str, Any] | None) -> None:
    """Never "now"."""
    assert decode_time(cell) is None


@pytest.mark.parametrize(
    ("cell", "number"),
    [(None, None), ({"type": "number", "number": None}, None), ({"type": "number", "number": 0}, 0)],
)
def test_a_number_is_read_or_none(cell: dict[str, Any] | None, number: float | None) -> None:
    """Zero is a number."""
    assert decode_number(cell) == number
