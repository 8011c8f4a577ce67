"""The five handlers from the outside: what they write, what they plan, what they refuse."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.world import CALENDLY, WEBSITE, World

SENT_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOURS = {"5day": {2: 24, 3: 72, 4: 96, 5: 120}, "postcall": {1: 1, 2: 72, 3: 168}, "onboarding": {1: 1, 2: 24, 3: 72}}


def _assessment(address: str, **more: object) -> dict[str, Any]:
    return {"email": address, "red_systems": 1, "orange_systems": 1, **more}


def _planned(row: dict[str, Any]) -> dict[int, datetime]:
    return {
        number: datetime.fromisoformat(row[f"Email {number} Scheduled At"])
        for number in range(1, 6)
        if row[f"Email {number} Scheduled At"]
    }


def test_signup_writes_a_contact_and_plans_nothing(calm: World) -> None:
    """A signup makes one contact; a repeat, with less data, erases nothing."""
    address = "signup@example.org"
    calm.hand_in("signup-handler", {"email": f" Ann <{address.upper()}> ", "name": "Ann Archer", "source": "ad"})
    calm.hand_in("signup-handler", {"email": address})
    (contact,) = calm.contacts(address)
    assert contact["first_name"] == "Ann"
    assert contact["last_name"] == "Archer"
    assert contact["Signup Source"] == "ad"
    assert contact["Christmas Campaign Status"] == "Signed Up"
    assert calm.rows(address) == []


def test_assessment_plans_by_the_contract(calm: World) -> None:
    """The row and the waiting executions have the contract's times, counted from the website's own mail."""
    address = "plan@example.org"
    anchor = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    calm.hand_in("assessment-handler", _assessment(address, email_1_sent_at=anchor.isoformat(), first_name="Pia"))
    row = calm.row(address, "5day")
    expected = {number: anchor + timedelta(hours=hours) for number, hours in HOURS["5day"].items()}
    assert _planned(row) == expected
    assert row["Email 1 Sent By"] == "website"
    assert datetime.fromisoformat(row["Email 1 Sent"]) == anchor
    assert (row["Segment"], row["Last Email Sent"], row["Sequence Status"]) == ("URGENT", 1, "active")
    waiting = {
        int(label["value"]): datetime.fromisoformat(found["scheduleDate"])
        for found in calm.sends(row["Enrolment Key"])
        for label in found["labels"]
        if label["key"] == "email"
    }
    assert waiting == expected
    assert {found["state"]["current"] for found in calm.sends(row["Enrolment Key"])} == {"CREATED"}
    assert calm.mails(address) == []


def test_each_lead_has_its_own_times(calm: World) -> None:
    """A later lead's emails wait for that lead's times (Kestra 2.0.0 gives a Subflow the first lead's for ever)."""
    for hours in (1, 2, 3):
        address, anchor = f"own{hours}@example.org", datetime.now(UTC) - timedelta(hours=hours)
        calm.hand_in("assessment-handler", _assessment(address, email_1_sent_at=anchor.isoformat()))
        row = calm.row(address, "5day")
        waiting = {datetime.fromisoformat(found["scheduleDate"]) for found in calm.sends(row["Enrolment Key"])}
        assert waiting == set(_planned(row).values())


@pytest.mark.parametrize(
    ("red", "orange", "segment"),
    [(2, 0, "CRITICAL"), (1, 0, "URGENT"), (0, 2, "URGENT"), (0, 1, "OPTIMIZE"), (0, 0, "OPTIMIZE")],
)
def test_segment_follows_the_counts(calm: World, red: int, orange: int, segment: str) -> None:
    """Each boundary of contract section 4 shows in row, contact and execution labels; only CRITICAL alerts."""
    address = f"segment-{red}-{orange}@example.org"
    calm.hand_in("assessment-handler", {"email": address, "red_systems": red, "orange_systems": orange})
    row = calm.row(address, "5day")
    assert row["Segment"] == calm.contacts(address)[0]["Segment"] == segment
    labels = {label["key"]: label["value"] for label in calm.sends(row["Enrolment Key"])[0]["labels"]}
    assert (labels["segment"], labels["sequence"], labels["campaign"]) == (segment, "5day", "christmas")
    calm.wait_until_quiet()
    assert len(calm.alerts(address)) == (1 if segment == "CRITICAL" else 0)


def test_twenty_parallel_posts_make_one_enrolment(calm: World) -> None:
    """One row, one contact, one plan, one alert; the others say what they skipped."""
    address = "parallel@example.org"
    body = _assessment(address, red_systems=3)
    with ThreadPoolExecutor(20) as pool:
        executions = list(pool.map(lambda _: calm.post("assessment-handler", body), range(20)))
    states = [calm.end_of(execution)["state"]["current"] for execution in executions]
    calm.wait_until_quiet()
    assert states == ["SUCCESS"] * 20
    row = calm.row(address, "5day")
    assert len(calm.contacts(address)) == 1
    assert len(calm.sends(row["Enrolment Key"])) == 4
    assert len(calm.alerts(address)) == 1
    skipped = [execution for execution in executions if "exists already" in calm.logs(execution)]
    assert len(skipped) == 19


def test_signup_and_assessment_at_once_make_one_contact(calm: World) -> None:
    """Two handlers that meet the same new address do not both create it."""
    address = "both@example.org"
    with ThreadPoolExecutor(8) as pool:
        posts = [
            pool.submit(calm.hand_in, flow, _assessment(address))
            for flow in ("signup-handler", "assessment-handler") * 4
        ]
        assert {post.result()["state"]["current"] for post in posts} == {"SUCCESS"}
    assert len(calm.contacts(address)) == 1
    assert calm.contacts(address)[0]["Christmas Campaign Status"] == "Nurture Sequence"


def test_no_show_of_another_event_is_another_enrolment(calm: World) -> None:
    """The same event in either spelling is one enrolment; a second event is a second one."""
    address = "noshow@example.org"
    uri = "https://api.calendly.com/scheduled_events/E-1"
    envelope = {
        "event": "invitee_no_show.created",
        "payload": {"email": address, "name": "Nora Noble", "first_name": None, "scheduled_event": {"uri": uri}},
    }
    calm.hand_in("noshow-recovery-handler", envelope, key=CALENDLY)
    calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "E-1"}, key=CALENDLY)
    assert len(calm.rows(address, "noshow")) == 1
    assert calm.row(address, "noshow")["First Name"] == "Nora"
    calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "E-2"}, key=CALENDLY)
    assert len(calm.rows(address, "noshow")) == 2
    assert len(calm.contacts(address)) == 1


