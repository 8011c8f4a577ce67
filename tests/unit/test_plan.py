"""Time travel: one webhook's calendar and mails, offline, equal to what production would do."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import christmas_tasks
from christmas_tasks.cli import app
from christmas_tasks.decisions import Action
from christmas_tasks.enrolments import from_assessment, from_no_show, from_onboarding
from christmas_tasks.errors import PayloadError
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, parse
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Sequence
from christmas_tasks.steps.enrol import enrol
from christmas_tasks.steps.offline import offline_settings
from christmas_tasks.steps.plan import Flow, Outcome, Plan, plan
from christmas_tasks.steps.plan_files import write_plan
from christmas_tasks.steps.sending import SendOutcome, prepare, record
from christmas_tasks.steps.template_files import FilesFault, read_templates
from tests.fakes import FakeLedger, FakeLocks

STARTER = Path(christmas_tasks.__file__).parent / "starter_templates"
TEMPLATES = read_templates(STARTER)
RECEIVED = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
ASSESSMENT = {"email": "Anna@example.org", "first_name": "Anna", "red_systems": 2, "orange_systems": 1,
              "yellow_systems": 2, "green_systems": 3, "email_1_sent_at": RECEIVED.isoformat()}  # fmt: skip
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def planned(body: Any, flow: Flow = Flow.ASSESSMENT, at: datetime = RECEIVED, **environ: str) -> Plan:
    """The plan of one body."""
    settings, _ = offline_settings(environ)
    return plan(json.dumps(body).encode(), flow, at, settings, TEMPLATES)


def calendar(result: Plan) -> list[tuple[int, Outcome, timedelta, timedelta]]:
    """Number, outcome, due and real time since the receipt."""
    since = result.received_at
    return [(email.number, email.outcome, email.due_at - since, email.at - since) for email in result.emails]


def test_an_assessment_plans_the_four_emails_of_the_contract() -> None:
    """The website's own first, then the delays of contract section 5, with the segment of the counts."""
    result = planned(ASSESSMENT)
    assert (result.address, result.sequence, result.segment) == (
        "anna@example.org",
        Sequence.FIVE_DAY,
        Segment.CRITICAL,
    )
    assert calendar(result) == [
        (1, Outcome.WEBSITE, 0 * DAY, 0 * DAY),
        *(
            (number, Outcome.SENT, delay, delay)
            for number, delay in ((2, DAY), (3, 3 * DAY), (4, 4 * DAY), (5, 5 * DAY))
        ),
    ]
    assert result.warnings == ()
    assert any("Hot lead" in note for note in result.notes)


def test_the_mails_are_the_exact_ones_with_the_countdown_of_their_own_day() -> None:
    """Filled in, addressed, with headers; each as of its own time."""
    mails = {email.number: email.mail for email in planned(ASSESSMENT, POSTAL_ADDRESS="Here 1").emails if email.mail}
    assert set(mails) == {2, 3, 4, 5}
    assert all(
        mail.to == "anna@example.org" and "Hi Anna," in mail.text and "Here 1" in mail.html for mail in mails.values()
    )
    assert "That is 11 days from today" in mails[4].text
    assert "10 days" in mails[5].text
    assert mails[2].headers["List-Unsubscribe"].startswith("<https://flows.example.org/")


def test_a_webhook_that_comes_late_sends_at_once_in_order_with_gaps_and_skips_what_is_too_old() -> None:
    """An email 1 of eight and a half days ago."""
    late = {**ASSESSMENT, "email_1_sent_at": (RECEIVED - 8.5 * DAY).isoformat()}
    assert [(number, outcome, at) for number, outcome, _, at in calendar(planned(late))][1:] == [
        (2, Outcome.SKIPPED, 0 * HOUR),
        (3, Outcome.SENT, 0 * HOUR),
        (4, Outcome.SENT, 6 * HOUR),
        (5, Outcome.SENT, 12 * HOUR),
    ]
    (skipped,) = [email for email in planned(late).emails if email.outcome is Outcome.SKIPPED]
    assert skipped.reason == "more than 7 days late"


