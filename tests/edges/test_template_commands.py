"""`christmas-tasks templates ...` on real stand-ins of Notion and Resend: what is written where, what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN, DEFAULT_RESEND_API_KEY
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.cli import app
from christmas_tasks.errors import ChristmasError, MailRefused
from christmas_tasks.notion_json import PIECE_UNITS
from tests.edges.conftest import DATABASES, STARTER_TEMPLATES

Run = Callable[..., Any]
Files = dict[str, bytes]
HEADERS = {"Authorization": f"Bearer {DEFAULT_NOTION_TOKEN}", "Notion-Version": "2025-09-03"}


@pytest.fixture
def run(sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("pull", "--force")`: one command in a folder of the test's own, with the settings of a server."""
    monkeypatch.chdir(tmp_path)
    environ = {
        "NOTION_TOKEN": DEFAULT_NOTION_TOKEN,
        **{database.value: name for database, name in DATABASES.items()},
        "RESEND_API_KEY": DEFAULT_RESEND_API_KEY,
        "UNSUBSCRIBE_SIGNING_KEY": "a-signing-key-for-tests",
        "EMAIL_FROM": "Anna <anna@example.org>",
        "PUBLIC_URL": "https://flows.example.org",
        "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
        "POSTAL_ADDRESS": "Here 1",
        "NOTION_BASE_URL": sandbox.url,
        "RESEND_API_URL": sandbox.url,
        "CHRISTMAS_CACHE_DIR": str(tmp_path / "cache"),
        "VENDOR_BUDGET_SECONDS": "5",
    }

    def command(*words: str) -> Any:
        ran = CliRunner().invoke(app, ["templates", *words], env=environ)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit | ChristmasError):
            raise ran.exception
        assert DEFAULT_NOTION_TOKEN not in ran.output
        return ran

    return command


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """The folder `templates`, as just pulled."""
    assert run("pull").exit_code == 0
    return tmp_path / "templates"


def files(folder: Path) -> Files:
    """Every file of every template."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*/*")}


def row(sandbox: SandboxHandle, name: str) -> dict[str, Any]:
    """The one row of a name."""
    (found,) = [row for row in sandbox.rows("templates") if row["properties"]["Template Name"] == name]
    return found


def edit_in_notion(sandbox: SandboxHandle, name: str, subject: str) -> None:
    """What a person does there."""
    cells = {"Subject Line": {"rich_text": [{"text": {"content": subject}}]}}
    url = f"{sandbox.url}/v1/pages/{row(sandbox, name)['id']}"
    httpx.patch(url, json={"properties": cells}, headers=HEADERS, trust_env=False).raise_for_status()


def writes(sandbox: SandboxHandle, after: int = 0) -> list[str]:
    """Notion's writing calls."""
    return [call["method"] for call in sandbox.calls(after) if "/pages" in call["path"]]


def edit(path: Path, old: str, new: str) -> None:
    """What the marketer's editor does."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_pull_writes_the_starter_templates_byte_for_byte_and_says_so(run: Run, tmp_path: Path) -> None:
    """Three files each; a second pull writes nothing."""
    first = run("pull")
    assert files(tmp_path / "templates") == files(STARTER_TEMPLATES)
    assert first.stdout.count("wrote ") == 42
    assert "14 templates pulled, 0 unchanged." in first.stdout
    assert run("pull").stdout == "0 templates pulled, 14 unchanged.\n"
    assert run("diff").exit_code == 0


def test_a_push_writes_only_what_differs_and_a_pull_elsewhere_gives_the_same_bytes(
    run: Run, folder: Path, sandbox: SandboxHandle, tmp_path: Path
) -> None:
    """Texts of many pieces, emoji at each seam, quotes, control characters, no text part, another status."""
    long = ("x" * (PIECE_UNITS - 1) + "🎄") * 40 + 'Grüße "{{ first_name }}" \\ \t\r\n\n'
    (folder / "5day_e2" / "body.html").write_bytes(long.encode())
    (folder / "5day_e3" / "body.txt").unlink()
    edit(folder / "5day_e4" / "template.toml", 'status = "Active"', 'status = "Draft"')
    edit(folder / "5day_e5" / "template.toml", 'preview = "', 'preview = "\\"🎄\\" ')
    dry = run("push", "--dry-run")
    assert dry.exit_code == 0
    assert writes(sandbox) == []
    assert 'would change "5-Day E2": HTML body\n' in dry.stdout
    ran = run("push")
    assert ran.exit_code == 0
    assert writes(sandbox) == ["PATCH"] * 4
    assert "4 templates pushed, 10 unchanged." in ran.stdout
    assert 'changed "5-Day E3": plain text body\n' in ran.stdout
    assert run("push").stdout == "0 templates pushed, 14 unchanged.\n"
    assert run("pull", "--folder", "elsewhere").exit_code == 0
    assert files(tmp_path / "elsewhere") == files(folder)


def test_a_push_adds_what_notion_lacks_once_and_deletes_nothing(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """Even while Notion's search lags behind; what is in Notion alone stays, and is named."""
    shutil.copytree(folder / "5day_e2", folder / "mine")
    edit(folder / "mine" / "template.toml", "5-Day E2", "My own")
    shutil.rmtree(folder / "noshow_e1")
    sandbox.shift_clock(300)
    sandbox.set_settings(query_lag_ms=60_000)
    ran = run("push")
    assert 'added "My own"' in ran.stdout
    assert '"noshow_recovery_email_1" is in Notion alone' in ran.stderr
    assert run("push").stdout.startswith("0 templates pushed")
    sandbox.set_settings(query_lag_ms=0)
    assert len(sandbox.rows("templates")) == 15
    assert row(sandbox, "My own")["properties"]["Status"] == "Active"