def test_other_calendly_events_are_ignored_in_success(calm: World) -> None:
    """A kind that nobody knows is logged and ends in success, with nothing written."""
    body = {"event": "routing_form_submission.created", "payload": {"email": "routing@example.org"}}
    for flow in ("noshow-recovery-handler", "call-booked-handler"):
        ended = calm.hand_in(flow, body, key=CALENDLY)
        assert ended["state"]["current"] == "SUCCESS"
        assert "nothing to do" in calm.logs(ended["id"])
    assert calm.contacts("routing@example.org") == []


@pytest.mark.parametrize("sequence", ["postcall", "onboarding"])
def test_three_mail_sequences_count_from_the_receipt(calm: World, sequence: str) -> None:
    """Post-call and onboarding are planned from the execution's start, in the contact's segment."""
    address = f"{sequence}-times@example.org"
    calm.hand_in("assessment-handler", _assessment(address))
    flow = {"postcall": "postcall-maybe-handler", "onboarding": "onboarding-handler"}[sequence]
    ended = calm.hand_in(flow, {"email": address, "payment_status": "Succeeded", "call_date": "2026-11-01"})
    row = calm.row(address, sequence)
    began = datetime.fromisoformat(row["Started At"])
    assert abs((began - datetime.fromisoformat(ended["state"]["startDate"])).total_seconds()) < 1
    for number, hours in HOURS[sequence].items():
        late_s = (_planned(row)[number] - began - timedelta(hours=hours)).total_seconds()
        assert 0 <= late_s <= 1
    assert row["Segment"] == "URGENT"


def test_post_call_by_hand_has_typed_inputs(calm: World) -> None:
    """A person starts it in Kestra's UI with the form's inputs."""
    address = "byhand@example.org"
    ended = calm.end_of(calm.start("postcall-maybe-handler", email=address, first_name="Hanna", call_date="2026-11-02"))
    assert ended["state"]["current"] == "SUCCESS", calm.logs(ended["id"])
    row = calm.row(address, "postcall")
    assert (row["First Name"], row["Call Date"]) == ("Hanna", "2026-11-02")


