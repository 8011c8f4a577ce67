"""Any JSON at any webhook: a storable body, or lines in words, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_tasks.errors import PayloadError
from christmas_tasks.events import Ignored, read_no_show
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, Payload, PostCall, Signup, parse
from christmas_tasks.text import clean, is_safe_link
from tests.unit.properties.json_values import hostile_text, json_values, steady

MODELS: list[type[Payload]] = [Signup, Assessment, NoShow, PostCall, Onboarding]
FIELDS = sorted({name for model in MODELS for name in model.model_fields} | {"overall_score", "weakest_system"})
LIKELY: dict[str, Any] = {
    "email": "Ann <ann@example.org>",
    "red_systems": 2,
    "orange_systems": "1",
    "calendly_event_id": "EV1",
    "payment_status": "paid",
}


def bodies(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that often get past the door: likely values, some replaced."""
    return st.dictionaries(st.sampled_from(FIELDS), values, max_size=6).map(lambda more: LIKELY | more)


def texts_of(value: object) -> list[str]:
    """Every text within a parsed value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple | list):
        return [text for item in value for text in texts_of(item)]
    return []


def check_storable(body: Payload) -> None:
    for name in type(body).model_fields:
        if name == "email_1_sent_at":
            continue
        for text in texts_of(getattr(body, name)):
            text.encode()
            assert "\x00" not in text
            assert len(text.splitlines()) <= 1
            assert text == text.strip()
            assert len(text) <= 5_000


def check_lines(error: PayloadError, given_texts: list[str]) -> None:
    assert error.lines
    for line in error.lines:
        assert len(line.splitlines()) == 1
        assert not [text for text in given_texts if len(text) > 20 and text in line]


@pytest.mark.parametrize("model", MODELS)
@given(body=json_values)
@steady
def test_any_json_is_a_body_or_a_payload_error(model: type[Payload], body: object) -> None:
    """No other exception, whatever is posted."""
    try:
        check_storable(parse(model, body))
    except PayloadError as error:
        check_lines(error, [])


@pytest.mark.parametrize("model", MODELS)
@given(body=bodies(json_values))
@steady
def test_any_value_in_any_field_is_stored_clean_or_named(model: type[Payload], body: dict[str, Any]) -> None:
    """One line of storable text; an error repeats no value."""
    try:
        check_storable(parse(model, body))
    except PayloadError as error:
        check_lines(error, texts_of(list(body.values())))


@pytest.mark.parametrize("model", MODELS)
@given(body=bodies(hostile_text))
@steady
def test_a_body_parsed_again_is_the_same(model: type[Payload], body: dict[str, Any]) -> None:
    """What the library stores passes its own door unchanged."""
    try:
        once = parse(model, body)
    except PayloadError:
        return
    assert parse(model, once.model_dump(mode="json")) == once


@given(invitee=st.dictionaries(st.sampled_from(["email", "name", "event", "scheduled_event", "timezone"]), json_values))
@steady
def test_any_calendly_envelope_is_a_no_show_or_a_payload_error(invitee: dict[str, Any]) -> None:
    """Whatever the vendor changes inside."""
    try:
        body = read_no_show({"event": "invitee_no_show.created", "payload": invitee})
    except PayloadError as error:
        check_lines(error, [])
    else:
        assert isinstance(body, NoShow)
        assert body.cause


@given(
    event=json_values.filter(lambda event: event != "invitee_no_show.created"),
    payload=st.dictionaries(st.text(), json_values),
)
@steady
def test_any_other_calendly_event_is_ignored(event: object, payload: dict[str, Any]) -> None:
    """In success."""
    assert isinstance(read_no_show({"event": event, "payload": payload}), Ignored)


@given(counts=st.tuples(*[st.integers(-3, 12)] * 4))
@steady
def test_counts_are_accepted_exactly_from_0_to_8(counts: tuple[int, ...]) -> None:
    """As numbers and as digits, with a line for each one at fault."""
    names = ("red_systems", "orange_systems", "yellow_systems", "green_systems")
    at_fault = [name for name, count in zip(names, counts, strict=True) if not 0 <= count <= 8]
    for spell in (int, str):
        body = {"email": "ann@example.org", **{n: spell(count) for n, count in zip(names, counts, strict=True)}}
        if at_fault:
            with pytest.raises(PayloadError) as caught:
                parse(Assessment, body)
            assert [line.partition(":")[0] for line in caught.value.lines] == at_fault
        else:
            read = parse(Assessment, body)
            assert tuple(getattr(read, name) for name in names) == counts


@given(text=hostile_text)
@steady
def test_cleaning_is_done_once(text: str) -> None:
    """A second pass changes nothing; the result is UTF-8 and JSON."""
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert json.loads(json.dumps(cleaned, ensure_ascii=False).encode()) == cleaned


@given(text=st.one_of(hostile_text, hostile_text.map("https://example.org/".__add__)))
@steady
def test_a_safe_link_never_leaves_its_attribute(text: str) -> None:
    """No quotes, angle brackets or blanks."""
    if is_safe_link(text):
        assert text.lower().startswith("https://")
        assert not set(text) & set("\"'<>` \n\r\t\\")
