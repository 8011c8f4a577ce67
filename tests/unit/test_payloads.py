"""The bodies of the webhooks against contract section 3: what is required, forgiven, refused in words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_tasks.errors import PayloadError
from christmas_tasks.events import Ignored, read_no_show
from christmas_tasks.instants import read_instant
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, Payload, PostCall, Signup, parse, website_sent_at
from christmas_tasks.text import is_safe_link

ANN = "ann@example.org"
RECEIVED = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
EVENT = "https://api.calendly.com/scheduled_events/EV1"

SIGNUP: dict[str, Any] = {"email": ANN}
ASSESSMENT: dict[str, Any] = {"email": ANN, "red_systems": 2, "orange_systems": 1}
NO_SHOW: dict[str, Any] = {"email": ANN, "calendly_event_id": "EV1"}
POST_CALL: dict[str, Any] = {"email": ANN}
ONBOARDING: dict[str, Any] = {"email": ANN, "payment_status": "paid"}

SMALLEST: list[tuple[type[Payload], dict[str, Any]]] = [
    (Signup, SIGNUP),
    (Assessment, ASSESSMENT),
    (NoShow, NO_SHOW),
    (PostCall, POST_CALL),
    (Onboarding, ONBOARDING),
]
every_model = pytest.mark.parametrize(("model", "smallest"), SMALLEST)


def faults(read: Callable[[], object]) -> tuple[str, ...]:
    """The lines of the ``PayloadError`` that *read* raises."""
    with pytest.raises(PayloadError) as caught:
        read()
    return caught.value.lines


def envelope(**more: Any) -> dict[str, Any]:
    invitee = {
        "email": "Ann@Example.org",
        "name": "Ann Lee Frost",
        "first_name": None,
        "last_name": None,
        "timezone": "America/Los_Angeles",
        "event": EVENT,
        "reschedule_url": "https://calendly.com/reschedulings/I",
        "scheduled_event": {"uri": EVENT, "name": "Intro", "start_time": "2025-11-19T06:30:00.000000Z"},
        **more,
    }
    return {"event": "invitee_no_show.created", "created_at": "2025-11-19T07:00:00Z", "payload": invitee}


# What every body shares.


@every_model
def test_the_smallest_body_is_enough(model: type[Payload], smallest: dict[str, Any]) -> None:
    """Nothing beyond the contract's column "required" is asked for."""
    body = parse(model, smallest)
    assert body.email == ANN
    assert body.first_name == body.last_name == body.business_name == ""


@every_model
@pytest.mark.parametrize("body", [None, [], [{"email": ANN}], "text", "", 3, 2.5, True])
def test_a_body_that_is_no_object_is_one_readable_line(
    model: type[Payload], smallest: dict[str, Any], body: object
) -> None:
    """JSON that is no object fails in one sentence, for every flow."""
    assert smallest
    assert faults(lambda: parse(model, body)) == ("The body must be a JSON object.",)


@every_model
@pytest.mark.parametrize("email", [None, "", "   ", 7, True, [ANN], {"a": ANN}])
def test_an_absent_or_wrong_address_is_refused(model: type[Payload], smallest: dict[str, Any], email: object) -> None:
    """Every flow needs an address in text; the one line begins with the field's name."""
    (line,) = faults(lambda: parse(model, {**smallest, "email": email}))
    assert line.startswith("email: ")


@every_model
def test_a_missing_address_is_named(model: type[Payload], smallest: dict[str, Any]) -> None:
    """An absent field says that it is missing."""
    body = {name: value for name, value in smallest.items() if name != "email"}
    assert faults(lambda: parse(model, body)) == ("email: is missing",)


@every_model
def test_unknown_fields_are_stored_nowhere(model: type[Payload], smallest: dict[str, Any]) -> None:
    """What nobody asked for does not survive parsing, whatever its shape."""
    body = parse(model, {**smallest, "utm": "x", "nested": {"a": [1, {"b": None}]}, "": 1, "model_config": 1})
    assert body == parse(model, smallest)