def test_unpaid_onboarding_ends_in_warning_and_writes_nothing(calm: World) -> None:
    """The log names the status."""
    ended = calm.hand_in("onboarding-handler", {"email": "unpaid@example.org", "payment_status": "Pending"})
    assert ended["state"]["current"] == "WARNING"
    assert "Pending" in calm.logs(ended["id"])
    assert calm.contacts("unpaid@example.org") == calm.rows("unpaid@example.org") == []


BAD = {
    "signup-handler": (WEBSITE, {"email": "nobody"}, ["email"]),
    "assessment-handler": (
        WEBSITE,
        {"email": "bad@example.org", "red_systems": True, "orange_systems": 1.5},
        ["red_systems", "orange_systems"],
    ),
    "noshow-recovery-handler": (CALENDLY, {"email": "bad@example.org"}, ["calendly_event_id"]),
    "postcall-maybe-handler": (WEBSITE, {"email": ["bad@example.org"]}, ["email"]),
    "onboarding-handler": (WEBSITE, {"email": "bad@example.org"}, ["payment_status"]),
    "call-booked-handler": (CALENDLY, {"event": "invitee.created", "payload": {"email": 7}}, ["email"]),
}


@pytest.mark.parametrize("flow", BAD)
def test_bad_body_fails_readably_and_writes_nothing(calm: World, flow: str) -> None:
    """One line for each field at fault, one alert, nothing written; the next lead is served."""
    key, body, fields = BAD[flow]
    ended = calm.hand_in(flow, body, key=key)
    assert ended["state"]["current"] == "FAILED"
    lines = calm.logs(ended["id"]).splitlines()
    for field in fields:
        assert any(field in line for line in lines)
    assert calm.contacts("bad@example.org") == calm.rows("bad@example.org") == []
    calm.wait_for(lambda: calm.alerts(ended["id"]), "the alert")
    assert len(calm.alerts(ended["id"])) == 1


@pytest.mark.parametrize("content", [b"", b"null", b"[1]", b'"text"', b"{broken", b"\xff\xfe\x00", b'{"email": NaN}'])
@pytest.mark.parametrize(("flow", "key"), [("signup-handler", WEBSITE), ("noshow-recovery-handler", CALENDLY)])
def test_body_that_is_no_json_object_fails(calm: World, flow: str, key: str, content: bytes) -> None:
    """Whatever the bytes are, the execution ends FAILED with a readable line."""
    ended = calm.hand_in(flow, key=key, content=content)
    assert ended["state"]["current"] == "FAILED"
    log = calm.logs(ended["id"])
    assert "must be a JSON object" in log or "email" in log


def test_wrong_key_or_flow_is_404_and_starts_nothing(calm: World) -> None:
    """A caller with a wrong address learns nothing and changes nothing."""
    before = len(calm.executions())
    base = f"{calm.stack.url}/api/v1/main/executions/webhook"
    key = calm.stack.setting("WEBSITE_WEBHOOK_KEY")
    for path in (
        "christmas/signup-handler/wrong",
        f"christmas/no-such-flow/{key}",
        f"elsewhere/signup-handler/{key}",
        f"christmas/noshow-recovery-handler/{key}",
        f"christmas/send-email/{key}",
    ):
        assert httpx.post(f"{base}/{path}", json={"email": "x@example.org"}).status_code == httpx.codes.NOT_FOUND
    assert len(calm.executions()) == before


def test_two_sequences_of_one_contact_run_side_by_side(fast: World) -> None:
    """Post-call and no-show of one person do not disturb each other."""
    address = "sidebyside@example.org"
    fast.post("postcall-maybe-handler", {"email": address})
    fast.post("noshow-recovery-handler", {"email": address, "calendly_event_id": "S-1"}, key=CALENDLY)
    fast.wait_for_numbers(address, [1, 2, 3], "postcall")
    fast.wait_for_numbers(address, [1, 2, 3], "noshow")
    fast.wait_until_quiet()
    assert {row["Sequence Status"] for row in fast.rows(address)} == {"completed"}
    assert len(fast.contacts(address)) == 1
