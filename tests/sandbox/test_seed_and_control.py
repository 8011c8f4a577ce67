"""What an empty sandbox starts with, and the control surface of tests and page."""

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from christmas_sandbox.app import create_app
from christmas_sandbox.sandbox import SandboxOptions
from christmas_sandbox.seed import TEMPLATES_DB_ID, TEMPLATES_SOURCE_ID, ContactsLayout, TemplateFolderError
from christmas_sandbox.testing import SandboxHandle, running_sandbox


def test_templates_come_from_the_folder(sandbox: SandboxHandle, notion: Any, templates_dir: Path) -> None:
    """A long body is split into pieces, and joins to what the file says."""
    (row,) = sandbox.rows("templates")
    assert row["properties"] == {
        "Template Name": "5-Day E1",
        "Subject Line": "Hello {{ first_name }}",
        "Email Body HTML": (templates_dir / "first" / "body.html").read_text(encoding="utf-8"),
        "Email Body Plain Text": "Hello",
        "Preview Text": "A look inside",
        "Status": "Active",
    }
    page = notion.data_sources.query(TEMPLATES_SOURCE_ID)["results"][0]
    assert len(page["properties"]["Email Body HTML"]["rich_text"]) > 1


def test_a_template_that_cannot_be_read_seeds_nothing(tmp_path: Path, templates_dir: Path) -> None:
    """The error names the folder; once repaired, the same data folder is seeded in full."""
    broken = tmp_path / "templates"
    shutil.copytree(templates_dir, broken)
    (broken / "first" / "body.txt").unlink()
    options = SandboxOptions(templates_dir=broken)
    with pytest.raises(TemplateFolderError, match="first"):
        create_app(tmp_path / "data", options)
    (broken / "first" / "body.txt").write_text("Hello", encoding="utf-8")
    with running_sandbox(tmp_path / "data", options) as sandbox:
        assert len(sandbox.rows("templates")) == 1
        assert sandbox.rows("tracker") == []


def test_the_tracker_has_every_column_of_each_email(sandbox: SandboxHandle, make_row: Any) -> None:
    """Six columns for each of five emails."""
    make_row("ann")
    names = set(sandbox.rows("tracker")[0]["properties"])
    parts = ("Scheduled At", "Sent", "Status", "Sent By", "Resend ID", "Delivery")
    assert {f"Email {number} {part}" for number in range(1, 6) for part in parts} <= names


def test_rows_are_listed_for_all_or_for_one_person(sandbox: SandboxHandle, make_row: Any) -> None:
    """An address that nobody has finds nothing."""
    for name in ("ann", "ben"):
        make_row(name, Email={"email": f"{name}@example.org"})
    ann, ben = sandbox.rows("tracker")
    assert sandbox.rows("tracker", "ann@example.org") == [ann] != [ben]
    assert sandbox.rows("tracker", "nobody@example.org") == []
    assert sandbox.rows("templates", "nobody@example.org") == []


@pytest.mark.parametrize(
    ("layout", "title", "others"),
    [
        (ContactsLayout.CAMPAIGN, "first_name", {"last_name", "email"}),
        (ContactsLayout.BUSINESS, "Name", {"Email", "Business Name"}),
    ],
)
def test_both_contact_layouts_can_be_had(tmp_path: Path, layout: ContactsLayout, title: str, others: set[str]) -> None:
    """The title and the names of the other columns differ."""
    with running_sandbox(tmp_path, SandboxOptions(contacts_layout=layout)) as sandbox:
        source = sandbox.state()["data_sources"]["contacts"]
        headers = {"authorization": "Bearer sandbox-notion-token", "notion-version": "2025-09-03"}
        answer = httpx.get(f"{sandbox.url}/v1/data_sources/{source}", headers=headers, trust_env=False).json()
    assert answer["properties"][title]["type"] == "title"
    assert others <= set(answer["properties"])


def test_reset_makes_it_as_new(sandbox: SandboxHandle, make_row: Any) -> None:
    """Rows, faults, limits, clock and settings are gone; the seed is back."""
    make_row("ann")
    sandbox.add_fault("notion", "delay", seconds=0)
    sandbox.set_limits(notion=True)
    sandbox.shift_clock(60)
    sandbox.set_settings(query_lag_ms=1)
    sandbox.reset()
    state = sandbox.state()
    assert sandbox.rows("tracker") == []
    assert (state["faults"], state["limits"], state["clock_offset_seconds"]) == ([], {}, 0)
    assert state["settings"]["query_lag_ms"] == 0
    assert len(sandbox.rows(TEMPLATES_DB_ID)) == 1


def test_the_clock_moves_what_notion_writes(sandbox: SandboxHandle, make_row: Any) -> None:
    """Two days on, a new row is two days younger."""
    before = make_row("ann")["created_time"]
    sandbox.shift_clock(2 * 24 * 3600)
    assert make_row("bob")["created_time"][:10] > before[:10]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.org"},
        {"origin": "https://evil.example.org"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/_sandbox/mails", "/_page/inbox.js"])
def test_pages_of_other_sites_are_refused(http: httpx.Client, headers: dict[str, str], path: str) -> None:
    """Neither the inbox nor the switches are open to them."""
    assert http.get(path, headers=headers).status_code == 403


def test_the_sandboxs_own_page_may_ask(http: httpx.Client, sandbox: SandboxHandle) -> None:
    """Same origin, by address or by name."""
    assert http.get("/_sandbox/state", headers={"origin": sandbox.url}).status_code == 200
    assert http.get("/_sandbox/state", headers={"host": "localhost:8025"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {}),
        ("clock", {"offset_seconds": "x"}),
        ("limits", {"other": True}),
        ("limits", {"notion": {"per_second": 0}}),
        ("settings", {"nope": 1}),
        ("resend/events", {"email_id": "x", "type": "delivered", "url": "http://127.0.0.1:1"}),
        ("faults", []),
    ],
)
def test_a_wrong_switch_is_refused(http: httpx.Client, path: str, body: Any) -> None:
    """400 with one sentence."""
    answer = http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_mails_can_be_asked_for_by_address(sandbox: SandboxHandle, mailer: Any, http: httpx.Client) -> None:
    """By receiver, by number, and without the bodies."""
    for name in ("ann", "bob"):
        mailer.Emails.send({"from": "c@example.org", "to": f"{name}@example.org", "subject": name, "text": "t"})
    assert [mail["subject"] for mail in sandbox.mails("Bob@example.org")] == ["bob"]
    summary = http.get("/_sandbox/mails?after=1&view=summary").json()
    assert ([mail["subject"] for mail in summary["mails"]], summary["last"]) == (["bob"], 2)
    assert "text" not in summary["mails"][0]