@every_model
@pytest.mark.parametrize(
    "name", ["testing_mode", "TESTING_MODE", "mode", "segment", "sequence", "sequence_type", "email_number", "number"]
)
def test_the_caller_cannot_choose_mode_segment_sequence_or_number(
    model: type[Payload], smallest: dict[str, Any], name: str
) -> None:
    """Fields that would steer the campaign are unknown fields."""
    assert parse(model, {**smallest, name: "true"}) == parse(model, smallest)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  ann@example.org\t", "ann@example.org"),
        ("ANN@Example.ORG", "ann@example.org"),
        ("Ann Frost <Ann@example.org>", "ann@example.org"),
        ('"Frost, Ann" <ann@example.org>', "ann@example.org"),
        ("<ann@example.org>", "ann@example.org"),
        ("ann+tag@example.org", "ann+tag@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("ann\x00@example.org", "ann@example.org"),
        ("ann\ud800@example.org", "ann@example.org"),
        ("\nann@example.org\r\n", "ann@example.org"),
    ],
)
def test_an_address_is_normalised(given: str, address: str) -> None:
    """Trimmed, lower-cased, without display name and unstorable characters."""
    assert parse(Signup, {"email": given}).email == address


@pytest.mark.parametrize(
    "given",
    [
        "ann",
        "ann@",
        "@example.org",
        "ann@example",
        "ann@@example.org",
        "ann@example..org",
        "ann@exam ple.org",
        "ann@example.org, bob@example.org",
        "ann@example.org; bob@example.org",
        "ann@example.org bob@example.org",
        "ann@example.org\nBcc: bob@example.org",
        "Ann <ann@example.org> <bob@example.org>",
        "ann@[127.0.0.1]",
        "mailto:ann@example.org?cc=bob@example.org",
        "{{ secret('RESEND_API_KEY') }}",
    ],
)
def test_what_is_not_one_valid_address_is_refused_without_repeating_it(given: str) -> None:
    """The line names the rule; the text of other people stays out of the logs."""
    (line,) = faults(lambda: parse(Signup, {"email": given}))
    assert line == "email: is not one valid e-mail address"


def test_an_address_longer_than_the_tracker_holds_is_refused() -> None:
    """Notion's email column ends at 200 characters: refused at the door, not in the middle of an enrolment."""
    label = "a" * 60
    fits = f"ann@{'.'.join([label] * 3)}.{'b' * 8}.org"
    assert len(fits) == 199
    assert parse(Signup, {"email": fits}).email == fits
    (line,) = faults(lambda: parse(Signup, {"email": "ab" + fits}))
    assert line == "email: must have at most 200 characters"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("  Ann  ", "Ann"),
        ("A\tn\nn", "A n n"),
        ("An\x00n", "Ann"),
        ("An\ud83dn", "Ann"),
        ("Ann \U0001f384", "Ann \U0001f384"),
        ("{{ 7*7 }} <b>\\\"'", "{{ 7*7 }} <b>\\\"'"),
        ("\x00\x01 ", ""),
        (None, ""),
        ("", ""),
        (7, "7"),
        (2.5, "2.5"),
    ],
)
def test_text_is_made_storable_and_otherwise_left_as_it_is(given: object, stored: str) -> None:
    """Trimmed, one line, without NUL and lone surrogates; nothing is evaluated or escaped at the door."""
    assert parse(Signup, {"email": ANN, "business_name": given}).business_name == stored


@pytest.mark.parametrize("given", [True, False, [], ["Ann"], {}, {"a": 1}])
@pytest.mark.parametrize("field", ["first_name", "last_name", "name", "business_name", "source"])
def test_text_of_a_wrong_type_is_a_line(field: str, given: object) -> None:
    """Wrong types fail with the field's name and the rule."""
    assert faults(lambda: parse(Signup, {"email": ANN, field: given})) == (f"{field}: must be text",)


@pytest.mark.parametrize(
    ("body", "given_name", "family_name"),
    [
        ({}, "", ""),
        ({"first_name": "Ann"}, "Ann", ""),
        ({"name": "Ann Lee Frost"}, "Ann", "Lee Frost"),
        ({"first_name": " ", "last_name": None, "name": "  Ann   Frost "}, "Ann", "Frost"),
        ({"first_name": "Bea", "name": "Ann Frost"}, "Bea", "Frost"),
        ({"first_name": "Ann", "last_name": "Snow", "name": "X Y"}, "Ann", "Snow"),
        ({"name": "Ann"}, "Ann", ""),
    ],
)
def test_a_name_is_taken_apart_only_where_its_parts_are_absent(
    body: dict[str, Any], given_name: str, family_name: str
) -> None:
    """``first_name`` wins; else the first word of ``name``."""
    payload = parse(Signup, {"email": ANN, **body})
    assert (payload.given_name, payload.family_name) == (given_name, family_name)


