"""The made-up leads of lint, preview and test mails: as production would know them, no better and no worse."""

from datetime import UTC, datetime
from typing import Any

import pytest

from christmas_tasks.contacts import Contact
from christmas_tasks.enrolments import (
    EnrolmentRequest,
    from_assessment,
    from_no_show,
    from_onboarding,
    from_post_call,
    variables_of,
)
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, PostCall, parse
from christmas_tasks.samples import LEADS, Lead, lead_of
from christmas_tasks.segments import Segment, classify
from christmas_tasks.sequences import Sequence

RECEIVED = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)


def request(sequence: Sequence, lead: Lead) -> EnrolmentRequest:
    """The webhook that would enrol the lead."""
    body: Any = {**lead.variables, "email": "a@example.org", "payment_status": "paid", "calendly_event_id": "EV1"}
    if sequence is Sequence.FIVE_DAY:
        return from_assessment(parse(Assessment, body), RECEIVED)
    if sequence is Sequence.NOSHOW:
        return from_no_show(parse(NoShow, body), RECEIVED)
    if sequence is Sequence.POSTCALL:
        return from_post_call(parse(PostCall, body), RECEIVED)
    return from_onboarding(parse(Onboarding, body), RECEIVED)


@pytest.mark.parametrize("segment", Segment)
@pytest.mark.parametrize("sequence", Sequence)
def test_a_sample_row_holds_what_an_enrolment_would_write(sequence: Sequence, segment: Segment) -> None:
    """From the body and the contact's columns, value for value."""
    lead = lead_of(segment)
    columns = {
        column: float(lead.variables[column.lower().replace(" ", "_")])
        for column in ("Assessment Score", "Red Systems", "Orange Systems", "Yellow Systems", "Green Systems")
    }
    contact = Contact("c", "a@example.org", segment=segment, numbers=columns)
    assert lead.row(sequence).variables == variables_of(request(sequence, lead), contact)


def test_each_lead_has_the_segment_of_its_own_counts() -> None:
    """And there is one of whom nothing is known."""
    for lead in LEADS:
        counts = int(lead.variables.get("red_systems", 0)), int(lead.variables.get("orange_systems", 0))
        assert classify(*counts) is lead.segment
    assert [lead.variables for lead in LEADS if not lead.has_settings] == [{}]
