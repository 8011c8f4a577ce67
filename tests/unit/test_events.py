"""No-shows as Calendly or a relay tells of them, against contract section 3."""

from typing import Any

import pytest

from christmas_tasks.events import Ignored, read_no_show
from christmas_tasks.payloads import NoShow, parse
from tests.unit.bodies import ANN, EVENT, NO_SHOW, faults


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
