"""The tasks of the flows as Kestra calls them, on the real edges: what they tell the people, and what they count."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.errors import SetupRefused
from christmas_tasks.flow_tasks import emails, handlers, watch
from christmas_tasks.flow_tasks.door import Door
from christmas_tasks.notion import Notion
from christmas_tasks.row_changes import stop_changes
from christmas_tasks.sequences import StopEvent
from christmas_tasks.steps import sending
from tests.edges.conftest import task_settings

ANN = "ann@example.org"
OpenDoor = Callable[..., Door]


@pytest.fixture
def open_door(sandbox: SandboxHandle, tmp_path: Path) -> Iterator[OpenDoor]:
    """`open_door("execution", NAME=value)`: all tasks of one execution find each other's files."""
    opened: list[Door] = []

    def open_door(execution: str, **environ: str) -> Door:
        folder = tmp_path / execution
        folder.mkdir(exist_ok=True)
        settings = {
            **task_settings(sandbox, tmp_path / "cache"),
            "EXECUTION_ID": execution,
            "ORIGINAL_ID": execution,
            "RECEIVED_AT": datetime.now(UTC).isoformat(),
            **environ,
        }
        opened.append(Door(settings, folder))
        return opened[-1]

    yield open_door
    for door in opened:
        door.close()


def hand_in(door: Door) -> None:
    """The body of a CRITICAL lead."""
    body = json.dumps({"email": ANN, "red_systems": 2, "orange_systems": 0}).encode()
    (door.folder / "payload.b64").write_bytes(base64.b64encode(body))


def counted(out: str, name: str) -> list[dict[str, Any]]:
    """The tags of each metric of a name among the lines that a task has printed."""
    told = [json.loads(line[2:-2]) for line in out.splitlines()]
    return [metric["tags"] for message in told for metric in message.get("metrics", ()) if metric["name"] == name]


def test_a_replay_from_the_alert_tells_nobody_twice(sandbox: SandboxHandle, open_door: OpenDoor) -> None:
    """Kestra hands the files of the first execution over to the replay."""
    first = open_door("first")
    hand_in(first)
    assert handlers.assessment(first)["alert"]
    assert watch.alert(first) == {"posted": 1}
    replay = open_door("replay", ORIGINAL_ID="first")
    shutil.copy(first.folder / "alerts.b64", replay.folder)
    assert watch.alert(replay) == {"posted": 0}
    assert len(sandbox.discord()) == 1


def test_a_replay_that_starts_the_sequence_tells_of_the_hot_lead(sandbox: SandboxHandle, open_door: OpenDoor) -> None:
    """The first execution has failed before anybody was told: the repair is followed by a replay."""
    broken = open_door("first", NOTION_TOKEN="revoked")
    hand_in(broken)
    with pytest.raises(SetupRefused):
        handlers.assessment(broken)
    replay = open_door("replay", ORIGINAL_ID="first")
    hand_in(replay)
    assert handlers.assessment(replay)["alert"]
    assert watch.alert(replay) == {"posted": 1}
    (message,) = sandbox.discord()
    assert "Hot lead" in message["content"]


def test_a_mail_that_is_stopped_between_prepare_and_send_counts_as_skipped(
    notion: Notion, open_door: OpenDoor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Send looks again after a minute: what it skips is counted as what prepare skips."""
    received_at = datetime.now(UTC) - timedelta(hours=25)
    door = open_door("first", RECEIVED_AT=received_at.isoformat())
    hand_in(door)
    enrolled = handlers.assessment(door)
    email = open_door("email", ENROLMENT=enrolled["enrolment"], ROW=enrolled["row"], EMAIL_NUMBER="2")
    assert emails.prepare(email)["send"]
    row = notion.read_row(enrolled["row"])
    assert row is not None
    notion.update_row(row.row_id, {**stop_changes(row, StopEvent.PAID), "Email 2 Status": "scheduled"})
    monkeypatch.setattr(sending, "FRESH_FOR", timedelta(0))
    capsys.readouterr()
    assert not emails.send(email)["record"]
    assert counted(capsys.readouterr().out, "emails_skipped") == [{"sequence": "5day", "number": "2"}]
