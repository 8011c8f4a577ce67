"""The schema of a data source: which properties it has, and how a request may create or change them."""

import copy
import uuid

from christmas_sandbox.notion_errors import refuse, refuse_body
from christmas_sandbox.notion_values import KINDS, add_option
from christmas_sandbox.wire import JsonObject

MAX_OPTIONS_IN_REQUEST = 100
_WITH_OPTIONS = frozenset({"select", "status", "multi_select"})
_DEFAULT_STATUS = ("Not started", "In progress", "Done")


def read_schema(given: object) -> dict[str, JsonObject]:
    """Check the properties of a new data source and give its schema by name.

    Raises:
        VendorError: 400, an unknown type, a bad shape, or not exactly one title.
    """
    schema = change_schema({}, given)
    if sum(prop["type"] == "title" for prop in schema.values()) != 1:
        refuse("Title is not provided: a data source has exactly one property of type title.")
    return schema


def change_schema(schema: dict[str, JsonObject], given: object) -> dict[str, JsonObject]:
    """Give the schema after a request that adds, renames, removes or retypes properties.

    Args:
        schema: By name; left as it is.
        given: By name or id; None removes, `{"name": new}` renames, `{type: {...}}` adds or changes.

    Raises:
        VendorError: 400, and nothing changes.
    """
    if not isinstance(given, dict):
        refuse_body("properties", f"should be an object, instead was `{given!r}`")
    changed = copy.deepcopy(schema)
    for key, config in given.items():
        name = find_name(changed, key)
        if config is None:
            _remove(changed, name, key)
        elif not isinstance(config, dict):
            refuse_body(f"properties.{key}", "should be an object or `null`")
        elif name is None:
            changed[key] = _new_property(key, config)
        else:
            _change(changed, name, config)
    return changed


def find_name(schema: dict[str, JsonObject], name_or_id: str) -> str | None:
    """Give the name of the property with exactly this name or id, else None."""
    if name_or_id in schema:
        return name_or_id
    return next((name for name, prop in schema.items() if prop["id"] == name_or_id), None)


def _remove(schema: dict[str, JsonObject], name: str | None, key: str) -> None:
    if name is None:
        refuse(f"{key} is not a property that exists.")
    if schema[name]["type"] == "title":
        refuse("Cannot delete the title property.")
    del schema[name]


def _change(schema: dict[str, JsonObject], name: str, config: JsonObject) -> None:
    prop = schema[name]
    kind = _kind(config)
    if kind is not None:
        if "title" in {kind, prop["type"]} and kind != prop["type"]:
            refuse("Cannot change the type of the title property.")
        if kind in _WITH_OPTIONS and kind == prop["type"]:
            _set_options(prop, config[kind])
        elif kind != prop["type"]:
            schema[name] = {**_new_property(name, config), "id": prop["id"]}
    new_name = config.get("name", name)
    if not isinstance(new_name, str) or not new_name:
        refuse_body(f"properties.{name}.name", "should be a non-empty string")
    if new_name != name:
        if new_name in schema:
            refuse(f"Cannot rename {name} to {new_name}: a property with that name exists.")
        schema[new_name] = {**schema.pop(name), "name": new_name}


def _new_property(name: str, config: JsonObject) -> JsonObject:
    kind = _kind(config)
    if kind is None:
        refuse_body(f"properties.{name}", f"should hold one type of {sorted(KINDS)}")
    prop: JsonObject = {
        "id": "title" if kind == "title" else uuid.uuid4().hex[:6],
        "name": name,
        "type": kind,
        "description": None,
        kind: {},
    }
    if kind == "number":
        prop[kind] = {"format": config[kind].get("format", "number")}
    if kind in _WITH_OPTIONS:
        prop[kind] = {"options": []}
        _add_options(prop, config[kind])
    if kind == "status" and not prop[kind]["options"]:
        for option in _DEFAULT_STATUS:
            add_option(prop, option, f"properties.{name}.status")
    return prop


def _kind(config: JsonObject) -> str | None:
    kinds = set(config) - {"id", "name", "type", "description"}
    if not kinds:
        return None
    if len(kinds) != 1 or not kinds <= KINDS:
        refuse_body("properties", f"should hold one known type for each property, instead was `{sorted(kinds)}`")
    (kind,) = kinds
    if not isinstance(config[kind], dict) or config.get("type", kind) != kind:
        refuse_body(f"properties.{kind}", "should be an object")
    return kind


def _set_options(prop: JsonObject, config: JsonObject) -> None:
    """Take the options of a change: one that is left out goes, a known one stays as it is, a new one is added."""
    if "options" not in config:
        return
    kind, name = prop["type"], prop["name"]
    if kind == "status":
        refuse(f"Cannot update options of the status property {name} through the API.")
    path = f"properties.{name}.{kind}.options"
    before = prop[kind]["options"]
    by_key = {option[key]: option for option in before for key in ("id", "name")}
    kept: list[JsonObject] = []
    new: list[JsonObject] = []
    for option in _read_options(config, path):
        known = by_key.get(option.get("id")) or by_key.get(option.get("name"))
        if known is None:
            new.append(option)
        elif option.get("color", known["color"]) != known["color"]:
            refuse(f"Cannot update color of select with name: {known['name']}.")
        elif option.get("name", known["name"]) != known["name"]:
            refuse(f"Cannot update name of select with id: {known['id']}.")
        elif known not in kept:
            kept.append(known)
    prop[kind] = {**prop[kind], "options": kept}
    _add_options(prop, {"options": new})


def _read_options(config: JsonObject, path: str) -> list[JsonObject]:
    options = config.get("options", [])
    if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
        refuse_body(path, "should be an array of objects")
    if len(options) > MAX_OPTIONS_IN_REQUEST:
        refuse_body(f"{path}.length", f"should be ≤ `{MAX_OPTIONS_IN_REQUEST}`, instead was `{len(options)}`")
    return options


def _add_options(prop: JsonObject, config: JsonObject) -> None:
    path = f"properties.{prop['name']}.{prop['type']}.options"
    options = _read_options(config, path)
    known = {option["name"] for option in prop[prop["type"]]["options"]}
    for option in options:
        name = option.get("name")
        if not isinstance(name, str):
            refuse_body(f"{path}.name", "should be a string")
        if name not in known:
            add_option(prop, name, path)
            known.add(name)
