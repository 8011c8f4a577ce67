"""The commands around one person as they are typed, against the sandbox's Notion and Resend; Kestra is stood in for."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN, DEFAULT_RESEND_API_KEY
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.cache import FileCache
from christmas_tasks.cli.app import app
from christmas_tasks.cli.contact_clients import Clients
from christmas_tasks.columns import Database
from christmas_tasks.errors import ChristmasError
from christmas_tasks.notion_people import NotionPeople
from christmas_tasks.row_changes import new_row_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, Timing, plan_emails
from tests.edges.conftest import DATABASES
from tests.fakes import Calls
from tests.unit.steps.people_fakes import FakeEngine

ANN = "ann@example.org"
NOW = datetime.now(UTC).replace(microsecond=0)
NOBODY = "http://127.0.0.1:9"
Command = Callable[..., Result]


@pytest.fixture
def contact(sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`contact("show", ANN)`: a command whose Notion and Resend are the sandbox; it has no Kestra."""
    for name in os.environ:
        if name.startswith(("SECRET_", "KESTRA_", "NOTION_")):
            monkeypatch.delenv(name)
    given = {
        **{database.value: database_id for database, database_id in DATABASES.items()},
        "NOTION_TOKEN": DEFAULT_NOTION_TOKEN,
        "RESEND_API_KEY": DEFAULT_RESEND_API_KEY,
        "NOTION_BASE_URL": sandbox.url,
        "RESEND_API_URL": sandbox.url,
        "CHRISTMAS_CACHE_DIR": str(tmp_path / "cache"),
        "VENDOR_BUDGET_SECONDS": "1",
        "NOTION_CALLS_PER_SECOND": "1000",
        "RESEND_CALLS_PER_SECOND": "1000",
        "TIMEZONE": "Europe/Berlin",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["contact", *arguments])
        assert result.exit_code == exit_code, f"{result.output} {result.exception!r}"
        return result

    return run


@pytest.fixture
def notion(sandbox: SandboxHandle, tmp_path: Path) -> Iterator[NotionPeople]:
    """The same Notion, to make and look at rows."""
    client = NotionPeople(DEFAULT_NOTION_TOKEN, DATABASES, FileCache(tmp_path / "cache"), sandbox.url, 5.0)
    yield client
    client.close()


