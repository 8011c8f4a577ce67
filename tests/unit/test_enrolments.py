"""From a body to cause, anchor, columns and variables: contract sections 3 to 6 and 8, handler by handler."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_tasks.contacts import Contact
from christmas_tasks.enrolments import (
    EnrolmentRequest,
    contact_changes,
    from_assessment,
    from_no_show,
    from_onboarding,
    from_post_call,
    personal_columns,
    segment_of,
    signup_changes,
    variables_of,
)
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, PostCall, Signup, parse
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Sequence

RECEIVED = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
ANN = "ann@example.org"
KNOWN = Contact(
    "c1",
    ANN,
    first_name="Old",
    last_name="Name",
    business_name="Old Salon",
    stage="Onboarding",
    segment=Segment.URGENT,
    numbers={"Assessment Score": 55.0, "Red Systems": 1.0},
)


def assessment(**more: Any) -> EnrolmentRequest:
    body = {"email": ANN, "red_systems": 2, "orange_systems": 1, "yellow_systems": 3, "green_systems": 2, **more}
    return from_assessment(parse(Assessment, body), RECEIVED)


def no_show(**more: Any) -> EnrolmentRequest:
    return from_no_show(parse(NoShow, {"email": ANN, "calendly_event_id": "EV1", **more}), RECEIVED)


def post_call(**more: Any) -> EnrolmentRequest:
    return from_post_call(parse(PostCall, {"email": ANN, **more}), RECEIVED)


def onboarding(**more: Any) -> EnrolmentRequest:
    return from_onboarding(parse(Onboarding, {"email": ANN, "payment_status": "paid", **more}), RECEIVED)


# Cause and anchor.


def test_5day_counts_from_the_websites_mail_once_for_each_campaign() -> None:
    """No cause: a second assessment is the same enrolment."""
    request = assessment(email_1_sent_at="2025-11-20T08:00:00Z")
    assert request.sequence is Sequence.FIVE_DAY
    assert request.anchor == request.website_sent_at == RECEIVED - timedelta(hours=1)
    assert request.cause == ""
    again = assessment(email_1_sent_at="2025-11-21T08:00:00Z", red_systems=0)
    assert again.enrolment("Christmas 2025").key == request.enrolment("Christmas 2025").key
    assert request.enrolment("Christmas 2026").key != request.enrolment("Christmas 2025").key


def test_5day_warns_of_what_is_doubtful() -> None:
    """Counts that don't add up, and a time that can't be read: both, and the receipt as the anchor."""
    request = assessment(green_systems=8, email_1_sent_at="soon")
    assert request.anchor == RECEIVED
    assert len(request.warnings) == 2
    assert not any(ANN in line or "soon" in line for line in request.warnings)


@pytest.mark.parametrize(("status", "failed"), [("sent", False), ("bounced", True)])
def test_a_failed_website_mail_is_still_an_enrolment(status: str, failed: bool) -> None:
    """#2 to #5 are planned all the same."""
    assert assessment(email_1_status=status).website_failed is failed


@pytest.mark.parametrize(
    ("request_", "sequence"),
    [
        (no_show(), Sequence.NOSHOW),
        (post_call(call_date="2025-11-19"), Sequence.POSTCALL),
        (onboarding(payment_date="2025-11-19"), Sequence.ONBOARDING),
    ],
)
def test_the_three_mail_sequences_count_from_the_receipt(request_: EnrolmentRequest, sequence: Sequence) -> None:
    """Whatever dates the body holds; they have no mail of the website's."""
    assert request_.sequence is sequence
    assert request_.anchor == request_.received_at == RECEIVED
    assert request_.website_sent_at is None
    assert request_.segment is None


