"""The Notion edge on a real stand-in: both layouts, gaps, call counts, trouble, and one row where answers get lost."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN
from christmas_sandbox.seed import SOURCE_IDS
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.columns import Database
from christmas_tasks.contacts import Contact
from christmas_tasks.errors import OutcomeUnknown, SetupRefused, VendorUnavailable
from christmas_tasks.notion import Notion
from christmas_tasks.row_changes import new_row_changes, sent_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, Timing, plan_emails
from christmas_tasks.tracker import Changes, EmailStatus, SentBy, SequenceStatus
from tests.edges.conftest import DATABASES

ANN = "ann@example.org"
START = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
_HEADERS = {"Authorization": f"Bearer {DEFAULT_NOTION_TOKEN}", "Notion-Version": "2025-09-03"}
ENROLMENT = Enrolment("Christmas 2025", Sequence.NOSHOW, ANN, "EV1")


def new_row(enrolment: Enrolment = ENROLMENT, more: Changes | None = None) -> Changes:
    plan = plan_emails(enrolment.sequence, START, Timing())
    return {**new_row_changes(enrolment, Segment.URGENT, START, plan), "Variables": "{}", **(more or {})}


def vendor_calls(sandbox: SandboxHandle, after: int = 0) -> list[str]:
    return [f"{call['method']} {call['path'].split('/')[2]}" for call in sandbox.calls(after)]


def change_columns(sandbox: SandboxHandle, database: str, properties: dict[str, object]) -> None:
    """What a person does in Notion's UI: rename with {"name": ...}, delete with None."""
    answer = httpx.patch(
        f"{sandbox.url}/v1/data_sources/{SOURCE_IDS[database]}",
        json={"properties": properties},
        headers=_HEADERS,
        trust_env=False,
    )
    answer.raise_for_status()


def test_a_row_comes_back_as_it_was_written(notion: Notion) -> None:
    """Key, plan, states, segment and reason."""
    made = notion.create_row(ENROLMENT.key, new_row())
    row = notion.read_row(made.row_id)
    assert row is not None
    assert row == made == notion.find_row(ENROLMENT.key)
    assert (row.key, row.address, row.sequence) == (ENROLMENT.key, ANN, Sequence.NOSHOW)
    assert [state.scheduled_at for state in row.pending()] == [
        START + timedelta(minutes=5),
        START + timedelta(hours=24),
        START + timedelta(hours=48),
    ]
    after = notion.update_row(row.row_id, sent_changes(row, 1, START + timedelta(minutes=6), "id-1"))
    state = after.email(1)
    assert (state.status, state.resend_id, state.sent_by) == (EmailStatus.SENT, "id-1", SentBy.KESTRA)
    assert state.sent_at == START + timedelta(minutes=6)
    assert notion.rows_of(ANN) == [after]


def test_text_of_any_length_and_kind_comes_back_whole(notion: Notion) -> None:
    """Longer than one piece of Notion's, with astral characters, quotes and braces."""
    text = 'Grüße 🎄 "{{ 7*7 }}" \\ ' * 400
    row = notion.create_row(ENROLMENT.key, new_row(more={"Stop Reason": text}))
    assert notion.find_row(ENROLMENT.key) == row
    assert row.stop_reason == text


def test_rows_of_a_campaign_are_read_over_pages(notion: Notion) -> None:
    """All of them, each once, by status."""
    for number in range(105):
        enrolment = replace(ENROLMENT, cause=str(number))
        notion.create_row(enrolment.key, new_row(enrolment))
    rows = list(notion.rows("Christmas 2025", (SequenceStatus.ACTIVE, SequenceStatus.HELD)))
    assert len({row.key for row in rows}) == len(rows) == 105
    assert list(notion.rows("Another", (SequenceStatus.ACTIVE,))) == []


def test_a_row_in_the_bin_is_gone(sandbox: SandboxHandle, notion: Notion) -> None:
    """By id and by key."""
    row = notion.create_row(ENROLMENT.key, new_row())
    _patch_page(sandbox, row.row_id, {"in_trash": True})
    assert notion.read_row(row.row_id) is None
    assert notion.find_row(ENROLMENT.key) is None
    assert notion.read_row("0" * 32) is None


CONTACT: Changes = {
    "first_name": "Ann",
    "last_name": "Example",
    "Business Name": "Salon",
    "Christmas Campaign Status": "Signed Up",
    "Segment": "CRITICAL",
    "Red Systems": 2,
    "Assessment Score": 41,
}


