"""The schema of a flat body: fields, needs and other names from the model, words and examples from ``words``."""

from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from christmas_tasks.payload_schemas.forms import DIALECT, FORMS, GIVEN, MOMENT, JsonSchema
from christmas_tasks.payload_schemas.words import EXAMPLES, FIELDS, TITLES
from christmas_tasks.payloads import Payload


def flat_schema(name: str, model: type[Payload]) -> JsonSchema:
    """The schema of one model.

    Args:
        name: The flow that takes the body.
        model: What reads it there.

    Raises:
        KeyError: A field without a form or a description: add it to ``forms`` or ``words``.
    """
    properties: JsonSchema = {}
    for field_name, field in model.model_fields.items():
        for spelling in spellings(field_name, field):
            properties[spelling] = _property(field_name, spelling, field)
    title, description = TITLES[name]
    schema: JsonSchema = {
        "$schema": DIALECT,
        "$id": f"urn:christmas:schemas:{name}",
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [field_name for field_name, field in model.model_fields.items() if field.is_required()],
    }
    if model.one_of:
        schema["anyOf"] = [
            {"required": [one], "properties": {one: GIVEN[model.model_fields[one].metadata[0]]}} for one in model.one_of
        ]
    return {**schema, "additionalProperties": True, "examples": [dict(example) for example in EXAMPLES[name]]}


def spellings(name: str, field: FieldInfo) -> tuple[str, ...]:
    """All names of a field, its own first."""
    alias = field.validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else []
    return (name, *(str(other) for other in names if other != name))


def _property(name: str, spelling: str, field: FieldInfo) -> JsonSchema:
    described = FIELDS[name]
    words = described.description if spelling == name else f"Another name of {name}."
    form: dict[str, Any] = FORMS[field.metadata[0]] if field.metadata else MOMENT
    default = {} if field.is_required() or field.default in ("", None, ()) else {"default": field.default}
    return {"description": words, **form, **default, "examples": list(described.examples)}