def test_quiet_hours_and_testing_minutes_come_from_the_settings() -> None:
    """Both as production reads them."""
    evening = datetime(2025, 11, 20, 22, 0, tzinfo=UTC)
    quiet = planned(
        {"email": "a@example.org", "payment_status": "paid"}, Flow.ONBOARDING, evening, QUIET_HOURS="21:00-08:00"
    )
    assert [at for *_, at in calendar(quiet)] == [10 * HOUR, 34 * HOUR, 82 * HOUR]
    fast = planned(ASSESSMENT, TESTING_MODE="true", TESTING_MINUTE_SECONDS="6")
    assert [at.total_seconds() for *_, at in calendar(fast)] == [0, 6, 12, 18, 24]


@pytest.mark.parametrize(
    ("flow", "body", "numbers"),
    [
        (Flow.NO_SHOW, {"email": "a@example.org", "calendly_event_id": "EV1"}, [1, 2, 3]),
        (Flow.POST_CALL, {"email": "a@example.org"}, [1, 2, 3]),
        (Flow.ONBOARDING, {"email": "a@example.org", "payment_confirmed": True}, [1, 2, 3]),
        (Flow.SIGNUP, {"email": "a@example.org"}, []),
        (Flow.NO_SHOW, {"event": "invitee.created", "payload": {}}, []),
    ],
)
def test_every_flow_can_be_planned(flow: Flow, body: Any, numbers: list[int]) -> None:
    """Those that send nothing say why."""
    result = planned(body, flow)
    assert [email.number for email in result.emails] == numbers
    assert numbers or result.notes


def test_a_payment_that_is_none_yet_plans_nothing_and_warns() -> None:
    """The status is named."""
    result = planned({"email": "a@example.org", "payment_status": "pending"}, Flow.ONBOARDING)
    assert result.emails == ()
    assert "pending" in result.warnings[0]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused_as_in_the_flow(content: bytes) -> None:
    """One readable line."""
    with pytest.raises(PayloadError) as caught:
        plan(content, Flow.ASSESSMENT, RECEIVED, offline_settings({})[0], TEMPLATES)
    assert caught.value.lines == ("The body must be a JSON object.",)


def test_a_template_that_blocks_is_named() -> None:
    """A missing one and a broken one; the others go out."""
    templates = {name: stored for name, stored in TEMPLATES.items() if name != "5-Day E3"}
    result = plan(json.dumps(ASSESSMENT).encode(), Flow.ASSESSMENT, RECEIVED, offline_settings({})[0], templates)
    assert [email.outcome for email in result.emails][2] is Outcome.BLOCKED
    assert len(result.blocked) == 1
    assert "5-Day E3" in result.blocked[0]


@pytest.mark.parametrize(
    ("flow", "body", "environ"),
    [
        (Flow.ASSESSMENT, ASSESSMENT, {}),
        (Flow.ASSESSMENT, {**ASSESSMENT, "email_1_sent_at": (RECEIVED - 8.5 * DAY).isoformat()}, {}),
        (Flow.ASSESSMENT, {**ASSESSMENT, "email_1_status": "bounced"}, {"QUIET_HOURS": "08:00-20:00"}),
        (Flow.NO_SHOW, {"email": "a@example.org", "calendly_event_id": "EV1"}, {"TESTING_MODE": "true"}),
        (Flow.ONBOARDING, {"email": "a@example.org", "payment_status": "paid"}, {"ONBOARDING_UNSUBSCRIBE": "true"}),
    ],
)
def test_the_plan_is_what_the_steps_of_the_flows_come_to(flow: Flow, body: Any, environ: dict[str, str]) -> None:
    """Enrolled, prepared and recorded for real: the same times and not a second earlier, mails and skips."""
    result = planned(body, flow, RECEIVED, **environ)
    settings, _ = offline_settings(environ)
    ledger = FakeLedger({name: stored.template for name, stored in TEMPLATES.items()})
    request = REQUESTS[flow](body)
    row = enrol(request, "execution", settings, ledger, FakeLocks()).row
    assert {state.number: state.scheduled_at for state in row.pending()} == {
        email.number: email.due_at for email in result.emails if email.mail or email.reason
    }
    for email in sorted(result.emails, key=lambda email: email.at):
        if email.outcome not in {Outcome.SENT, Outcome.SKIPPED}:
            continue
        before = email.at - timedelta(seconds=1)
        if before >= RECEIVED:
            early = prepare(row.key, row.row_id, email.number, settings, ledger, before, is_first_attempt=True)
            assert early.decision.action is Action.WAIT
        real = prepare(row.key, row.row_id, email.number, settings, ledger, email.at, is_first_attempt=True)
        assert (real.decision.action is Action.SEND, real.decision.reason) == (
            email.outcome is Outcome.SENT,
            email.reason,
        )
        if real.frozen is not None:
            assert real.frozen.mail == email.mail
            record(real.frozen, SendOutcome(real.decision, "id", email.at), ledger, email.at)