def assert_is_ann(contact: Contact | None) -> None:
    assert contact is not None
    assert (contact.address, contact.first_name, contact.business_name) == (ANN, "Ann", "Salon")
    assert (contact.stage, contact.segment) == ("Signed Up", "CRITICAL")
    assert contact.numbers == {"Red Systems": 2, "Assessment Score": 41}


def test_a_contact_in_the_campaigns_layout(sandbox: SandboxHandle, notion: Notion) -> None:
    """`email`, title `first_name`, `last_name`."""
    notion.create_contact(ANN, CONTACT)
    assert_is_ann(notion.find_contact(ANN))
    (row,) = sandbox.rows("contacts")
    assert (row["properties"]["first_name"], row["properties"]["last_name"]) == ("Ann", "Example")


def test_a_contact_in_the_business_layout(business_sandbox: SandboxHandle, make_notion: Callable[..., Notion]) -> None:
    """`Email`, title `Name`, `Business Name`: found by itself."""
    business_sandbox.reset()
    notion = make_notion(url=business_sandbox.url)
    notion.create_contact(ANN, CONTACT)
    contact = notion.find_contact(ANN)
    assert_is_ann(contact)
    assert notion.schema(Database.CONTACTS).faults() == ()
    (row,) = business_sandbox.rows("contacts")
    assert row["properties"]["Name"] == "Ann Example"
    assert contact is not None
    notion.update_contact(contact.contact_id, {"Email Suppressed": "bounced"})
    (row,) = business_sandbox.rows("contacts")
    assert (row["properties"]["Name"], row["properties"]["Email Suppressed"]) == ("Ann Example", "bounced")


def test_the_seeded_databases_have_all_that_is_required(notion: Notion) -> None:
    assert [notion.schema(database).faults() for database in Database] == [(), (), ()]


def test_a_missing_optional_column_is_left_out_with_one_warning(
    sandbox: SandboxHandle, make_notion: Callable[..., Notion]
) -> None:
    """However often it would have been written."""
    change_columns(sandbox, "tracker", {"Next Email At": None})
    notion = make_notion()
    row = notion.create_row(ENROLMENT.key, new_row())
    notion.update_row(row.row_id, {"Next Email At": START})
    (warning,) = notion.warnings
    assert warning.count('"Next Email At"') == 1
    assert "sequence tracker" in warning


@pytest.mark.parametrize("column", ["Enrolment Key", "Email 3 Status"])
def test_a_missing_required_column_names_itself_and_what_to_do(
    sandbox: SandboxHandle, make_notion: Callable[..., Notion], column: str
) -> None:
    """Nothing is written into a tracker that can't hold the promise."""
    change_columns(sandbox, "tracker", {column: None})
    notion = make_notion()
    with pytest.raises(SetupRefused, match=f'no column "{column}": add it as'):
        notion.create_row(ENROLMENT.key, new_row())
    assert sandbox.rows("tracker") == []
    assert any(column in line for line in notion.schema(Database.TRACKER, fresh=True).faults())


def test_names_are_matched_without_regard_to_case(sandbox: SandboxHandle, make_notion: Callable[..., Notion]) -> None:
    """Another spelling of the same name is the same column."""
    change_columns(sandbox, "tracker", {"Enrolment Key": {"name": "ENROLMENT key"}})
    notion = make_notion()
    notion.create_row(ENROLMENT.key, new_row())
    assert notion.find_row(ENROLMENT.key) is not None


def test_a_column_renamed_while_its_old_name_is_cached(sandbox: SandboxHandle, notion: Notion) -> None:
    """The cached schema is thrown away once, and the call is repeated."""
    row = notion.create_row(ENROLMENT.key, new_row())
    change_columns(sandbox, "tracker", {"Stop Reason": {"name": "stop reason"}})
    assert notion.update_row(row.row_id, {"Stop Reason": "booked a call"}).stop_reason == "booked a call"


def test_a_select_value_that_is_new_becomes_an_option(notion: Notion) -> None:
    """A campaign's name is a setting; Notion's options follow."""
    other = replace(ENROLMENT, campaign="Easter 2026")
    notion.create_row(other.key, new_row(other))
    assert [row.key for row in notion.rows("Easter 2026", (SequenceStatus.ACTIVE,))] == [other.key]


