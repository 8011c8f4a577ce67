"""One person on the running product: looked at, held, exported, erased; judged by what is left in Notion and Kestra."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from christmas_tasks.cli.contact import app
from tests.integration.world import CALENDLY, World

ANN, BEN = "erase-ann@example.org", "erase-ben@example.org"
SETTINGS = (
    *("NOTION_TOKEN", "NOTION_CONTACTS_DB_ID", "NOTION_TEMPLATES_DB_ID", "NOTION_EMAIL_SEQUENCE_DB_ID"),
    *("RESEND_API_KEY", "NOTION_BASE_URL", "RESEND_API_URL", "CHRISTMAS_CACHE_DIR"),
    *("NOTION_CALLS_PER_SECOND", "RESEND_CALLS_PER_SECOND"),
)
Command = Callable[..., Result]


@pytest.fixture
def contact(calm: World, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`contact("show", ANN)`: the command with the settings of the running product."""
    for name in SETTINGS:
        monkeypatch.setenv(name, calm.stack.setting(name))
    monkeypatch.setenv("KESTRA_URL", calm.stack.url)
    monkeypatch.setenv("KESTRA_USERNAME", calm.stack.engine.username)
    monkeypatch.setenv("KESTRA_PASSWORD", calm.stack.engine.password)

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == exit_code, f"{result.output} {result.exception!r}"
        return result

    return run


def _live(world: World, address: str) -> set[tuple[str, int]]:
    return {
        (row["Sequence Type"], int(next(label["value"] for label in found["labels"] if label["key"] == "email")))
        for row in world.rows(address)
        for found in world.sends(row["Enrolment Key"])
        if found["state"]["current"] == "CREATED"
    }


def _trashed(world: World, database: str, address: str) -> list[bool]:
    found = ((row["in_trash"], row["properties"]) for row in world.sandbox.rows(database))
    return [in_trash for in_trash, columns in found if address in {columns.get("Email"), columns.get("email")}]


def _ids_with(world: World, text: str) -> set[str]:
    """The executions whose trigger or inputs hold a text."""
    return {found["id"] for found in world.executions() if text in str([found.get("trigger"), found.get("inputs")])}


def _stored(world: World, executions: set[str]) -> list[Path]:
    """The files that Kestra's storage has of these executions."""
    storage = world.stack.options.data_dir / "engine" / "storage"
    return [path for path in storage.rglob("*") if path.is_file() and executions & set(path.parts)]


def _lead(world: World) -> dict[str, Any]:
    """Ann signs up, is assessed, misses a call and gets a mail, which is delivered; Ben's call notes name her."""
    world.hand_in("signup-handler", {"email": ANN, "first_name": "Ann"})
    world.hand_in("assessment-handler", {"email": ANN, "red_systems": 0, "orange_systems": 0})
    body = {"event": "invitee_no_show.created", "payload": {"email": ANN, "event": "https://calendly.example.org/E-1"}}
    world.hand_in("noshow-recovery-handler", body, key=CALENDLY)
    world.hand_in("postcall-maybe-handler", {"email": BEN, "call_notes": f"Knows {ANN} well."})
    row = world.row(ANN, "noshow")
    world.move(row, {"Email 1 Scheduled At": datetime.now(UTC) - timedelta(minutes=1)})
    world.end_of(world.start("send-email", enrolment=row["Enrolment Key"], row=row["id"], email_number=1))
    (mail,) = world.mails(ANN)
    world.sandbox.deliver_event(mail["id"], "delivered", world.stack.webhook_url("resend-events", "RESEND_WEBHOOK_KEY"))
    world.wait_for(lambda: world.row(ANN, "noshow")["Email 1 Delivery"] == "delivered", "the delivery")
    world.wait_until_quiet()
    return mail