def test_every_field_at_fault_has_its_own_line() -> None:
    """Nobody has to repair a body one error at a time."""
    body = {"email": "ann", "red_systems": 9, "first_name": [], "assessment_score": "high"}
    lines = faults(lambda: parse(Assessment, body))
    assert sorted(line.partition(":")[0] for line in lines) == [
        "assessment_score",
        "email",
        "first_name",
        "orange_systems",
        "red_systems",
    ]
    assert all("\n" not in line for line in lines)


# Assessment.


@pytest.mark.parametrize("field", ["red_systems", "orange_systems", "yellow_systems", "green_systems"])
@pytest.mark.parametrize(
    ("given", "count"),
    [(0, 0), (8, 8), ("0", 0), ("8", 8), (" 3 ", 3), ("03", 3), ("0000000008", 8)],
)
def test_a_count_is_a_whole_number_from_0_to_8(field: str, given: object, count: int) -> None:
    """As a number, or as digits in text."""
    assert getattr(parse(Assessment, {**ASSESSMENT, field: given}), field) == count


@pytest.mark.parametrize("field", ["red_systems", "orange_systems", "yellow_systems", "green_systems"])
@pytest.mark.parametrize(
    "given",
    [-1, 9, 10**30, "9", "-1", "+1", "2.5", "1e0", "0x1", "1_0", "two", "8" * 5000, "\N{SUPERSCRIPT TWO}"],
)
def test_a_number_that_eight_systems_cannot_give_is_refused(field: str, given: object) -> None:
    """Out of range, or digits of another kind."""
    lines = faults(lambda: parse(Assessment, {**ASSESSMENT, field: given}))
    assert lines == (f"{field}: must be a whole number from 0 to 8",)


@pytest.mark.parametrize("field", ["red_systems", "orange_systems", "yellow_systems", "green_systems"])
@pytest.mark.parametrize("given", [2.5, True, False, float("nan"), float("inf"), [], [1], {}])
def test_what_is_no_count_is_refused(field: str, given: object) -> None:
    """Booleans, fractions and other shapes are not counts."""
    lines = faults(lambda: parse(Assessment, {**ASSESSMENT, field: given}))
    assert lines == (f"{field}: must be a whole number from 0 to 8",)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_absent_yellow_and_green_are_0_but_red_and_orange_are_required(blank: object) -> None:
    """Null and blank mean absent, for required fields as well."""
    body = parse(Assessment, {**ASSESSMENT, "yellow_systems": blank, "green_systems": blank})
    assert (body.yellow_systems, body.green_systems) == (0, 0)
    lines = faults(lambda: parse(Assessment, {"email": ANN, "red_systems": blank, "orange_systems": blank}))
    assert [line.partition(":")[0] for line in lines] == ["red_systems", "orange_systems"]


@pytest.mark.parametrize(
    ("counts", "warned"),
    [((2, 2, 2, 2), False), ((8, 0, 0, 0), False), ((2, 2, 2, 1), True), ((8, 8, 8, 8), True), ((0, 0, 0, 0), True)],
)
def test_counts_that_do_not_add_up_are_accepted_with_a_warning(counts: tuple[int, int, int, int], warned: bool) -> None:
    """The warning says what they add up to."""
    names = ("red_systems", "orange_systems", "yellow_systems", "green_systems")
    body = parse(Assessment, {"email": ANN, **dict(zip(names, counts, strict=True))})
    assert bool(body.warnings) is warned
    assert all(str(sum(counts)) in line for line in body.warnings)


@pytest.mark.parametrize("field", ["assessment_score", "overall_score"])
@pytest.mark.parametrize(
    ("given", "score"),
    [(0, 0), (100, 100), (55.5, 55.5), ("55", 55), (" 55.5 ", 55.5), (None, None), ("", None), (" ", None)],
)
def test_the_score_may_come_under_both_names(field: str, given: object, score: float | None) -> None:
    """From 0 to 100; fractions are welcome."""
    assert parse(Assessment, {**ASSESSMENT, field: given}).assessment_score == score