REQUESTS: dict[Flow, Any] = {
    Flow.ASSESSMENT: lambda body: from_assessment(parse(Assessment, body), RECEIVED),
    Flow.NO_SHOW: lambda body: from_no_show(parse(NoShow, body), RECEIVED),
    Flow.ONBOARDING: lambda body: from_onboarding(parse(Onboarding, body), RECEIVED),
}


def test_the_files_are_the_mails_and_a_repeat_writes_the_same(tmp_path: Path) -> None:
    """Html, txt and headers of each, and the calendar; what is older of ours goes."""
    folder = tmp_path / "mails"
    result = planned(ASSESSMENT)
    written = write_plan(result, folder)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(written) == len(first) == 13
    assert first["2-5day_e2.html"].decode() == (result.emails[1].mail or pytest.fail("no mail")).html
    assert b"Subject: Start with GPS: one fix for this week\n" in first["2-5day_e2.headers"]
    write_plan(planned({"email": "a@example.org"}, Flow.POST_CALL), folder)
    assert not (folder / "2-5day_e2.html").exists()
    write_plan(planned(ASSESSMENT), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_another_persons_folder_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written among files that plan did not write."""
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(FilesFault, match="holds other files"):
        write_plan(planned(ASSESSMENT), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def run(*words: str, body: Any = ASSESSMENT) -> Any:
    """The command with a body on standard input and a bare environment."""
    return CliRunner().invoke(
        app, ["plan", "--payload", "-", *words], input=json.dumps(body).encode(), env={"TIMEZONE": "Europe/Berlin"}
    )


def test_the_command_prints_the_calendar_in_both_zones() -> None:
    """And says which settings were stand-ins."""
    ran = run("--flow", "assessment", "--at", "2025-11-20T09:00:00Z")
    assert ran.exit_code == 0
    assert "due (Europe/Berlin)" in ran.stdout
    assert "Fri 2025-11-21 10:00:00  Fri 2025-11-21 09:00:00" in ran.stdout
    assert "Start with GPS: one fix for this week" in ran.stdout
    assert "stand-ins are used: EMAIL_FROM" in ran.stderr


def test_the_command_prints_json_that_is_equal_for_equal_input() -> None:
    """For a website's CI."""
    words = ("--flow", "assessment", "--at", "2025-11-20T10:00:00+01:00", "--json")
    first, second = run(*words), run(*words)
    assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert found["received_at"] == "2025-11-20T09:00:00+00:00"
    assert [email["number"] for email in found["emails"]] == [1, 2, 3, 4, 5]


def test_a_time_without_zone_is_refused_with_the_fix() -> None:
    """Nobody guesses."""
    ran = run("--flow", "assessment", "--at", "2025-11-20T09:00:00")
    assert ran.exit_code == 2
    assert "2025-11-20T09:00:00Z" in ran.stderr
    assert run("--flow", "assessment", "--at", "tomorrow").exit_code == 2


def test_a_body_that_is_refused_ends_the_command_with_each_line() -> None:
    """The same lines as in the flow's log."""
    ran = run("--flow", "assessment", body={"email": "x", "red_systems": 9})
    assert isinstance(ran.exception, PayloadError)
    assert ran.exception.lines == (
        "email: is not one valid e-mail address",
        "red_systems: must be a whole number from 0 to 8",
        "orange_systems: is missing",
    )


def test_warnings_are_printed_and_count_only_if_strict() -> None:
    """Counts that don't add up."""
    body = {**ASSESSMENT, "green_systems": 0}
    words = ("--flow", "assessment", "--at", "2025-11-20T09:00:00Z")
    assert "warning: The systems add up to 5" in run(*words, body=body).stderr
    assert run(*words, body=body).exit_code == 0
    assert run(*words, "--strict", body=body).exit_code == 1
    assert run(*words, "--strict").exit_code == 0
