"""The JSON Schemas of the bodies: true to the models, to the files of ``docs/schemas``, and to the website's client."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from christmas_tasks.cli import app
from christmas_tasks.errors import PayloadError
from christmas_tasks.events import Ignored, read_booking, read_mail_event, read_no_show
from christmas_tasks.payload_schemas import MODELS, SCHEMAS, as_text
from christmas_tasks.payload_schemas.flat import spellings
from christmas_tasks.payload_schemas.words import FIELDS
from christmas_tasks.payloads import Payload, parse
from tests.unit.properties.json_values import json_values, steady

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "docs" / "schemas"
PAYLOADS = ROOT / "tests" / "payloads"
CLIENT = ROOT / "website" / "christmas-client.ts"


def reader(model: type[Payload]) -> Callable[[object], object]:
    """How one flow reads a flat body."""
    return lambda body: parse(model, body)


READERS: Mapping[str, Callable[[object], object]] = {
    **{name: reader(model) for name, model in MODELS.items()},
    "calendly-no-show": read_no_show,
    "call-booked-handler": read_booking,
    "resend-events": read_mail_event,
}
SAMPLES = sorted(PAYLOADS.glob("*/*.json"))


def schema_takes(name: str, body: object) -> bool:
    """Whether the schema accepts a body."""
    return bool(Draft202012Validator(SCHEMAS[name]).is_valid(body))


def model_takes(name: str, body: object) -> bool:
    """Whether the flow's own reader accepts a body."""
    try:
        READERS[name](body)
    except PayloadError:
        return False
    return True


def test_the_files_are_what_the_models_say_now() -> None:
    """Who downloads a schema gets today's; `christmas-tasks schemas --out docs/schemas` renews them."""
    assert {path.stem: path.read_text("utf-8") for path in FILES.glob("*.json")} == {
        name: as_text(schema) for name, schema in SCHEMAS.items()
    }


def test_the_command_prints_all_schemas_and_writes_each_file_once(tmp_path: Path) -> None:
    """A second run finds nothing to write."""
    runner = CliRunner()
    assert json.loads(runner.invoke(app, ["schemas"]).stdout) == json.loads(json.dumps(SCHEMAS))
    first = runner.invoke(app, ["schemas", "--out", str(tmp_path)])
    assert first.stderr.count("written:") == len(SCHEMAS) == len(list(tmp_path.iterdir()))
    assert runner.invoke(app, ["schemas", "--out", str(tmp_path)]).stderr == ""


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_valid_one_and_its_examples_are_taken(name: str) -> None:
    """Also the example of each single field."""
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(dict(schema))
    assert schema["$schema"].endswith("2020-12/schema")
    assert all(schema[part] for part in ("$id", "title", "description", "examples"))
    for example in schema["examples"]:
        assert schema_takes(name, example)
    for field, form in schema["properties"].items():
        for example in form.get("examples", []):
            assert Draft202012Validator(form).is_valid(example), field


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_sample_is_taken_or_refused_by_the_schema_as_by_the_model(path: Path) -> None:
    """`good-` by both, `bad-` by none; `unsayable-` is refused by the model alone, since no schema can say it."""
    name, body = path.parent.name, json.loads(path.read_text("utf-8"))
    kind = path.stem.partition("-")[0]
    assert (schema_takes(name, body), model_takes(name, body)) == {
        "good": (True, True),
        "bad": (False, False),
        "unsayable": (True, False),
    }[kind]


def test_every_flow_that_takes_a_body_has_good_and_bad_samples() -> None:
    """A new flow without samples is noticed."""
    kinds = {(path.parent.name, path.stem.partition("-")[0]) for path in SAMPLES}
    assert {(name, kind) for name in READERS for kind in ("good", "bad")} <= kinds


def test_every_field_has_words_and_no_words_are_left_over() -> None:
    """A renamed field takes its description with it."""
    assert {field for model in MODELS.values() for field in model.model_fields} == set(FIELDS)


ONE_OF_EACH_TYPE: tuple[Any, ...] = (None, "", "3", "text", 3, 3.5, True, False, [], ["3"], {}, {"a": 1})
# Forgiven by the model, and not what a caller should send: the shape of these decides nothing.
FORGIVEN = {
    "email_1_sent_at",
    "email_1_status",
    "payment_confirmed",
    "docusign_completed",
    "portal_url",
    "reschedule_url",
}


@pytest.mark.parametrize("name", MODELS)
def test_for_each_field_the_schema_takes_the_types_that_the_model_takes(name: str) -> None:
    """Never more; less only where the model forgives what is wrong."""
    body = dict(SCHEMAS[name]["examples"][0])
    for field_name, field in MODELS[name].model_fields.items():
        for spelling in spellings(field_name, field):
            others = {key: value for key, value in body.items() if key not in spellings(field_name, field)}
            for value in ONE_OF_EACH_TYPE:
                tried = {**others, spelling: value}
                by_schema, by_model = schema_takes(name, tried), model_takes(name, tried)
                assert by_model or not by_schema, (spelling, value)
                assert by_schema or not by_model or field_name in FORGIVEN, (spelling, value)