@pytest.mark.parametrize("blank", [None, "", " "])
def test_a_blank_name_gives_way_to_the_other_one(blank: object) -> None:
    """Null and blank mean absent, so the alias beside them counts."""
    score = parse(Assessment, {**ASSESSMENT, "assessment_score": blank, "overall_score": 55})
    assert score.assessment_score == 55
    system = parse(Assessment, {**ASSESSMENT, "weakest_system_1": blank, "weakest_system": "CREW"})
    assert system.weakest_system_1 == "CREW"


def test_the_first_of_two_names_wins() -> None:
    """``assessment_score`` is the name, ``overall_score`` the other one."""
    body = parse(Assessment, {**ASSESSMENT, "assessment_score": 0, "overall_score": 55})
    assert body.assessment_score == 0


@pytest.mark.parametrize("given", [-1, 100.5, "101", "high", True, [], {}, float("nan"), "NaN", "Infinity", "1e999"])
def test_a_score_outside_its_range_is_refused(given: object) -> None:
    """A line that names the field."""
    (line,) = faults(lambda: parse(Assessment, {**ASSESSMENT, "assessment_score": given}))
    assert line.startswith("assessment_score: must be a number")


@pytest.mark.parametrize(
    ("given", "amount"), [(14700, 14700), ("14700.50", 14700.5), (0, 0), (None, 0), ("", 0), (" ", 0)]
)
def test_the_revenue_leak_is_a_number_and_0_if_absent(given: object, amount: float) -> None:
    """Digits in text are fine."""
    assert parse(Assessment, {**ASSESSMENT, "revenue_leak_total": given}).revenue_leak_total == amount


@pytest.mark.parametrize("given", [-1, "much", True, [], 10**12, float("inf"), "nan"])
def test_a_revenue_leak_that_is_no_amount_is_refused(given: object) -> None:
    """A line that names the field."""
    (line,) = faults(lambda: parse(Assessment, {**ASSESSMENT, "revenue_leak_total": given}))
    assert line.startswith("revenue_leak_total: must be a number")


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        *((word, False) for word in ("sent", " SENT ", None, "", "  ")),
        *((word, True) for word in ("failed", "delivered", "sent!", "not sent", "0", 0, 1, False, True)),
        *((shape, True) for shape in ([], ["sent"], {}, {"a": "sent"})),
    ],
)
def test_whatever_is_not_sent_has_failed(given: object, failed: bool) -> None:
    """``email_1_status`` never refuses a lead: #2 to #5 are planned all the same."""
    assert parse(Assessment, {**ASSESSMENT, "email_1_status": given}).email_1_failed is failed


def test_an_absent_email_1_status_is_sent() -> None:
    """The website calls after it has sent."""
    assert not parse(Assessment, ASSESSMENT).email_1_failed


@pytest.mark.parametrize("given", [None, "", 5, True, [], {}, "soon"])
def test_email_1_sent_at_never_refuses_a_lead(given: object) -> None:
    """What can't be read is a warning, not an error."""
    body = parse(Assessment, {**ASSESSMENT, "email_1_sent_at": given})
    assert website_sent_at(body.email_1_sent_at, RECEIVED)[0] == RECEIVED