@pytest.fixture
def kestra(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Kestra's executions in memory, behind the commands."""
    engine = FakeEngine(Calls())

    @contextmanager
    def opened(_: object) -> Iterator[FakeEngine]:
        yield engine

    monkeypatch.setattr(Clients, "records", opened)
    return engine


def enrol(notion: NotionPeople, sequence: Sequence = Sequence.NOSHOW, at: datetime = NOW, address: str = ANN) -> str:
    """A row with its plan, and a contact if there is none; returns the key."""
    enrolment = Enrolment("Christmas 2025", sequence, address)
    plan = plan_emails(sequence, at, Timing())
    notion.create_row(enrolment.key, new_row_changes(enrolment, Segment.URGENT, at, plan))
    if not notion.contacts_of(address):
        notion.create_contact(address, {"first_name": "Ann \x1b[31mred", "Christmas Campaign Status": "Signed Up"})
    return enrolment.key


def told(result: Result) -> str:
    """Why a command failed, as ``main`` prints it."""
    assert isinstance(result.exception, ChristmasError)
    return "\n".join(result.exception.lines)


def row(sandbox: SandboxHandle) -> dict[str, Any]:
    (found,) = sandbox.rows("tracker")
    columns: dict[str, Any] = found["properties"]
    return columns


def test_show_is_readable_and_says_that_kestra_cannot_be_asked(
    contact: Command, notion: NotionPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within 100 columns, both clocks, no terminal controls of other people; without or with a dead KESTRA_URL."""
    key = enrol(notion)
    lines = contact("show", f" Ann <{ANN.upper()}>").stdout.splitlines()
    assert all(len(line) <= 100 and "\x1b" not in line for line in lines)
    assert sum("#" in line and " UTC)" in line for line in lines) == 3
    assert any(key in line for line in lines)
    assert "What waits in Kestra is not known: KESTRA_URL is not set" in " ".join(lines)
    monkeypatch.setenv("KESTRA_URL", NOBODY)
    shown = json.loads(contact("show", ANN, "--json").stdout)
    assert "gives no answer" in shown["engine"]
    assert [email["number"] for email in shown["emails"]] == [1, 2, 3]


def test_stop_hold_and_resume_change_the_row_once(
    contact: Command, notion: NotionPeople, sandbox: SandboxHandle
) -> None:
    """Each says what it did, "already" at a repeat, and why not where it makes no sense."""
    key = enrol(notion, at=NOW - timedelta(hours=30))
    assert "would be held" in contact("hold", ANN, "--dry-run").stdout
    assert row(sandbox)["Sequence Status"] == "active"
    assert f"{key}  held" in contact("hold", ANN).stdout
    assert "already held" in contact("hold", ANN).stdout
    said = contact("resume", ANN, "--enrolment", key).stdout
    assert "#1 goes out, not before" in said
    assert "reconcile does it within the hour: KESTRA_URL is not set" in said
    assert row(sandbox)["Sequence Status"] == "active"
    assert "stopped" in contact("stop", ANN, "--reason", "called\nus").stdout
    assert (row(sandbox)["Sequence Status"], row(sandbox)["Stop Reason"]) == ("stopped", "called us")
    assert "already stopped (called us)" in contact("stop", ANN).stdout
    assert "a stop is for good" in told(contact("resume", ANN, exit_code=1))
    assert row(sandbox)["Sequence Status"] == "stopped"


def test_a_machine_reads_when_each_email_of_a_resumed_row_goes_out(contact: Command, notion: NotionPeople) -> None:
    """Times are ISO 8601, and what is still to go out is not called sent."""
    enrol(notion)
    contact("hold", ANN)
    (resumed,) = json.loads(contact("resume", ANN, "--dry-run", "--json").stdout)["rows"]
    first = resumed["emails"][0]
    assert (first["number"], first["goes_out"]) == (1, True)
    assert "T" in first["at"]
    assert datetime.fromisoformat(first["at"]) >= NOW


@pytest.mark.parametrize("verb", ["show", "stop", "hold", "resume", "erase", "export"])
def test_bad_addresses_are_named(contact: Command, kestra: FakeEngine, verb: str) -> None:
    """A malformed one by its rule, an unknown one by where it was looked for."""
    assert kestra.executions == {}
    assert "email: is not one valid e-mail address" in told(contact(verb, "ann@", exit_code=1))
    said = told(contact(verb, "nobody@example.org", exit_code=1))
    assert "contact" in said
    assert "tracker row" in said


def test_two_contacts_with_one_address_are_shown_and_both_erased(
    contact: Command, kestra: FakeEngine, notion: NotionPeople, sandbox: SandboxHandle
) -> None:
    """Nobody has to guess which one is meant."""
    enrol(notion)
    notion.create_contact(ANN, {"first_name": "Anna"})
    assert kestra.executions == {}
    assert "2 contacts have this address" in contact("show", ANN).stdout
    assert "all of them go" in contact("erase", ANN, "--dry-run").stdout
    contact("erase", ANN, "--yes")
    assert [found["in_trash"] for found in sandbox.rows("contacts")] == [True, True]


def test_export_is_private_and_never_overwrites(
    contact: Command, kestra: FakeEngine, notion: NotionPeople, tmp_path: Path
) -> None:
    """Readable by its owner alone; a file that is there stays as it is; the caller's credentials are left out."""
    enrol(notion)
    kestra.add("e", "signup-handler", trigger={"body": {"email": ANN}, "headers": {"Authorization": ["s3cret"]}})
    kestra.whole = lambda _: {"taskRunList": []}  # type: ignore[attr-defined]
    kestra.logs = lambda _: [{"level": "INFO", "message": "done"}]  # type: ignore[attr-defined]
    file = tmp_path / "ann.json"
    contact("export", ANN, "--out", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_text("utf-8"))
    assert document["contacts"][0]["columns"]["Christmas Campaign Status"] == "Signed Up"
    assert document["enrolments"][0]["columns"]["Email"] == ANN
    assert document["executions"][0]["trigger"]["body"] == {"email": ANN}
    assert "s3cret" not in file.read_text("utf-8")
    before = file.read_bytes()
    assert "is there already" in told(contact("export", ANN, "--out", str(file), exit_code=1))
    assert file.read_bytes() == before


def test_export_without_kestra_says_that_it_is_incomplete(contact: Command, notion: NotionPeople) -> None:
    """What could be asked is printed all the same."""
    enrol(notion)
    result = contact("export", ANN, exit_code=1)
    document = json.loads(result.stdout)
    assert len(document["enrolments"]) == 1
    assert "KESTRA_URL" in document["incomplete"][0]
    assert "incomplete" in told(result)


def test_erase_changes_nothing_unless_it_can_do_all_of_it(
    contact: Command, notion: NotionPeople, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Kestra, with a dead one, and without a yes."""
    enrol(notion)
    before = sandbox.rows("tracker"), sandbox.rows("contacts")
    assert "KESTRA_URL is not set" in told(contact("erase", ANN, "--yes", exit_code=1))
    monkeypatch.setenv("KESTRA_URL", NOBODY)
    assert "gives no answer" in told(contact("erase", ANN, "--yes", exit_code=1))
    assert (sandbox.rows("tracker"), sandbox.rows("contacts")) == before


def test_erase_asks_for_a_yes_and_goes_on_after_trouble(
    contact: Command, kestra: FakeEngine, notion: NotionPeople, sandbox: SandboxHandle
) -> None:
    """What it did is told before it breaks off at Notion; a repeat does the rest; a lost answer does no harm."""
    key = enrol(notion)
    kestra.add_email(key, 1)
    assert "say --yes" in told(contact("erase", ANN, exit_code=1))
    assert row(sandbox)["Sequence Status"] == "active"
    fault = sandbox.add_fault("notion", "status_before", method="PATCH", match="in_trash", status=500)
    broken_off = contact("erase", ANN, "--yes", exit_code=1)
    assert "Killed and deleted the execution" in broken_off.stdout
    assert "bin." not in broken_off.stdout
    assert row(sandbox)["Sequence Status"] == "stopped"
    sandbox.clear_faults(fault)
    sandbox.add_fault("notion", "lost_answer", method="PATCH", match="in_trash", times=1)
    assert f"Erased {ANN}" in contact("erase", ANN, "--yes").stdout
    assert [found["in_trash"] for name in ("tracker", "contacts") for found in sandbox.rows(name)] == [True, True]


def test_missing_optional_columns_are_told(contact: Command, notion: NotionPeople, tmp_path: Path) -> None:
    """A tracker without delivery columns: the timeline stands, a warning says what nobody can know."""
    enrol(notion)
    source = notion.schema(Database.TRACKER).data_source_id
    notion._calls.client.data_sources.update(
        data_source_id=source, properties={f"Email {number} Delivery": None for number in range(1, 6)}
    )
    for cached in (tmp_path / "cache").glob("schema-*.json"):
        cached.unlink()
    result = contact("show", ANN)
    assert "#3" in result.stdout
    assert "no column Email 1 Delivery" in result.stderr
