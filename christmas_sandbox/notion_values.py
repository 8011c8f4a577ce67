"""Property values: what a write may hold, and what is kept of it. One function for each property type.

Texts are measured in UTF-16 units, the unit of Notion's own (JavaScript) servers.
"""

import uuid
from collections.abc import Callable

from christmas_sandbox.notion_dates import read_date
from christmas_sandbox.notion_errors import refuse, refuse_body
from christmas_sandbox.wire import JsonObject

MAX_TEXT = 2000
MAX_PIECES = 100
MAX_OPTIONS_PER_CELL = 100
_LIMITS = {"url": 2000, "email": 200, "phone_number": 200}
_ANNOTATIONS: JsonObject = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}
EMPTY_LISTS = frozenset({"title", "rich_text", "multi_select"})


def utf16_units(text: str) -> int:
    """Count a text as JavaScript does: one for most characters, two for emoji and the like."""
    return len(text.encode("utf-16-le")) // 2


def empty_cell(kind: str) -> object:
    """Give what a never written property of this type reads as."""
    if kind in EMPTY_LISTS:
        return []
    return False if kind == "checkbox" else None


def read_cell(prop: JsonObject, name: str, given: object, *, cut_to_minute: bool) -> object:
    """Check one property of a write and give what is to be stored.

    Args:
        prop: The property of the schema; unknown select names are added to its options.
        name: As the caller wrote it, for the error.
        given: The caller's property object, such as `{"email": "a@example.org"}`.
        cut_to_minute: See `read_date`.

    Raises:
        VendorError: 400 `validation_error`.
    """
    kind = str(prop["type"])
    if not isinstance(given, dict):
        refuse_body(f"properties.{name}", f"should be an object, instead was `{given!r}`")
    extra = set(given) - {"id", "type", "name", kind}
    if kind not in given or extra or given.get("type", kind) != kind:
        refuse(f"{name} is expected to be {kind}.")
    value = given[kind]
    path = f"properties.{name}.{kind}"
    if kind == "date":
        return read_date(value, path, cut_to_minute=cut_to_minute)
    return _READERS[kind](value, path, prop)


def read_rich_text(value: object, path: str) -> list[JsonObject]:
    """Check an array of rich text and give Notion's full objects; empty pieces vanish.

    Raises:
        VendorError: 400, not an array, more than 100 pieces, or a piece longer than 2,000 UTF-16 units.
    """
    if not isinstance(value, list):
        refuse_body(path, f"should be an array, instead was `{value!r}`")
    if len(value) > MAX_PIECES:
        refuse_body(f"{path}.length", f"should be ≤ `{MAX_PIECES}`, instead was `{len(value)}`")
    pieces = [_read_piece(piece, f"{path}[{index}]") for index, piece in enumerate(value)]
    return [piece for piece in pieces if piece["plain_text"]]


def plain_text(pieces: object) -> str:
    """Join the pieces of a title or rich text."""
    return "".join(str(piece["plain_text"]) for piece in pieces) if isinstance(pieces, list) else ""


def find_or_add_option(prop: JsonObject, choice: object, path: str) -> JsonObject:
    """Find a select, status or multi-select option by id or name; a new select name is created.

    Raises:
        VendorError: 400, bad shape, comma in a name, or a status that does not exist.
    """
    kind = str(prop["type"])
    if not isinstance(choice, dict) or not set(choice) & {"id", "name"}:
        refuse_body(path, "should be an object with `id` or `name`")
    if set(choice) - {"id", "name", "color", "description"}:
        refuse_body(path, "has keys that should be not present")
    options: list[JsonObject] = prop[kind]["options"]
    key = "id" if "id" in choice else "name"
    for option in options:
        if option[key] == choice[key]:
            return {part: option[part] for part in ("id", "name", "color")}
    wanted = choice.get("name")
    if not isinstance(wanted, str):
        refuse(f"Select option does not exist: {choice[key]!r}.")
    if kind == "status":
        refuse(f'Invalid status option. Status option "{wanted}" does not exist".')
    return add_option(prop, wanted, path)