def test_a_pull_never_overwrites_a_change_made_here(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """Changed on both sides: refused as a whole, by name; changed here alone: kept; --force takes Notion's."""
    edit(folder / "5day_e2" / "body.txt", "Hi", "Hello")
    edit(folder / "5day_e3" / "body.txt", "Hi", "Hello")
    edit_in_notion(sandbox, "5-Day E2", "Theirs")
    edit_in_notion(sandbox, "5-Day E4", "Theirs too")
    before = files(folder)
    refused = run("pull")
    assert refused.exit_code == 1
    assert "5day_e2: subject, plain text body differ" in str(refused.exception)
    assert "5day_e3" not in str(refused.exception)
    assert files(folder) == before
    ran = run("pull", "--force")
    assert "3 templates pulled, 11 unchanged." in ran.stdout
    assert b"Theirs" in (folder / "5day_e2" / "template.toml").read_bytes()
    edit(folder / "5day_e3" / "body.txt", "Hi", "Hello")
    edit_in_notion(sandbox, "5-Day E4", "Theirs again")
    ran = run("pull")
    assert "5day_e3: changed here since the last pull or push, not in Notion: kept." in ran.stderr
    assert ran.stdout.count("wrote ") == 1
    assert b"Theirs again" in (folder / "5day_e4" / "template.toml").read_bytes()


def test_without_the_memory_of_the_last_pull_a_difference_is_taken_for_a_change_made_here(
    run: Run, folder: Path, sandbox: SandboxHandle
) -> None:
    """A folder from elsewhere is never overwritten in silence."""
    (folder / ".notion-state.json").unlink()
    edit_in_notion(sandbox, "5-Day E2", "Theirs")
    assert run("pull").exit_code == 1
    assert run("push").exit_code == 0
    assert row(sandbox, "5-Day E2")["properties"]["Subject Line"] != "Theirs"


def test_a_push_never_overwrites_a_change_made_in_notion(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """Refused as a whole; --force writes over it."""
    edit(folder / "5day_e2" / "body.txt", "Hi", "Hello")
    edit(folder / "5day_e3" / "body.txt", "Hi", "Hello")
    edit_in_notion(sandbox, "5-Day E2", "Theirs")
    calls = len(writes(sandbox))
    refused = run("push")
    assert refused.exit_code == 1
    assert '"5-Day E2" was changed in Notion' in str(refused.exception)
    assert len(writes(sandbox)) == calls
    assert run("push", "--force").exit_code == 0
    assert run("diff").exit_code == 0


def test_a_push_refuses_what_lint_calls_an_error(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """Before any call; --force pushes it, but never what can't be read or held."""
    edit(folder / "5day_e2" / "body.html", "{{ first_name }}", "{{ frist_name }}")
    calls = len(sandbox.calls())
    refused = run("push")
    assert refused.exit_code == 1
    assert "templates/5day_e2/body.html:" in str(refused.exception)
    assert len(sandbox.calls()) == calls
    assert run("push", "--force").exit_code == 0
    (folder / "5day_e3" / "body.html").write_text("x" * 210_000)
    assert run("push", "--force").exit_code == 1
    assert len(writes(sandbox)) == 1


def test_a_diff_shows_both_sides_and_tells_by_its_exit(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """From Notion to the files; a terminal's control characters show as text."""
    edit(folder / "5day_e2" / "body.txt", "Hi {{ first_name }},", "Hello \x1b[31m{{ first_name }},")
    edit_in_notion(sandbox, "5-Day E3", "Theirs")
    ran = run("diff")
    assert ran.exit_code == 1
    assert "--- notion/5day_e2/body.txt\n+++ templates/5day_e2/body.txt\n" in ran.stdout
    assert "-Hi {{ first_name }},\n+Hello \\x1b[31m{{ first_name }},\n" in ran.stdout
    assert '-subject = "Theirs"\n' in ran.stdout
    assert json.loads(run("diff", "--json").stdout)["differ"] is True
    assert writes(sandbox, 0) == ["PATCH"]


def test_a_name_that_occurs_twice_in_notion_is_named_and_the_row_in_use_is_the_one(
    run: Run, folder: Path, sandbox: SandboxHandle
) -> None:
    """An old draft beside the active one stays as it is."""
    twin = {
        "Template Name": {"title": [{"text": {"content": "5-Day E2"}}]},
        "Status": {"select": {"name": "Draft"}},
    }
    parent = {"type": "data_source_id", "data_source_id": "7e391a7e-0000-4000-8000-0000000000d5"}
    made = httpx.post(
        f"{sandbox.url}/v1/pages", json={"parent": parent, "properties": twin}, headers=HEADERS, trust_env=False
    )
    made.raise_for_status()
    edit(folder / "5day_e2" / "body.txt", "Hi", "Hello")
    ran = run("push")
    assert '"5-Day E2" is in Notion twice' in ran.stderr
    twins = {
        row["properties"]["Status"]: row["properties"]["Email Body Plain Text"]
        for row in sandbox.rows("templates")
        if row["properties"]["Template Name"] == "5-Day E2"
    }
    assert twins["Active"].startswith("Hello")
    assert not twins["Draft"]


def test_a_push_that_breaks_off_says_what_it_did_and_goes_on_later(
    run: Run, folder: Path, sandbox: SandboxHandle
) -> None:
    """The second write meets trouble; a repeat writes the rest."""
    edit(folder / "5day_e2" / "body.txt", "Hi", "Hello")
    edit(folder / "5day_e3" / "body.txt", "Hi", "Hello")
    sandbox.add_fault("notion", "status_before", method="PATCH", status=400, skip=1, times=2)
    broken = run("push")
    assert broken.exit_code == 1
    assert broken.stdout == 'changed "5-Day E2": plain text body\n'
    sandbox.clear_faults()
    assert run("push").stdout == 'changed "5-Day E3": plain text body\n1 template pushed, 13 unchanged.\n'


def test_a_test_mail_is_the_campaigns_mail_to_another_receiver(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """From the file, by folder or name; each run is a mail of its own, and no row or contact comes of it."""
    edit(folder / "5day_e2" / "template.toml", "Start with", "Mine: start with")
    assert run("test-send", "5day_e2", "--to", "Me@example.org", "--dry-run").stdout.startswith("Would send")
    assert sandbox.mails() == []
    for words in (("5day_e2",), ("5-Day E2", "--segment", "urgent")):
        assert run("test-send", *words, "--to", "me@example.org").exit_code == 0
    second, first = sorted(sandbox.mails("me@example.org"), key=lambda mail: mail["subject"], reverse=True)
    assert (first["subject"], second["subject"]) == (
        "Mine: start with FUEL: one fix for this week",
        "Mine: start with RADAR: one fix for this week",
    )
    assert "Hi Sarah," in first["html"]
    assert "List-Unsubscribe" in first["headers"]
    assert first["tags"] != second["tags"]
    assert sandbox.rows("tracker") == sandbox.rows("contacts") == []


def test_a_test_mail_to_no_address_or_of_no_template_is_refused(run: Run, folder: Path, sandbox: SandboxHandle) -> None:
    """Before anything is sent, with what there is to choose from; a refusal of Resend's writes no row."""
    assert folder.is_dir()
    wrong = run("test-send", "5day_e2", "--to", "nobody")
    assert wrong.exit_code == 2
    assert "--to" in wrong.stderr
    assert "choose one of 5-Day E1" in str(run("test-send", "e2", "--to", "me@example.org").exception)
    sandbox.add_fault("resend", "status_before", status=422, times=1)
    assert isinstance(run("test-send", "5day_e2", "--to", "me@example.org").exception, MailRefused)
    assert sandbox.mails() == sandbox.rows("tracker") == []


def test_lint_and_preview_need_no_vendor(run: Run, folder: Path, sandbox: SandboxHandle, tmp_path: Path) -> None:
    """Exit codes for CI, JSON for machines, a page for eyes."""
    calls = len(sandbox.calls())
    assert run("lint", "--strict").exit_code == 0
    (folder / "5day_e2" / "body.txt").unlink()
    assert run("lint").stdout.startswith("templates/5day_e2/body.txt:1: warning no-text: ")
    assert (run("lint").exit_code, run("lint", "--strict").exit_code) == (0, 1)
    assert [finding["rule"] for finding in json.loads(run("lint", "--json").stdout)] == ["no-text"]
    assert run("preview").exit_code == 0
    page = (tmp_path / "preview" / "index.html").read_text("utf-8")
    assert page.count("<iframe") == 14 * 4 * 2
    assert "Kern &amp; Söhne" in page
    assert not [word for word in ('src="http', "@import", "url(") if word in page]
    edit(folder / "5day_e3" / "body.html", "{{ first_name }}", "{{ first_name / 2 }}<b>")
    again = run("preview")
    assert again.exit_code == 1
    assert "No mail from 5-Day E3, critical: " in again.stdout
    assert len(list((tmp_path / "preview" / "mails").iterdir())) == 13 * 4 * 3
    assert "holds other files" in str(run("preview", "--out", "templates").exception)
    assert len(sandbox.calls()) == calls


def test_a_folder_that_is_not_there_is_named_with_the_way_out(run: Run) -> None:
    """For each command that reads it."""
    for words in (("lint",), ("preview",), ("push",), ("diff",), ("test-send", "x", "--to", "a@example.org")):
        assert "There is no folder templates" in str(run(*words).exception), words