@pytest.mark.parametrize(
    ("given", "instant", "warned"),
    [
        ("2025-11-20T08:00:00Z", datetime(2025, 11, 20, 8, tzinfo=UTC), ""),
        ("2025-11-20T08:00:00.250Z", datetime(2025, 11, 20, 8, 0, 0, 250_000, tzinfo=UTC), ""),
        ("2025-11-20T10:00:00+02:00", datetime(2025, 11, 20, 8, tzinfo=UTC), ""),
        ("2025-11-19T22:00:00-10:00", datetime(2025, 11, 20, 8, tzinfo=UTC), ""),
        (" 2025-11-20T08:00:00Z ", datetime(2025, 11, 20, 8, tzinfo=UTC), ""),
        ("2025-11-20T08:00:00", datetime(2025, 11, 20, 8, tzinfo=UTC), "UTC"),
        ("2025-11-20", datetime(2025, 11, 20, tzinfo=UTC), "UTC"),
        ("2025-11-21T09:00:00Z", RECEIVED + timedelta(days=1), ""),
        ("2025-11-21T09:00:01Z", RECEIVED, "ahead"),
        ("2035-11-21T09:00:00", RECEIVED, "ahead"),
        ("2025-10-01T09:00:00Z", datetime(2025, 10, 1, 9, tzinfo=UTC), ""),
        ("20.11.2025", RECEIVED, "ISO 8601"),
        ("now", RECEIVED, "ISO 8601"),
        ("0001-01-01T00:00:00+10:00", RECEIVED, "ISO 8601"),
        (1763625600, RECEIVED, "ISO 8601"),
        (None, RECEIVED, "absent"),
        ("  ", RECEIVED, "absent"),
    ],
)
def test_the_time_of_email_1_is_kept_or_is_that_of_receipt(given: object, instant: datetime, warned: str) -> None:
    """A zone is kept as an instant; everything doubtful is a warning, and never "now"."""
    sent_at, warnings = website_sent_at(given, RECEIVED)
    assert sent_at == instant
    assert sent_at.utcoffset() == timedelta(0)
    assert len(warnings) == (1 if warned else 0)
    assert all(warned in line for line in warnings)


# No-show.


@pytest.mark.parametrize("field", ["calendly_event_id", "calendly_event_uri", "scheduled_time"])
def test_any_of_three_fields_names_the_missed_call(field: str) -> None:
    """One is enough; the cause is never empty."""
    assert parse(NoShow, {"email": ANN, field: "2025-11-19T06:30:00Z"}).cause


@pytest.mark.parametrize("blank", [{}, {"calendly_event_id": " "}, {"calendly_event_uri": None, "scheduled_time": ""}])
def test_a_no_show_without_a_call_is_refused_beside_other_faults(blank: dict[str, Any]) -> None:
    """One line for the address and one for the call, at once."""
    missing = "calendly_event_id, calendly_event_uri or scheduled_time is missing"
    assert faults(lambda: parse(NoShow, {"email": ANN, **blank})) == (missing,)
    assert faults(lambda: parse(NoShow, blank)) == ("email: is missing", missing)


def test_a_call_in_a_wrong_shape_is_not_called_missing() -> None:
    """The line says what is wrong with it."""
    assert faults(lambda: parse(NoShow, {"email": ANN, "calendly_event_id": []})) == (
        "calendly_event_id: must be text",
    )


@pytest.mark.parametrize(
    "same",
    [
        {"calendly_event_id": "EV1"},
        {"calendly_event_id": " EV1 "},
        {"calendly_event_uri": EVENT},
        {"calendly_event_uri": f"{EVENT}/"},
        {"calendly_event_id": EVENT},
        {"calendly_event_id": "EV1", "calendly_event_uri": EVENT, "scheduled_time": "2025-11-19T06:30:00Z"},
    ],
)
def test_one_event_is_one_cause_in_every_spelling(same: dict[str, Any]) -> None:
    """Calendly's own form and a relay's flat form enrol the same missed call once."""
    assert parse(NoShow, {"email": ANN, **same}).cause == "EV1"


def test_another_event_is_another_cause() -> None:
    """A second missed call is a second enrolment."""
    first, second = (parse(NoShow, {"email": ANN, "calendly_event_id": event}).cause for event in ("EV1", "EV2"))
    assert first != second


def test_the_scheduled_time_is_compared_as_an_instant() -> None:
    """Two spellings of one instant are one missed call; words stay words."""
    times = ("2025-11-19T06:30:00Z", "2025-11-19T06:30:00.000000Z", "2025-11-19T07:30:00+01:00", "2025-11-19T06:30")
    assert len({parse(NoShow, {"email": ANN, "scheduled_time": time}).cause for time in times}) == 1
    assert parse(NoShow, {"email": ANN, "scheduled_time": "Monday, 9"}).cause == "Monday, 9"


@pytest.mark.parametrize("event", ["/", "///"])
def test_an_event_of_slashes_alone_is_still_a_cause(event: str) -> None:
    """Never an empty cause, which would be one for each campaign."""
    assert parse(NoShow, {"email": ANN, "calendly_event_id": event}).cause == event


