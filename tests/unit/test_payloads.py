"""The bodies of the webhooks against contract section 3: what is required, forgiven, refused in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_tasks.payloads import Assessment, NoShow, Onboarding, Payload, PostCall, Signup, parse, website_sent_at
from tests.unit.bodies import ANN, ASSESSMENT, EVENT, NO_SHOW, ONBOARDING, POST_CALL, SIGNUP, faults

RECEIVED = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)

SMALLEST: list[tuple[type[Payload], dict[str, Any]]] = [
    (Signup, SIGNUP),
    (Assessment, ASSESSMENT),
    (NoShow, NO_SHOW),
    (PostCall, POST_CALL),
    (Onboarding, ONBOARDING),
]
every_model = pytest.mark.parametrize(("model", "smallest"), SMALLEST)


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