def test_each_sequence_has_the_contracts_cause() -> None:
    """The event, the call's date, the payment's date."""
    assert no_show().cause == "EV1"
    assert post_call(call_date="Monday").cause == "Monday"
    assert onboarding(payment_date="in May").cause == "in May"
    assert post_call(call_date="2025-11-19").cause == onboarding(payment_date="2025-11-19").cause
    assert post_call(call_date="2025-11-19").cause != post_call(call_date="2025-11-20").cause
    assert post_call().cause == onboarding().cause == ""


# Segment.


def test_an_assessment_decides_its_own_segment() -> None:
    """Whatever the contact was."""
    assert segment_of(assessment(), KNOWN) is Segment.CRITICAL
    assert segment_of(assessment(red_systems=0, orange_systems=0), KNOWN) is Segment.OPTIMIZE


@pytest.mark.parametrize("request_", [no_show(), post_call(), onboarding()])
def test_the_others_carry_the_contacts_segment_else_optimize(request_: EnrolmentRequest) -> None:
    """Contract section 4."""
    assert segment_of(request_, KNOWN) is Segment.URGENT
    assert segment_of(request_, Contact("c1", ANN)) is Segment.OPTIMIZE
    assert segment_of(request_, None) is Segment.OPTIMIZE


# Variables.


def test_the_bodys_data_becomes_the_mails_variables() -> None:
    """Without blanks; numbers stay numbers, whole ones without a point."""
    request = assessment(
        name="Ann Frost",
        business_name="Salon",
        assessment_score="41",
        weakest_system="CREW",
        strongest_system="GPS",
        revenue_leak_total=14700,
    )
    assert variables_of(request, None) == {
        "first_name": "Ann",
        "business_name": "Salon",
        "assessment_score": 41,
        "red_systems": 2,
        "orange_systems": 1,
        "yellow_systems": 3,
        "green_systems": 2,
        "weakest_system_1": "CREW",
        "strongest_system": "GPS",
        "revenue_leak_total": 14700,
    }
    assert isinstance(variables_of(request, None)["assessment_score"], int)


def test_the_newest_value_wins_and_a_blank_erases_nothing() -> None:
    """Body before row before contact."""
    before = {"first_name": "Row", "business_name": "Row Salon", "portal_url": "https://example.org/p"}
    merged = variables_of(no_show(first_name="New", business_name=" "), KNOWN, before)
    assert merged["first_name"] == "New"
    assert merged["business_name"] == "Row Salon"
    assert merged["portal_url"] == "https://example.org/p"
    assert merged["assessment_score"] == 55
    assert merged["red_systems"] == 1


def test_a_contact_known_from_elsewhere_is_greeted_by_name() -> None:
    """A no-show body often holds an address alone."""
    assert variables_of(no_show(), KNOWN)["first_name"] == "Old"
    assert "first_name" not in variables_of(no_show(), None)