def test_calendlys_own_form_is_read() -> None:
    """First and last name may be null; the scheduled event's uri is the cause."""
    body = read_no_show(envelope())
    assert isinstance(body, NoShow)
    assert (body.email, body.given_name, body.family_name) == (ANN, "Ann", "Lee Frost")
    assert body.cause == "EV1"
    assert body.scheduled_time == "2025-11-19T06:30:00.000000Z"
    assert body.event_type == "Intro"
    assert body.reschedule_url == "https://calendly.com/reschedulings/I"
    assert body.time_zone == "America/Los_Angeles"


@pytest.mark.parametrize("scheduled", [None, {}, "", "text", 7, True, ["x"]])
def test_an_envelope_without_its_event_falls_back_to_the_invitees_link(scheduled: object) -> None:
    """Whatever stands in ``scheduled_event``, the reading doesn't break."""
    body = read_no_show(envelope(scheduled_event=scheduled))
    assert isinstance(body, NoShow)
    assert body.cause == "EV1"


def test_an_envelope_with_faults_has_a_line_for_each() -> None:
    """As flat bodies have."""
    lines = faults(lambda: read_no_show(envelope(email="ann", event=None, scheduled_event=None)))
    assert lines == (
        "email: is not one valid e-mail address",
        "calendly_event_id, calendly_event_uri or scheduled_time is missing",
    )


@pytest.mark.parametrize("event", ["invitee.created", "invitee.canceled", "invitee_no_show.deleted", "", None, 7, []])
def test_other_calendly_events_are_ignored_in_success(event: object) -> None:
    """A reason for the log, without text of other people."""
    ignored = read_no_show({**envelope(), "event": event})
    assert isinstance(ignored, Ignored)
    assert ignored.reason
    assert "\n" not in ignored.reason


def test_a_flat_no_show_is_read_by_the_same_door() -> None:
    """The relay's form needs no envelope."""
    assert read_no_show(NO_SHOW) == parse(NoShow, NO_SHOW)


@pytest.mark.parametrize("body", [None, [], "x", {"event": "invitee_no_show.created", "payload": {}}, {}])
def test_an_unusable_no_show_is_refused_in_words(body: object) -> None:
    """No JSON object, an empty invitee, an empty body."""
    assert faults(lambda: read_no_show(body))


# Post-call.


def test_a_post_call_body_is_read() -> None:
    """Every field of the contract's row."""
    body = parse(
        PostCall,
        {
            "email": ANN,
            "call_date": "2025-11-19",
            "interest_level": 7,
            "call_outcome": "maybe",
            "call_notes": "n" * 2_001,
            "objections": [" price ", "", None, "time"],
            "follow_up_priority": "high",
        },
    )
    assert (body.interest_level, body.call_outcome, body.follow_up_priority) == ("7", "maybe", "high")
    assert body.call_notes == "n" * 2_000
    assert body.objections == ("price", "time")


@pytest.mark.parametrize(("given", "read"), [(None, ()), ("", ()), ([], ()), ("price", ("price",)), ([" "], ())])
def test_objections_may_be_absent_or_one_text(given: object, read: tuple[str, ...]) -> None:
    """A list, or a single one."""
    assert parse(PostCall, {"email": ANN, "objections": given}).objections == read


def test_a_list_with_something_else_than_text_is_refused() -> None:
    """The line names the list."""
    (line,) = faults(lambda: parse(PostCall, {"email": ANN, "objections": ["price", {"a": 1}]}))
    assert line == "objections: must be text"


@pytest.mark.parametrize(
    ("model", "field", "required"),
    [(PostCall, "call_date", {}), (Onboarding, "payment_date", {"payment_status": "paid"})],
)
def test_a_date_is_one_cause_in_every_spelling(
    model: type[PostCall | Onboarding], field: str, required: dict[str, Any]
) -> None:
    """Absent: one enrolment for each campaign."""

    def cause(value: object) -> str:
        return parse(model, {"email": ANN, **required, field: value}).cause

    assert cause(None) == cause(" ") == ""
    assert cause("2025-11-19") == cause("20251119") == cause(" 2025-11-19T00:00:00 ")
    assert cause("2025-11-19T10:00:00Z") == cause("2025-11-19T11:00:00+01:00") == cause("2025-11-19T10:00:00")
    assert len({cause(""), cause("2025-11-19"), cause("2025-11-20"), cause("2025-11-19T10:00Z"), cause("Monday")}) == 5