def test_templates_are_read_whole_and_kept(sandbox: SandboxHandle, make_notion: Callable[..., Notion]) -> None:
    """All 14, every piece joined; a second task on the same machine reads the cache, *fresh* passes by it."""
    found = make_notion().templates()
    assert len(found) == 14
    html = (Path(__file__).parents[2] / "christmas_tasks/starter_templates/5day_e2/body.html").read_text("utf-8")
    assert found["5-Day E2"].html == html
    last = sandbox.calls()[-1]["seq"]
    assert make_notion().templates() == found
    assert sandbox.calls(last) == []
    make_notion().templates(fresh=True)
    assert vendor_calls(sandbox, last) != []


def test_the_active_template_wins_over_a_draft_of_the_same_name(sandbox: SandboxHandle, notion: Notion) -> None:
    """Whichever was made first."""
    for subject, status in (("Draft", "Draft"), ("New", "Active")):
        _create_template(sandbox, "new mail", subject, status)
    _create_template(sandbox, "new mail", "Later draft", "Draft")
    assert notion.templates(fresh=True)["new mail"].subject == "New"


def test_retry_after_is_obeyed(sandbox: SandboxHandle, notion: Notion) -> None:
    """429: at least as long as Notion asks for."""
    sandbox.add_fault("notion", "status_before", status=429, retry_after=1, times=1)
    began = time.monotonic()
    notion.find_row(ENROLMENT.key)
    assert time.monotonic() - began >= 1


def test_a_retry_after_beyond_the_budget_fails_at_once(sandbox: SandboxHandle, notion: Notion) -> None:
    sandbox.add_fault("notion", "status_before", status=429, retry_after=600)
    last = sandbox.calls()[-1]["seq"]
    with pytest.raises(VendorUnavailable, match="rate limit"):
        notion.find_row(ENROLMENT.key)
    assert len(sandbox.calls(last)) == 1


@pytest.mark.parametrize("status", [409, 500, 502, 503, 504, 529])
def test_trouble_before_the_write_makes_one_row(sandbox: SandboxHandle, notion: Notion, status: int) -> None:
    """A repeat writes what the first call did not."""
    sandbox.add_fault("notion", "status_before", status=status, path="/v1/pages", times=1)
    notion.create_row(ENROLMENT.key, new_row())
    assert len(sandbox.rows("tracker")) == 1


@pytest.mark.parametrize("kind", ["lost_answer", "status_after", "html_body", "empty_body"])
def test_a_lost_answer_at_create_makes_one_row_and_one_contact(
    sandbox: SandboxHandle, notion: Notion, kind: str
) -> None:
    """Notion has no idempotency key: before the repeat the edge looks."""
    sandbox.add_fault("notion", kind, path="/v1/pages", times=1)
    row = notion.create_row(ENROLMENT.key, new_row())
    assert [one["id"] for one in sandbox.rows("tracker")] == [row.row_id]
    sandbox.add_fault("notion", kind, path="/v1/pages", times=1)
    contact = notion.create_contact(ANN, CONTACT)
    assert [one["id"] for one in sandbox.rows("contacts")] == [contact.contact_id]


@pytest.mark.parametrize("kind", ["lost_answer", "status_after", "status_before", "disconnect", "html_body"])
def test_trouble_at_an_update_ends_in_the_same_values(sandbox: SandboxHandle, notion: Notion, kind: str) -> None:
    """Absolute values: writing twice is the same as once."""
    row = notion.create_row(ENROLMENT.key, new_row())
    sandbox.add_fault("notion", kind, method="PATCH", times=1)
    changes = sent_changes(row, 1, START + timedelta(minutes=6), "id-1")
    assert notion.update_row(row.row_id, changes).email(1).resend_id == "id-1"


def test_trouble_that_lasts_ends_within_the_budget(sandbox: SandboxHandle, make_notion: Callable[..., Notion]) -> None:
    """By a readable error that says what to do."""
    sandbox.add_fault("notion", "status_before", status=503)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="Restart"):
        make_notion(budget_s=1.5).find_row(ENROLMENT.key)
    assert time.monotonic() - began < 4


def test_a_silent_notion_is_a_timeout(sandbox: SandboxHandle, make_notion: Callable[..., Notion]) -> None:
    """No answer at all: the call is given up after its own time."""
    sandbox.add_fault("notion", "hang")
    with pytest.raises(OutcomeUnknown, match="RequestTimeoutError"):
        make_notion(budget_s=1.0).find_contact(ANN)
    sandbox.clear_faults()