@pytest.mark.parametrize(("zone", "kept"), [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", None), (None, None)])
def test_only_a_known_zone_is_kept(zone: str | None, kept: str | None) -> None:
    """Quiet hours are read in it."""
    assert variables_of(no_show(time_zone=zone), None).get("time_zone") == kept


def test_onboarding_brings_its_own_variables() -> None:
    """Portal and diagnostic call."""
    request = onboarding(portal_url="https://example.org/p", diagnostic_call_date="2025-12-01")
    assert variables_of(request, None) == {"portal_url": "https://example.org/p", "diagnostic_call_date": "2025-12-01"}


# Columns.


def test_the_rows_columns_repeat_the_personal_data() -> None:
    """By the contract's names, and as JSON that can be read back."""
    request = assessment(first_name="Ann \U0001f384", assessment_score=41)
    variables = variables_of(request, None)
    columns = dict(personal_columns(request, variables))
    assert json.loads(str(columns.pop("Variables"))) == variables
    assert columns == {
        "First Name": "Ann \U0001f384",
        "Assessment Score": 41,
        "Red Systems": 2,
        "Orange Systems": 1,
        "Yellow Systems": 3,
        "Green Systems": 2,
        "Segment": "CRITICAL",
    }


def test_a_count_of_0_is_written() -> None:
    """Zero is data, not a blank."""
    request = assessment(red_systems=0)
    assert personal_columns(request, variables_of(request, None))["Red Systems"] == 0


@pytest.mark.parametrize(
    ("request_", "columns"),
    [
        (
            no_show(calendly_event_uri="https://x/EV1", event_type="Intro", scheduled_time="2025-11-19T06:30:00Z"),
            {"Calendly Event URI": "https://x/EV1", "Event Type": "Intro", "Scheduled Time": "2025-11-19T06:30:00Z"},
        ),
        (no_show(), {"Calendly Event URI": "EV1"}),
        (
            post_call(call_date="2025-11-19", call_notes="Nice", objections=["price", "time"], interest_level=7),
            {"Call Date": "2025-11-19", "Call Notes": "Nice", "Objections": "price, time", "Interest Level": "7"},
        ),
        (
            onboarding(payment_date="2025-11-19", payment_amount=2500, docusign_completed=True),
            {
                "Payment Status": "paid",
                "Payment Date": "2025-11-19",
                "Payment Amount": "2500",
                "Docusign Completed": "true",
            },
        ),
        (onboarding(payment_status=None, payment_confirmed=True), {"Payment Status": "confirmed"}),
    ],
)
def test_the_causes_own_fields_stand_in_the_row(request_: EnrolmentRequest, columns: dict[str, str]) -> None:
    """Those that the body has; blanks are left out."""
    assert personal_columns(request_, {}) == {**columns, "Variables": "{}"}


# The contact.


def test_an_assessment_fills_the_contact() -> None:
    """Names, segment, score and counts, and the stage."""
    assert contact_changes(assessment(name="Ann Lee Frost", business_name="Salon", overall_score=41), None) == {
        "first_name": "Ann",
        "last_name": "Lee Frost",
        "Business Name": "Salon",
        "Christmas Campaign Status": "Nurture Sequence",
        "Segment": "CRITICAL",
        "Assessment Score": 41,
        "Red Systems": 2,
        "Orange Systems": 1,
        "Yellow Systems": 3,
        "Green Systems": 2,
    }


def test_blanks_and_earlier_stages_are_not_written_over_a_contact() -> None:
    """Only what the body really says."""
    changes = contact_changes(assessment(), KNOWN)
    assert not {"first_name", "last_name", "Business Name", "Assessment Score", "Christmas Campaign Status"} & set(
        changes
    )
    assert changes["Segment"] == "CRITICAL"


@pytest.mark.parametrize(
    ("request_", "stage"),
    [(no_show(), "No-Show Recovery"), (post_call(), "Post-Call Maybe"), (onboarding(), "Onboarding")],
)
def test_the_others_move_the_stage_and_leave_the_assessment(request_: EnrolmentRequest, stage: str) -> None:
    """No segment and no counts from a body that has none."""
    assert contact_changes(request_, None) == {"Christmas Campaign Status": stage}
    assert contact_changes(request_, KNOWN) == {}


def test_a_signup_never_touches_the_assessment() -> None:
    """Names, source and the first stage; nothing else, for a new contact and a known one."""
    body = parse(Signup, {"email": ANN, "first_name": "Ann", "source": "fair", "red_systems": 0, "segment": "CRITICAL"})
    assert signup_changes(body, None) == {
        "first_name": "Ann",
        "Signup Source": "fair",
        "Christmas Campaign Status": "Signed Up",
    }
    assert signup_changes(body, KNOWN) == {"first_name": "Ann", "Signup Source": "fair"}
    assert signup_changes(parse(Signup, {"email": ANN}), KNOWN) == {}


def test_the_business_name_is_empty_in_notion_if_absent() -> None:
    """The words that mails say instead are said in mails alone."""
    assert "Business Name" not in signup_changes(parse(Signup, {"email": ANN}), None)
    assert "Business Name" not in personal_columns(no_show(), variables_of(no_show(), None))