# Onboarding.


@pytest.mark.parametrize("status", ["paid", "completed", "succeeded", " PAID ", "Completed", "SUCCEEDED\n"])
def test_three_words_count_as_paid(status: str) -> None:
    """Trimmed and lower-cased."""
    assert parse(Onboarding, {"email": ANN, "payment_status": status}).is_paid


@pytest.mark.parametrize("status", ["pending", "unpaid", "not paid", "failed", "refunded", "true", "1", "paid in part"])
def test_other_words_are_accepted_and_not_paid(status: str) -> None:
    """The flow warns with the status and ends in WARNING: that is no fault of the body."""
    body = parse(Onboarding, {"email": ANN, "payment_status": status})
    assert not body.is_paid
    assert body.payment_status == status


@pytest.mark.parametrize(
    ("confirmed", "paid"),
    [(True, True), ("true", True), (" TRUE ", True), (False, False), ("yes", False), (1, False), (None, False)],
)
def test_a_confirmation_counts_only_if_it_is_true(confirmed: object, paid: bool) -> None:
    """``payment_confirmed: true`` beside another status."""
    body = parse(Onboarding, {"email": ANN, "payment_status": "pending", "payment_confirmed": confirmed})
    assert body.is_paid is paid


def test_a_confirmation_alone_is_enough() -> None:
    """It stands in for the status."""
    assert parse(Onboarding, {"email": ANN, "payment_confirmed": True}).is_paid


@pytest.mark.parametrize("rest", [{}, {"payment_status": " "}, {"payment_confirmed": False}, {"payment_status": None}])
def test_onboarding_without_a_word_on_the_payment_is_refused_beside_other_faults(rest: dict[str, Any]) -> None:
    """One line for the address and one for the payment, at once."""
    missing = "payment_status (or payment_confirmed: true) is missing"
    assert faults(lambda: parse(Onboarding, {"email": ANN, **rest})) == (missing,)
    assert faults(lambda: parse(Onboarding, rest)) == ("email: is missing", missing)


def test_an_onboarding_body_is_read() -> None:
    """Every field of the contract's row."""
    body = parse(
        Onboarding,
        {
            **ONBOARDING,
            "payment_date": "2025-11-19",
            "payment_amount": 2500,
            "package_type": "Phase 1",
            "docusign_completed": True,
            "portal_url": "https://portal.example.org/ann",
            "diagnostic_call_date": "2025-12-01",
            "salon_address": "1 Example Street",
            "start_date": "2026-01-05",
            "observation_dates": ["2026-01-06", "2026-01-07"],
        },
    )
    assert body.payment_amount == "2500"
    assert body.docusign_completed
    assert body.portal_url == "https://portal.example.org/ann"
    assert body.observation_dates == ("2026-01-06", "2026-01-07")


# Values that many bodies share.


@pytest.mark.parametrize(
    ("link", "safe"),
    [
        ("https://example.org", True),
        ("https://example.org/a?b=c&d=e#f", True),
        ("HTTPS://example.org/", True),
        ("http://example.org", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("/page", False),
        ("https://", False),
        ("https:///path", False),
        ("https://[::1", False),
        ("https://example.org/ x", False),
        ('https://example.org/"onclick=x', False),
        ("https://example.org/<b>", False),
        ("https://example.org\\@evil", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_a_safe_link_is_one_absolute_https_address(link: str, safe: bool) -> None:
    """Nothing that could leave the attribute it stands in."""
    assert is_safe_link(link) is safe


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://example.org", "portal", 5])
def test_an_unsafe_link_counts_as_absent(link: object) -> None:
    """It decorates: the lead is kept, the link is not."""
    assert parse(Onboarding, {**ONBOARDING, "portal_url": link}).portal_url == ""
    assert parse(NoShow, {**NO_SHOW, "reschedule_url": link}).reschedule_url == ""


@pytest.mark.parametrize("value", [None, 5, True, [], {}, "", "x", "2025-13-01", "2025-11-20T25:00", "9999-99-99"])
def test_what_is_no_time_is_none(value: object) -> None:
    """Never an error."""
    assert read_instant(value) is None