def add_option(prop: JsonObject, name: str, path: str) -> JsonObject:
    """Create an option in the schema.

    Raises:
        VendorError: 400, the name is empty, longer than 100, or holds a comma.
    """
    if "," in name:
        refuse(f"Invalid select option, commas not allowed: {name}")
    if not name or utf16_units(name) > MAX_OPTIONS_PER_CELL:
        refuse_body(f"{path}.name.length", "should be between `1` and `100`")
    option: JsonObject = {"id": uuid.uuid4().hex[:8], "name": name, "color": "default"}
    prop[prop["type"]]["options"].append({**option, "description": None})
    return option


def _read_piece(piece: object, path: str) -> JsonObject:
    if not isinstance(piece, dict):
        refuse_body(path, f"should be an object, instead was `{piece!r}`")
    text = piece.get("text")
    if piece.get("type", "text") != "text" or not isinstance(text, dict):
        refuse_body(f"{path}.text", "should be defined (this sandbox knows rich text of type `text` only)")
    content = text.get("content")
    if not isinstance(content, str):
        refuse_body(f"{path}.text.content", f"should be a string, instead was `{content!r}`")
    if utf16_units(content) > MAX_TEXT:
        refuse_body(f"{path}.text.content.length", f"should be ≤ `{MAX_TEXT}`, instead was `{utf16_units(content)}`")
    link = text.get("link")
    href = link.get("url") if isinstance(link, dict) else None
    if link is not None and (not isinstance(href, str) or not 0 < len(href) <= MAX_TEXT):
        refuse_body(f"{path}.text.link.url", "should be a string of at most `2000` characters")
    annotations = piece.get("annotations", {})
    if not isinstance(annotations, dict) or set(annotations) - set(_ANNOTATIONS):
        refuse_body(f"{path}.annotations", "has keys that should be not present")
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": href} if href else None},
        "annotations": {**_ANNOTATIONS, **annotations},
        "plain_text": content,
        "href": href,
    }


def _read_text(value: object, path: str, _prop: JsonObject) -> list[JsonObject]:
    return read_rich_text(value, path)


def _read_string(value: object, path: str, prop: JsonObject) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        refuse_body(path, f"should be a string or `null`, instead was `{value!r}`")
    longest = _LIMITS[prop["type"]]
    if not 0 < utf16_units(value) <= longest:
        refuse_body(f"{path}.length", f"should be between `1` and `{longest}`, instead was `{utf16_units(value)}`")
    return value


def _read_number(value: object, path: str, _prop: JsonObject) -> int | float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse_body(path, f"should be a number or `null`, instead was `{value!r}`")
    return value


def _read_checkbox(value: object, path: str, _prop: JsonObject) -> bool:
    if not isinstance(value, bool):
        refuse_body(path, f"should be a boolean, instead was `{value!r}`")
    return value


def _read_choice(value: object, path: str, prop: JsonObject) -> JsonObject | None:
    return None if value is None else find_or_add_option(prop, value, path)


def _read_choices(value: object, path: str, prop: JsonObject) -> list[JsonObject]:
    if not isinstance(value, list):
        refuse_body(path, f"should be an array, instead was `{value!r}`")
    if len(value) > MAX_OPTIONS_PER_CELL:
        refuse_body(f"{path}.length", f"should be ≤ `{MAX_OPTIONS_PER_CELL}`, instead was `{len(value)}`")
    return [find_or_add_option(prop, choice, f"{path}[{index}]") for index, choice in enumerate(value)]


_READERS: dict[str, Callable[[object, str, JsonObject], object]] = {
    "title": _read_text,
    "rich_text": _read_text,
    "url": _read_string,
    "email": _read_string,
    "phone_number": _read_string,
    "number": _read_number,
    "checkbox": _read_checkbox,
    "select": _read_choice,
    "status": _read_choice,
    "multi_select": _read_choices,
}
KINDS = frozenset(_READERS) | {"date"}