def test_person_is_shown_held_exported_and_erased(calm: World, contact: Command, tmp_path: Path) -> None:
    """Nothing of the person stays in Notion or Kestra, nobody else loses anything, a later webhook starts anew."""
    mail = _lead(calm)
    planned = {("5day", 2), ("5day", 3), ("5day", 4), ("5day", 5), ("noshow", 2), ("noshow", 3)}

    shown = json.loads(contact("show", ANN, "--json").stdout)
    first = next(entry for entry in shown["emails"] if entry["sequence"] == "noshow" and entry["number"] == 1)
    assert (first["state"], first["delivery"], first["resend_id"]) == ("sent", "delivered", mail["id"])
    assert {(entry["sequence"], entry["number"]) for entry in shown["emails"] if entry["waiting"]} >= planned

    contact("hold", ANN, "--sequence", "5day")
    assert calm.row(ANN, "5day")["Sequence Status"] == "held"
    contact("resume", ANN)
    assert calm.row(ANN, "5day")["Sequence Status"] == "active"
    assert _live(calm, ANN) >= planned

    file = tmp_path / "ann.json"
    contact("export", ANN, "--out", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_text("utf-8"))
    assert {found["flow"] for found in document["executions"]} == {
        *("signup-handler", "assessment-handler", "noshow-recovery-handler", "send-email", "resend-events"),
    }
    assert any(mail["subject"] in str(found["files"]) for found in document["executions"])
    assert [found["id"] for found in document["resend"]] == [mail["id"]]
    assert len(document["mentioned_in_executions"]) == 1
    assert not document["incomplete"]
    own = {found["id"] for found in document["executions"]}

    assert "Nothing was changed" in contact("erase", ANN, "--dry-run").stdout
    assert own <= {found["id"] for found in calm.executions()}
    bens = _live(calm, BEN)
    keys = [row["Enrolment Key"] for row in calm.rows(ANN)]
    assert _stored(calm, own)
    contact("erase", ANN, "--yes")
    left = calm.executions()
    assert not own & {found["id"] for found in left}
    assert not any(calm.sends(key) for key in keys)
    assert _ids_with(calm, ANN) == {found["id"] for found in document["mentioned_in_executions"]}
    assert not _stored(calm, own)
    assert set(_trashed(calm, "tracker", ANN)) == set(_trashed(calm, "contacts", ANN)) == {True}
    assert _live(calm, BEN) == bens == {("postcall", 1), ("postcall", 2), ("postcall", 3)}
    assert "Nothing is held" in str(contact("erase", ANN, "--yes", exit_code=1).exception)

    calm.hand_in("assessment-handler", {"email": ANN, "red_systems": 0, "orange_systems": 0})
    assert _trashed(calm, "tracker", ANN).count(False) == 1
    assert calm.numbers(ANN) == [1]


def test_erased_person_who_unsubscribed_is_not_mailed_again(calm: World, contact: Command) -> None:
    """Only the address and the suppression stay; a later webhook starts a sequence that is stopped at once."""
    address = "erase-leaver@example.org"
    calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "L-1"}, key=CALENDLY)
    calm.hand_in("assessment-handler", {"email": address, "first_name": "Lea", "red_systems": 0, "orange_systems": 0})
    contacts = [row for row in calm.sandbox.rows("contacts") if row["properties"]["email"] == address]
    calm.edit(contacts[0]["id"], {"Email Suppressed": {"select": {"name": "unsubscribed"}}})
    contact("erase", address, "--yes")
    (kept,) = [
        row["properties"]
        for row in calm.sandbox.rows("contacts")
        if row["properties"]["email"] == address and not row["in_trash"]
    ]
    assert {name for name, value in kept.items() if value} == {"email", "Email Suppressed"}
    assert "Erased already" in contact("erase", address, "--yes").stdout
    calm.hand_in("noshow-recovery-handler", {"email": address, "calendly_event_id": "L-2"}, key=CALENDLY)
    (row,) = [row for row in calm.sandbox.rows("tracker") if address in str(row) and not row["in_trash"]]
    assert row["properties"]["Sequence Status"] == "stopped"


def test_a_webhook_that_is_still_being_repeated_is_ended_by_an_erase(calm: World, contact: Command) -> None:
    """Notion takes no new pages right now, so the handler waits for its next try: it is killed and deleted."""
    address = "erase-waits@example.org"
    fault = calm.sandbox.add_fault(
        "notion", "status_before", method="POST", path="/v1/pages", match=address, status=500
    )
    handler = calm.post("assessment-handler", {"email": address, "red_systems": 0, "orange_systems": 0})
    calm.wait_for(lambda: calm.state(handler) == "RETRYING", "the first try")
    assert f"Killed and deleted the execution {handler}" in contact("erase", address, "--yes").stdout
    calm.sandbox.clear_faults(fault)
    assert not _ids_with(calm, address)
    assert _trashed(calm, "tracker", address) == _trashed(calm, "contacts", address) == []
