"""Filters and sorts of a data source query, compiled to plain functions over rows.

All text comparisons mind the case, which is at least as strict as Notion.
"""

import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

from christmas_sandbox.notion_dates import instant, is_day, week_start
from christmas_sandbox.notion_errors import refuse, refuse_body
from christmas_sandbox.notion_rows import Row
from christmas_sandbox.notion_schema import find_name
from christmas_sandbox.notion_values import plain_text
from christmas_sandbox.wire import JsonObject

Test = Callable[[Row], bool]
_CellTest = Callable[[object], bool]
MAX_DEPTH = 2
_TEXT_KINDS = frozenset({"title", "rich_text", "url", "email", "phone_number"})
_TIMESTAMPS = frozenset({"created_time", "last_edited_time"})
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": operator.eq,
    "does_not_equal": operator.ne,
    "contains": lambda text, part: part in text,
    "does_not_contain": lambda text, part: part not in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}
_NUMBER_TESTS: dict[str, Callable[[float, float], bool]] = {
    "greater_than": operator.gt,
    "less_than": operator.lt,
    "greater_than_or_equal_to": operator.ge,
    "less_than_or_equal_to": operator.le,
}
_DATE_TESTS: dict[str, Callable[[datetime, datetime], bool]] = {
    "equals": operator.eq,
    "before": operator.lt,
    "after": operator.gt,
    "on_or_before": operator.le,
    "on_or_after": operator.ge,
}
_PERIOD_DAYS = {"week": 7, "month": 30, "year": 365}


def compile_filter(schema: dict[str, JsonObject], given: object, now: datetime, depth: int = 0) -> Test:
    """Turn a filter of a request into a test of one row.

    Args:
        schema: Properties by name.
        given: The filter; None lets every row pass.
        now: Aware UTC; what `past_week` and the like count from.
        depth: How many `and`/`or` are around it; Notion allows two.

    Raises:
        VendorError: 400, an unknown property, operator or type.
    """
    if given is None:
        return lambda _row: True
    if not isinstance(given, dict):
        refuse_body("filter", f"should be an object, instead was `{given!r}`")
    for word, combine in (("and", all), ("or", any)):
        if word in given:
            return _compile_group(schema, given, word, combine, now, depth)
    if "timestamp" in given:
        return _compile_timestamp(given, now)
    return _compile_property(schema, given, now)


def compile_sorts(schema: dict[str, JsonObject], given: object) -> Callable[[list[Row]], list[Row]]:
    """Turn the sorts of a request into a function that orders rows; without sorts the newest come first.

    Empty cells come last in both directions.

    Raises:
        VendorError: 400, an unknown property, timestamp or direction.
    """
    if given is not None and not isinstance(given, list):
        refuse_body("sorts", f"should be an array, instead was `{given!r}`")
    keys = [_sort_key(schema, sort, index) for index, sort in enumerate(given or [])]

    def order(rows: list[Row]) -> list[Row]:
        rows = sorted(rows, key=lambda row: row.seq, reverse=True)
        for key, descending in reversed(keys):
            filled = [row for row in rows if key(row) is not None]
            empty = [row for row in rows if key(row) is None]
            filled.sort(key=lambda row: cast("str", key(row)), reverse=descending)
            rows = filled + empty
        return rows

    return order


def _sort_key(schema: dict[str, JsonObject], sort: object, index: int) -> tuple[Callable[[Row], object | None], bool]:
    path = f"sorts[{index}]"
    if not isinstance(sort, dict) or sort.get("direction", "ascending") not in {"ascending", "descending"}:
        refuse_body(path, "should hold `property` or `timestamp`, and `direction`")
    descending = sort.get("direction") == "descending"
    stamp = sort.get("timestamp")
    if stamp is not None:
        if stamp not in _TIMESTAMPS:
            refuse_body(f"{path}.timestamp", "should be `created_time` or `last_edited_time`")
        return (lambda row: row.stamp(stamp)), descending
    prop = _find(schema, sort.get("property"))
    kind, prop_id = prop["type"], prop["id"]
    rank = {option["name"]: number for number, option in enumerate(prop[kind].get("options", []))}

    def key(row: Row) -> object | None:
        cell = row.cell(prop_id, kind)
        if kind in {"title", "rich_text"}:
            return plain_text(cell) or None
        if isinstance(cell, list):
            return ", ".join(option["name"] for option in cell) or None
        if isinstance(cell, dict):
            return instant(cell["start"]) if kind == "date" else rank.get(cell["name"], len(rank))
        return cell

    return key, descending


def _compile_group(
    schema: dict[str, JsonObject],
    given: JsonObject,
    word: str,
    combine: Callable[[list[bool]], bool],
    now: datetime,
    depth: int,
) -> Test:
    parts = given[word]
    if set(given) != {word} or not isinstance(parts, list):
        refuse_body(f"filter.{word}", "should be an array, and stand alone")
    if depth >= MAX_DEPTH:
        refuse_body(f"filter.{word}", "is nested deeper than two levels")
    tests = [compile_filter(schema, part, now, depth + 1) for part in parts]
    return lambda row: combine([test(row) for test in tests])


def _compile_timestamp(given: JsonObject, now: datetime) -> Test:
    stamp = given["timestamp"]
    if stamp not in _TIMESTAMPS or set(given) != {"timestamp", stamp}:
        refuse_body("filter.timestamp", "should be `created_time` or `last_edited_time`, with its condition")
    test = _date_test(given[stamp], "filter", now)
    return lambda row: test({"start": row.stamp(stamp)})


