"""The four sequences and the plan against contract sections 1, 5, 6, 7 and 9, row by row."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.sequences import (
    RULES,
    Enrolment,
    Mode,
    Sequence,
    StopEvent,
    Timing,
    all_template_names,
    is_stopped_by,
    mail_key,
    plan_emails,
    template_name,
)

ANCHOR = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
H, D, M = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)

PRODUCTION = {
    "5day": {2: 24 * H, 3: 72 * H, 4: 96 * H, 5: 120 * H},
    "noshow": {1: 5 * M, 2: 24 * H, 3: 48 * H},
    "postcall": {1: 1 * H, 2: 3 * D, 3: 7 * D},
    "onboarding": {1: 1 * H, 2: 1 * D, 3: 3 * D},
}
TESTING_MINUTES = {
    "5day": {2: 1, 3: 2, 4: 3, 5: 4},
    "noshow": {1: 1, 2: 2, 3: 3},
    "postcall": {1: 1, 2: 2, 3: 3},
    "onboarding": {1: 1, 2: 2, 3: 3},
}
each_sequence = pytest.mark.parametrize("name", list(PRODUCTION))


def planned(name: str, timing: Timing, anchor: datetime = ANCHOR) -> dict[int, timedelta]:
    return {email.number: email.due_at - anchor for email in plan_emails(Sequence(name), anchor, timing)}


def test_the_sequences_are_the_contracts_four() -> None:
    """Their values are those of ``Sequence Type``."""
    assert [sequence.value for sequence in Sequence] == list(PRODUCTION)
    assert set(RULES) == set(Sequence)


@each_sequence
def test_the_plan_in_production_is_the_contracts_table(name: str) -> None:
    """Numbers and delays, in number order."""
    assert list(planned(name, Timing()).items()) == list(PRODUCTION[name].items())


@each_sequence
@pytest.mark.parametrize("minute_s", [60.0, 2.0, 1.0])
def test_the_plan_in_testing_counts_in_testing_minutes(name: str, minute_s: float) -> None:
    """A testing minute lasts as long as the setting says."""
    wanted = {number: timedelta(seconds=minutes * minute_s) for number, minutes in TESTING_MINUTES[name].items()}
    assert planned(name, Timing(Mode.TESTING, minute_s)) == wanted


@each_sequence
def test_the_testing_minute_has_no_effect_in_production(name: str) -> None:
    """Whatever it is set to."""
    assert planned(name, Timing(Mode.PRODUCTION, 1.0)) == PRODUCTION[name]


def test_production_is_the_default() -> None:
    """Nobody gets testing minutes without asking for them; a testing minute is a minute."""
    assert Timing().mode is Mode.PRODUCTION
    assert planned("noshow", Timing(Mode.TESTING)) == {1: M, 2: 2 * M, 3: 3 * M}


def test_kestra_never_plans_email_1_of_5day() -> None:
    """The website sends it."""
    assert RULES[Sequence.FIVE_DAY].rule(1) is None
    assert RULES[Sequence.FIVE_DAY].website_numbers == (1,)
    assert 1 not in planned("5day", Timing())
    assert 1 not in planned("5day", Timing(Mode.TESTING))


@each_sequence
@pytest.mark.parametrize("number", [-1, 0, 4, 6, 100])
def test_there_is_no_rule_for_other_numbers(name: str, number: int) -> None:
    """A number that Kestra doesn't send has none; #4 exists in ``5day`` alone."""
    assert (RULES[Sequence(name)].rule(number) is not None) is (name == "5day" and number == 4)


def test_times_are_whole_seconds_and_never_before_the_delay() -> None:
    """A fraction goes up: one millisecond down would be before its time."""
    anchor = ANCHOR + timedelta(microseconds=1)
    (first, *_) = plan_emails(Sequence.NOSHOW, anchor, Timing())
    assert first.due_at == ANCHOR + 5 * M + timedelta(seconds=1)


def test_a_fraction_of_a_testing_minute_goes_up() -> None:
    """Half a second is a whole one."""
    assert planned("noshow", Timing(Mode.TESTING, 0.5)) == {
        1: timedelta(seconds=1),
        2: timedelta(seconds=1),
        3: timedelta(seconds=2),
    }


def test_the_delays_are_spans_of_time_whatever_the_anchors_zone_does() -> None:
    """24 hours over the end of summer time are 24 hours, and the result is UTC."""
    anchor = datetime(2025, 11, 1, 12, 0, tzinfo=ZoneInfo("America/New_York"))
    for email in plan_emails(Sequence.NOSHOW, anchor, Timing())[1:]:
        assert email.due_at.utcoffset() == timedelta(0)
        assert email.due_at - anchor.astimezone(UTC) == PRODUCTION["noshow"][email.number]


def test_a_past_anchor_gives_past_times() -> None:
    """What is late is decided at the send, not by the plan."""
    assert planned("5day", Timing(), ANCHOR - 100 * D) == PRODUCTION["5day"]


def test_a_time_in_quiet_hours_moves_to_their_end() -> None:
    """#1 at 09:05 falls into 09:00-12:00; the same clock a day later as well."""
    timing = Timing(quiet_hours=QuietHours(time(9), time(12)))
    assert planned("noshow", timing) == {1: 3 * H, 2: 27 * H, 3: 51 * H}