PLAUSIBLE = st.sampled_from(
    (
        *(None, "", " ", "\t", "\x01", "\x1f", "\ufeff", "EV1", "paid", "true", "TRUE", True, False, [], [None], ["a"]),
        *("0", " 8 ", "008", "9", "-1", "2.5", "1e1", "100", "100.0", "100.5", 0, 8, 9, -1, 2.5, 100),
        *("https://a.example.org/x", "http://a", "https://"),
    )
)
ADDRESSES = st.sampled_from(("anna@example.org", "Anna <anna@example.org>", " ANNA@EXAMPLE.ORG "))


def holds_a_count_with_a_point(body: object) -> bool:
    """JSON Schema calls 2.0 an integer; the model doesn't."""
    return isinstance(body, dict) and any(
        isinstance(value, float) and value.is_integer() for name, value in body.items() if name.endswith("_systems")
    )


@pytest.mark.parametrize("name", MODELS)
@given(data=st.data())
@steady
def test_what_the_schema_takes_the_model_takes(name: str, data: st.DataObject) -> None:
    """Whoever checks bodies by the schema is never refused by the flow, but for an address that is none."""
    fields = st.dictionaries(
        st.sampled_from(sorted(SCHEMAS[name]["properties"])), st.one_of(PLAUSIBLE, PLAUSIBLE, json_values), max_size=6
    )
    given_fields = data.draw(fields)
    body = {**SCHEMAS[name]["examples"][0], **given_fields, "email": data.draw(ADDRESSES)}
    for alias, own in (("overall_score", "assessment_score"), ("weakest_system", "weakest_system_1")):
        if alias in given_fields:
            body.pop(own, None)
    if schema_takes(name, body) and not holds_a_count_with_a_point(body):
        assert model_takes(name, body)


TEXTS = st.one_of(PLAUSIBLE, json_values)


@given(
    st.dictionaries(st.sampled_from(("name", "timezone", "event", "reschedule_url", "first_name")), TEXTS, max_size=3),
    st.one_of(
        st.none(), st.dictionaries(st.sampled_from(("uri", "start_time", "name")), TEXTS, max_size=3), json_values
    ),
)
@steady
def test_what_the_schema_of_calendlys_no_show_takes_is_a_no_show(
    invitee: dict[str, Any], scheduled_event: object
) -> None:
    """No envelope that fits it is refused or ignored."""
    body = {
        "event": "invitee_no_show.created",
        "payload": {**invitee, "email": "anna@example.org", "scheduled_event": scheduled_event},
    }
    if schema_takes("calendly-no-show", body):
        assert not isinstance(read_no_show(body), Ignored)


@given(st.one_of(json_values, st.fixed_dictionaries({"type": st.just("email.bounced"), "data": json_values})))
@steady
def test_what_the_schema_of_resends_event_takes_is_read(body: object) -> None:
    """No event that fits it is refused."""
    if schema_takes("resend-events", body):
        assert model_takes("resend-events", body)


def interfaces(source: str) -> dict[str, dict[str, tuple[bool, str]]]:
    """The client's interfaces: for each field whether it may be left out, and its type; a base's fields included."""
    found: dict[str, dict[str, tuple[bool, str]]] = {}
    pattern = r"^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}"
    for name, base, inside in re.findall(pattern, source, flags=re.MULTILINE | re.DOTALL):
        fields = re.findall(r"^  (\w+)(\??): (.+);$", inside, flags=re.MULTILINE)
        found[name] = found.get(base, {}) | {field: (bool(mark), kind) for field, mark, kind in fields}
    return found


def typescript(form: Mapping[str, Any]) -> str:
    """The name of the client's type for one property of a schema."""
    parts = json.dumps(form)
    if '"boolean"' in parts:
        return "Flag"
    if '"array"' in parts:
        return "Texts"
    if '"anyOf"' in parts and '"integer"' in parts:
        return "OptionalCount" if '"null"' in parts else "Count"
    if '"anyOf"' in parts and '"number"' in parts:
        return "Amount"
    if '"number"' in parts:
        return "Text"
    return "string | null" if '"null"' in parts else "string"


@pytest.mark.parametrize(
    ("interface", "name"),
    [
        ("Signup", "signup-handler"),
        ("Assessment", "assessment-handler"),
        ("NoShow", "noshow-recovery-handler"),
        ("PostCall", "postcall-maybe-handler"),
        ("Onboarding", "onboarding-handler"),
    ],
)
def test_the_clients_types_have_the_schemas_fields_needs_and_types(interface: str, name: str) -> None:
    """Nobody can send by the client what the schema doesn't name, or leave out what it needs."""
    schema = SCHEMAS[name]
    expected = {
        field: (field not in schema["required"], typescript(form)) for field, form in schema["properties"].items()
    }
    assert interfaces(CLIENT.read_text("utf-8"))[interface] == expected