def test_nobody_at_the_address_is_trouble(make_notion: Callable[..., Notion]) -> None:
    """A refused connection may pass; it is no fault of the set-up."""
    with pytest.raises(OutcomeUnknown):
        make_notion(budget_s=0.5, url="http://127.0.0.1:9").find_contact(ANN)


def test_a_wrong_token_fails_at_once_and_names_the_setting(
    sandbox: SandboxHandle, make_notion: Callable[..., Notion]
) -> None:
    """By name, never by value."""
    with pytest.raises(SetupRefused, match="NOTION_TOKEN") as caught:
        make_notion(token="a-wrong-token").find_contact(ANN)
    assert "a-wrong-token" not in str(caught.value)
    assert len(sandbox.calls()) == 1


def test_a_database_that_is_not_shared_fails_at_once_and_says_so(
    sandbox: SandboxHandle, make_notion: Callable[..., Notion]
) -> None:
    """404: share it."""
    ids = {**DATABASES, Database.TRACKER: "75ac6e50-0000-4000-8000-000000000bad"}
    with pytest.raises(SetupRefused, match=r"sequence tracker database.*Share it"):
        make_notion(databases=ids).find_row(ENROLMENT.key)
    assert len(sandbox.calls()) <= 2


def test_a_request_that_notion_refuses_quotes_no_text_of_other_people(sandbox: SandboxHandle, notion: Notion) -> None:
    """400 for good: one readable line without the value."""
    sandbox.add_fault("notion", "status_before", status=400, path="/v1/pages")
    with pytest.raises(SetupRefused) as caught:
        notion.create_row(ENROLMENT.key, new_row())
    assert ANN not in str(caught.value)
    assert "health check" in str(caught.value)


@pytest.mark.parametrize("column", ["Sequence Status", "Sequence Type"])
def test_a_value_that_a_person_has_mistyped_is_named(sandbox: SandboxHandle, notion: Notion, column: str) -> None:
    """Enrolment, column and what is allowed: never a guess about sending."""
    row = notion.create_row(ENROLMENT.key, new_row())
    _patch_page(sandbox, row.row_id, {"properties": {column: {"select": {"name": "paused"}}}})
    with pytest.raises(SetupRefused, match=column) as caught:
        notion.read_row(row.row_id)
    assert ENROLMENT.key in str(caught.value)


@pytest.mark.parametrize("value", ["Active", "ACTIVE"])
def test_a_persons_spelling_of_a_status_counts(sandbox: SandboxHandle, notion: Notion, value: str) -> None:
    row = notion.create_row(ENROLMENT.key, new_row())
    _patch_page(sandbox, row.row_id, {"properties": {"Sequence Status": {"select": {"name": value}}}})
    assert notion.update_row(row.row_id, {"Stop Reason": ""}).status is SequenceStatus.ACTIVE


def _patch_page(sandbox: SandboxHandle, page_id: str, body: dict[str, object]) -> None:
    answer = httpx.patch(f"{sandbox.url}/v1/pages/{page_id}", json=body, headers=_HEADERS, trust_env=False)
    answer.raise_for_status()


def _create_template(sandbox: SandboxHandle, name: str, subject: str, status: str) -> None:
    body = {
        "parent": {"type": "data_source_id", "data_source_id": SOURCE_IDS["templates"]},
        "properties": {
            "Template Name": {"title": [{"text": {"content": name}}]},
            "Subject Line": {"rich_text": [{"text": {"content": subject}}]},
            "Status": {"select": {"name": status}},
        },
    }
    httpx.post(f"{sandbox.url}/v1/pages", json=body, headers=_HEADERS, trust_env=False).raise_for_status()


def test_a_search_that_lags_behind_does_not_make_a_second_row_or_contact(
    notion: Notion, sandbox: SandboxHandle
) -> None:
    """What this machine has just made is found though Notion's search does not show it yet; another name is not."""
    sandbox.set_settings(query_lag_ms=60_000)
    row, contact = notion.create_row(ENROLMENT.key, new_row()), notion.create_contact(ANN, {"first_name": "Ann"})
    assert notion.find_row(ENROLMENT.key) == row
    assert notion.rows_of(ANN) == [row]
    assert notion.find_contact(ANN) == contact
    assert notion.find_row(replace(ENROLMENT, cause="EV2").key) is None
    assert notion.find_contact("bea@example.org") is None