def test_quiet_hours_are_those_of_the_contacts_own_zone() -> None:
    """09:05 UTC is night in Los Angeles: quiet until 07:00 there."""
    timing = Timing(quiet_hours=QuietHours(time(22), time(7)))
    (first, *_) = plan_emails(Sequence.NOSHOW, ANCHOR, timing, "America/Los_Angeles")
    assert first.due_at == datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
    assert planned("noshow", timing) == PRODUCTION["noshow"]


# Names.


def test_the_template_names_are_the_contracts_14() -> None:
    """In the order of the sequences, the website's own included."""
    assert all_template_names() == (
        "5-Day E1",
        "5-Day E2",
        "5-Day E3",
        "5-Day E4",
        "5-Day E5",
        "noshow_recovery_email_1",
        "noshow_recovery_email_2",
        "noshow_recovery_email_3",
        "postcall_maybe_email_1",
        "postcall_maybe_email_2",
        "postcall_maybe_email_3",
        "onboarding_phase1_email_1",
        "onboarding_phase1_email_2",
        "onboarding_phase1_email_3",
    )


@each_sequence
def test_every_planned_email_has_a_template_name(name: str) -> None:
    """One of the 14, another for each number."""
    names = [template_name(Sequence(name), number) for number in PRODUCTION[name]]
    assert set(names) <= set(all_template_names())
    assert len(set(names)) == len(names)


# Keys.

SAME = Enrolment("Christmas 2025", Sequence.NOSHOW, "ann@example.org", "EV1")


def test_keys_are_the_same_for_ever() -> None:
    """Pinned: another derivation would send every planned email of a running campaign again."""
    assert SAME.key == "noshow-d9453f37f734feb68c693ac84393a5ab"
    assert Enrolment("Christmas 2025", Sequence.FIVE_DAY, "ann@example.org").key == (
        "5day-62d903c98b528fa9b75a98d8beaca3b3"
    )
    assert mail_key(SAME.key, 2) == f"{SAME.key}-2"


@pytest.mark.parametrize(
    "other",
    [
        Enrolment("Christmas 2026", Sequence.NOSHOW, "ann@example.org", "EV1"),
        Enrolment("Christmas 2025", Sequence.POSTCALL, "ann@example.org", "EV1"),
        Enrolment("Christmas 2025", Sequence.NOSHOW, "bob@example.org", "EV1"),
        Enrolment("Christmas 2025", Sequence.NOSHOW, "ann@example.org", "EV2"),
        Enrolment("Christmas 2025", Sequence.NOSHOW, "ann@example.org"),
        Enrolment("Christmas 2025", Sequence.NOSHOW, "ann@example.orgE", "V1"),
    ],
)
def test_another_campaign_sequence_address_or_cause_is_another_enrolment(other: Enrolment) -> None:
    """Each of the four parts counts, and none runs into the next."""
    assert other.key != SAME.key


@each_sequence
def test_a_key_fits_everywhere_and_holds_no_address(name: str) -> None:
    """Labels and idempotency keys take it; nobody reads an address out of it."""
    key = Enrolment("Christmas 2025", Sequence(name), "ann@example.org", "x" * 5_000).key
    assert re.fullmatch(r"[a-z0-9-]{1,43}", key)
    assert "ann" not in key
    assert len(mail_key(key, 5)) <= 256


def test_each_number_has_its_own_mail_key() -> None:
    """One key for one (enrolment, number)."""
    assert len({mail_key(SAME.key, number) for number in range(1, 6)}) == 5


# Stops.


@pytest.mark.parametrize(
    ("name", "stopped_by"),
    [
        ("5day", {"unsubscribed", "bounced", "complained", "booked a call", "paid"}),
        ("noshow", {"unsubscribed", "bounced", "complained", "booked a call", "paid"}),
        ("postcall", {"unsubscribed", "bounced", "complained", "paid"}),
        ("onboarding", {"unsubscribed", "bounced", "complained"}),
    ],
)
def test_each_sequence_stops_for_the_contracts_reasons(name: str, stopped_by: set[str]) -> None:
    """Booking ends ``5day`` and ``noshow``; the payment ends all but the onboarding that it starts."""
    assert {event.value for event in StopEvent if event in RULES[Sequence(name)].stopped_by} == stopped_by


@each_sequence
def test_only_onboarding_is_transactional(name: str) -> None:
    """A setting decides on its unsubscribe link; all others always have one."""
    assert RULES[Sequence(name)].transactional is (name == "onboarding")


@pytest.mark.parametrize(
    ("event", "stopped"),
    [
        (StopEvent.UNSUBSCRIBED, {"5day", "noshow", "postcall", "onboarding"}),
        (StopEvent.BOUNCED, {"5day", "noshow", "postcall", "onboarding"}),
        (StopEvent.COMPLAINED, {"5day", "noshow", "postcall", "onboarding"}),
        (StopEvent.BOOKED, {"5day", "noshow"}),
        (StopEvent.PAID, {"5day", "noshow", "postcall"}),
    ],
)
def test_each_event_stops_the_contracts_sequences(event: StopEvent, stopped: set[str]) -> None:
    """Section 7, event by event."""
    assert {sequence.value for sequence in Sequence if is_stopped_by(sequence, event)} == stopped
