"""What each kind of field takes, as JSON Schema; found by the function that reads the field in ``payload_fields``."""

from collections.abc import Mapping
from typing import Any, get_args

from christmas_tasks import payload_fields
from christmas_tasks.segments import SYSTEMS_TOTAL

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JsonSchema = dict[str, Any]

# Blanks are spelled out: `\s` means other characters in each language's regular expressions.
_BLANKS = "[ \\t\\r\\n]*"
_BLANK = f"^{_BLANKS}$"
_DIGITS = f"^{_BLANKS}0*[0-{SYSTEMS_TOTAL}]{_BLANKS}$"
_SCORE = f"^{_BLANKS}(100(\\.0+)?|[0-9]{{1,2}}(\\.[0-9]+)?){_BLANKS}$"
_MONEY = f"^{_BLANKS}[0-9]{{1,12}}(\\.[0-9]+)?{_BLANKS}$"
_BOOLEAN = f"^{_BLANKS}([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])?{_BLANKS}$"
_TRUE = f"^{_BLANKS}[Tt][Rr][Uu][Ee]{_BLANKS}$"
_LINK = "^https://[A-Za-z0-9][^\\s\"'<>\\\\`]*$"
_VISIBLE = "[!-~]"

ADDRESS: JsonSchema = {"type": "string", "format": "email", "pattern": "[^\\s@]@[^\\s@]"}
TEXT: JsonSchema = {"type": ["string", "number", "null"]}
MOMENT: JsonSchema = {"type": ["string", "null"]}


def _reader(kind: Any) -> Any:  # noqa: ANN401 - an Annotated alias has no type of its own
    return get_args(kind)[1]


def _or_text(number: JsonSchema, pattern: str, *, optional: bool) -> JsonSchema:
    forms = [number, {"type": "string", "pattern": pattern}]
    return {"anyOf": [*forms, {"type": "string", "pattern": _BLANK}, {"type": "null"}] if optional else forms}


_COUNT: JsonSchema = {"type": "integer", "minimum": 0, "maximum": SYSTEMS_TOTAL}

# Keyed by the annotation's own reader, so that a field of a kind that is unknown here is an error, not a guess.
FORMS: Mapping[Any, JsonSchema] = {
    _reader(kind): form
    for kind, form in (
        (payload_fields.Address, ADDRESS),
        (payload_fields.Text, TEXT),
        (payload_fields.Notes, TEXT),
        (payload_fields.Status, MOMENT),
        (payload_fields.Count, _or_text(_COUNT, _DIGITS, optional=False)),
        (payload_fields.OptionalCount, _or_text(_COUNT, _DIGITS, optional=True)),
        (payload_fields.Score, _or_text({"type": "number", "minimum": 0, "maximum": 100}, _SCORE, optional=True)),
        (payload_fields.Money, _or_text({"type": "number", "minimum": 0, "maximum": 10**11}, _MONEY, optional=True)),
        (payload_fields.Texts, {"anyOf": [{"type": "array", "items": TEXT}, {"type": ["string", "number", "null"]}]}),
        (payload_fields.Link, {"anyOf": [{"type": "string", "pattern": f"{_BLANK}|{_LINK}"}, {"type": "null"}]}),
        (payload_fields.Flag, {"anyOf": [{"type": ["boolean", "null"]}, {"type": "string", "pattern": _BOOLEAN}]}),
    )
}

# What "is there" means for a field of which at least one is needed.
GIVEN_TEXT: JsonSchema = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _VISIBLE}]}
GIVEN_FLAG: JsonSchema = {"anyOf": [{"const": True}, {"type": "string", "pattern": _TRUE}]}
GIVEN: Mapping[Any, JsonSchema] = {
    _reader(payload_fields.Text): GIVEN_TEXT,
    _reader(payload_fields.Flag): GIVEN_FLAG,
}