def _compile_property(schema: dict[str, JsonObject], given: JsonObject, now: datetime) -> Test:
    prop = _find(schema, given.get("property"))
    kind, prop_id = prop["type"], prop["id"]
    asked = set(given) - {"property", "type"}
    if len(asked) != 1:
        refuse_body("filter", "should hold `property` and one condition")
    if asked != {kind}:
        refuse(f"database property {kind} does not match filter {asked.pop()}")
    test = _date_test(given[kind], "filter.date", now) if kind == "date" else _value_test(kind, given[kind])
    return lambda row: test(row.cell(prop_id, kind))


def _find(schema: dict[str, JsonObject], name_or_id: object) -> JsonObject:
    name = find_name(schema, name_or_id) if isinstance(name_or_id, str) else None
    if name is None:
        refuse(f"Could not find property with name or id: {name_or_id}")
    return schema[name]


def _one_condition(condition: object, path: str) -> tuple[str, object]:
    if not isinstance(condition, dict) or len(condition) != 1:
        refuse_body(path, "should be an object with exactly one operator")
    ((operation, value),) = condition.items()
    return operation, value


def _value_test(kind: str, condition: object) -> _CellTest:
    path = f"filter.{kind}"
    operation, value = _one_condition(condition, path)
    if operation in {"is_empty", "is_not_empty"} and kind != "checkbox":
        return _empty_test(operation, value, path)
    if kind in _TEXT_KINDS:
        return _text_test(operation, value, path)
    if kind in {"select", "status"}:
        return _choice_test(operation, value, path)
    if kind == "multi_select":
        return _choices_test(operation, value, path)
    return _plain_test(kind, operation, value, path)


def _empty_test(operation: str, value: object, path: str) -> _CellTest:
    if value is not True:
        refuse_body(f"{path}.{operation}", "should be `true`")
    wanted = operation == "is_empty"
    return lambda cell: (cell is None or cell == []) == wanted


def _text_test(operation: str, value: object, path: str) -> _CellTest:
    if operation not in _TEXT_TESTS:
        refuse_body(f"{path}.{operation}", "should be not present")
    if not isinstance(value, str):
        refuse_body(f"{path}.{operation}", f"should be a string, instead was `{value!r}`")
    compare = _TEXT_TESTS[operation]
    return lambda cell: compare(plain_text(cell) if isinstance(cell, list) else str(cell or ""), value)


def _choice_test(operation: str, value: object, path: str) -> _CellTest:
    names = value if isinstance(value, list) else [value]
    if operation not in {"equals", "does_not_equal"} or not all(isinstance(name, str) for name in names):
        refuse_body(f"{path}.{operation}", "should be `equals` or `does_not_equal` with a string or strings")
    wanted = operation == "equals"
    return lambda cell: (isinstance(cell, dict) and cell["name"] in names) == wanted


def _choices_test(operation: str, value: object, path: str) -> _CellTest:
    if operation not in {"contains", "does_not_contain"} or not isinstance(value, str):
        refuse_body(f"{path}.{operation}", "should be `contains` or `does_not_contain` with a string")
    wanted = operation == "contains"
    return lambda cell: (isinstance(cell, list) and value in [option["name"] for option in cell]) == wanted


def _plain_test(kind: str, operation: str, value: object, path: str) -> _CellTest:
    is_number = not isinstance(value, bool) and isinstance(value, int | float)
    if not (is_number if kind == "number" else isinstance(value, bool)):
        refuse_body(f"{path}.{operation}", f"should be a {kind}, instead was `{value!r}`")
    if operation in {"equals", "does_not_equal"}:
        wanted = operation == "equals"
        return lambda cell: (cell == value) == wanted
    if kind != "number" or operation not in _NUMBER_TESTS:
        refuse_body(f"{path}.{operation}", "should be not present")
    compare, bound = _NUMBER_TESTS[operation], cast("float", value)
    return lambda cell: isinstance(cell, int | float) and compare(cell, bound)


def _date_test(condition: object, path: str, now: datetime) -> _CellTest:
    operation, value = _one_condition(condition, path)
    if operation in {"is_empty", "is_not_empty"}:
        return _empty_test(operation, value, path)
    if operation in _DATE_TESTS:
        return _moment_test(operation, value, path)
    bounds = _period(operation, now)
    if bounds is None or value != {}:
        refuse_body(f"{path}.{operation}", "should be not present")
    first, last = bounds
    return lambda cell: isinstance(cell, dict) and first <= instant(cell["start"]) <= last


def _moment_test(operation: str, value: object, path: str) -> _CellTest:
    try:
        wanted = instant(cast("str", value))
    except (TypeError, ValueError):
        refuse_body(f"{path}.{operation}", f"should be a valid ISO 8601 date string, instead was `{value!r}`")
    whole_day = is_day(cast("str", value))
    compare = _DATE_TESTS[operation]

    def test(cell: object) -> bool:
        if not isinstance(cell, dict):
            return False
        moment = instant(cell["start"])
        if whole_day:
            moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return compare(moment, wanted)

    return test


def _period(operation: str, now: datetime) -> tuple[datetime, datetime] | None:
    side, _, unit = operation.partition("_")
    if operation == "this_week":
        monday = datetime.combine(week_start(now.date()), datetime.min.time(), UTC)
        return monday, monday + timedelta(days=7) - timedelta(microseconds=1)
    if side not in {"past", "next"} or unit not in _PERIOD_DAYS:
        return None
    length = timedelta(days=_PERIOD_DAYS[unit])
    return (now - length, now) if side == "past" else (now, now + length)
