"""Notion's property JSON, both ways (developers.notion.com, API 2025-09-03). Knows types, not what a column means."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from christmas_tasks.instants import read_instant

PIECE_UNITS = 2_000
MAX_PIECES = 100
# What Notion makes from other columns or by itself.
COMPUTED_KINDS = frozenset(
    {"formula", "rollup", "unique_id", "button", "created_time", "created_by", "last_edited_time", "last_edited_by"}
)
_OPTION_LIMIT = 100

Json = dict[str, Any]


class Unwritable(ValueError):
    """The value has no form in a column of this type."""


def encode(value: str | float | datetime | None, kind: str) -> Json:
    """Write *value* for a column of the Notion type *kind*.

    Args:
        value: Text, a number, an aware instant, or None to clear.
        kind: ``title``, ``rich_text``, ``email``, ``number``, ``select``, ``status``, ``date``, ``url``,
            ``phone_number`` or ``checkbox``.

    Raises:
        Unwritable: The value can't be written into such a column.
    """
    if kind in {"title", "rich_text"}:
        return {kind: [{"type": "text", "text": {"content": piece}} for piece in _pieces(_as_text(value))]}
    if kind == "checkbox":
        # Notion has no empty checkbox.
        return {kind: _as_text(value).lower() in {"true", "yes", "1"}}
    if value is None or value == "":
        return {kind: None}
    if kind == "number":
        return {kind: _as_number(value)}
    if kind == "date":
        return {kind: {"start": _as_time(value)}}
    if kind in {"select", "status"}:
        name = _option_name(_as_text(value))
        return {kind: {"name": name} if name else None}
    if kind in {"email", "url", "phone_number"}:
        return {kind: _as_text(value)}
    raise Unwritable(f"does not fit a column of the type {kind}")


def decode_text(cell: Mapping[str, Any] | None) -> str:
    """A cell as text, whatever its type: every piece joined in order; empty if there is none."""
    if not cell:
        return ""
    kind = cell.get("type", "")
    value = cell.get(kind)
    if kind in {"title", "rich_text"}:
        return "".join(piece.get("plain_text", "") for piece in value or [])
    if kind in {"select", "status"}:
        return str(value["name"]) if value else ""
    if kind == "date":
        return str(value["start"]) if value else ""
    return "" if value is None else str(value)


def decode(cell: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the column holds
    """A cell of any type for people: text and choices as text, all else as Notion has it."""
    kind = cell["type"]
    return decode_text(cell) if kind in {"title", "rich_text", "select", "status"} else cell.get(kind)


def decode_time(cell: Mapping[str, Any] | None) -> datetime | None:
    """A date cell as an aware UTC instant; a day without time is its midnight in UTC."""
    moment = read_instant(decode_text(cell))
    return None if moment is None else moment.instant


def decode_number(cell: Mapping[str, Any] | None) -> float | None:
    """A number cell, or None."""
    value = (cell or {}).get("number")
    return value if isinstance(value, int | float) else None


def _option_name(text: str) -> str:
    # Notion refuses commas in the names of options, and names without a letter.
    pieces = _pieces(text.replace(",", " ").strip(), _OPTION_LIMIT)
    return pieces[0].rstrip() if pieces else ""


def _pieces(text: str, limit: int = PIECE_UNITS) -> list[str]:
    # Notion counts a text's length as JavaScript does: an emoji is two units, and must not be cut in half.
    pieces: list[str] = []
    piece: list[str] = []
    units = 0
    for character in text:
        width = 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - the basic plane's last code point
        if units + width > limit:
            pieces.append("".join(piece))
            piece, units = [], 0
        piece.append(character)
        units += width
    if piece:
        pieces.append("".join(piece))
    return pieces[:MAX_PIECES]


def _as_text(value: str | float | datetime | None) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _as_number(value: str | float | datetime) -> float:
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d+)?", value):
        return float(value)
    raise Unwritable("is not a number")


def _as_time(value: str | float | datetime) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    moment = read_instant(value) if isinstance(value, str) else None
    if moment is None:
        raise Unwritable("is not a date")
    return moment.instant.isoformat(timespec="milliseconds")
