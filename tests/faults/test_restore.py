"""Restore drills: a dead worker, yesterday's tracker under a running engine, an engine without its database."""

import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_tasks.local.engine_build import ensure_built
from tests.faults.processes import tasks_of
from tests.integration.world import SHORT_BUDGET, World

_TAKEN_OVER = timedelta(seconds=60)
_TWO_DAYS_S = 2 * 86_400.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Testing minutes of one second, one further worker."""
    ensure_built()
    settings = {"TESTING_MODE": "true", "TESTING_MINUTE_SECONDS": "1", **SHORT_BUDGET}
    world = World(tmp_path_factory.mktemp("restore"), settings, workers=1, worker_threads=2)
    with world.stack:
        yield world
        world.stack.engine.kill()
    world.close()


def test_a_dead_workers_task_is_taken_over_within_a_minute(world: World) -> None:
    """A worker is killed in the middle of tasks, which go on as orphans; the engine gives them to a living worker."""
    fault = world.sandbox.add_fault("notion", "hang", method="POST", path="/v1/pages", match="Enrolment Key")
    addresses = [f"taken{number}@example.org" for number in range(3)]
    posted = [world.post("postcall-maybe-handler", {"email": address}) for address in addresses]
    engine = world.stack.engine
    struck = world.wait_for(lambda: len(tasks_of(engine.worker_pids[0])), "a task of the further worker")
    killed_at = datetime.now(UTC)
    engine.kill_worker(engine.worker_pids[0])
    world.sandbox.clear_faults(fault)
    entries = [
        entry
        for execution in posted
        for run in world.end_of(execution)["taskRunList"]
        for entry in run["state"]["histories"]
        if entry["state"] == "RESUBMITTED"
    ]
    assert len(entries) >= struck
    assert all(datetime.fromisoformat(entry["date"]) - killed_at < _TAKEN_OVER for entry in entries)
    engine.start_worker()
    for address in addresses:
        world.wait_for_numbers(address, [1, 2, 3])
        assert len(world.rows(address, "postcall")) == 1


def test_yesterdays_tracker_under_a_running_engine_doubles_nothing(world: World) -> None:
    """Rows older than what was sent become true again: by the key, by Resend's list, by a replay of the handler."""
    world.give_the_account_a_past()
    fresh, moved, younger, old = (f"{name}@example.org" for name in ("fresh", "moved", "younger", "ancient"))
    backup = {address: _enrolled(world, address) for address in (fresh, moved)}
    handler = world.post("postcall-maybe-handler", {"email": younger})
    for address in (fresh, moved, younger):
        world.wait_for_numbers(address, [1, 2, 3])
    backup[old] = _sent_two_days_ago(world, old)
    _wait_until_completed(world, [fresh, moved, younger, old])
    before = {address: world.mails(address) for address in (fresh, moved, younger, old)}

    # Restored: two rows with their older values, one under another id, one not at all.
    for address in (fresh, old):
        world.edit(backup[address]["id"], _written(backup[address]))
    gone = {backup[moved]["id"], world.row(younger, "postcall")["id"]}
    for row_id in gone:
        world.notion("PATCH", f"pages/{row_id}", {"in_trash": True})
    tracker = {"type": "data_source_id", "data_source_id": backup[moved]["parent"]["data_source_id"]}
    world.notion("POST", "pages", {"parent": tracker, "properties": _written(backup[moved])})

    assert world.end_of(world.replay(handler))["state"]["current"] == "SUCCESS"
    assert world.end_of(world.start("reconcile"))["state"]["current"] == "SUCCESS"
    _wait_until_completed(world, list(before), gone)
    for address, mails in before.items():
        assert [mail["id"] for mail in world.mails(address)] == [mail["id"] for mail in mails]
        (row,) = (row for row in world.rows(address, "postcall") if row["id"] not in gone)
        ids = {mail["number"]: mail["id"] for mail in mails}
        assert {number: row[f"Email {number} Resend ID"] for number in (1, 2, 3)} == ids


def test_an_engine_without_its_database_goes_on_from_the_tracker(world: World) -> None:
    """Database, files and cache are gone in the middle of sequences; one reconcile sends the rest, nothing twice."""
    addresses = [f"middle{number}@example.org" for number in range(2)]
    for address in addresses:
        world.hand_in("postcall-maybe-handler", {"email": address})
        soon = datetime.now(UTC) + timedelta(seconds=20)
        later = {f"Email {number} Scheduled At": soon + timedelta(seconds=number) for number in (2, 3)}
        world.move(world.row(address, "postcall"), later)
    for address in addresses:
        _wait_for_status(world, address, 1, "sent")
    engine = world.stack.engine
    engine.kill()
    for folder in (engine.data_dir / "db", engine.data_dir / "storage", world.stack.options.data_dir / "cache"):
        shutil.rmtree(folder)
    engine.start()
    assert world.executions("send-email") == []
    assert world.end_of(world.start("reconcile"))["state"]["current"] == "SUCCESS"
    for address in addresses:
        world.wait_for_numbers(address, [1, 2, 3])
    _wait_until_completed(world, addresses)
    assert world.end_of(world.start("reconcile"))["state"]["current"] == "SUCCESS"
    assert {found["state"]["current"] for found in world.executions("send-email")} == {"SUCCESS"}


def _enrolled(world: World, address: str) -> Any:
    """The page of a new enrolment before anything was sent: what yesterday's export holds."""
    world.hand_in("postcall-maybe-handler", {"email": address})
    return _page(world, world.row(address, "postcall")["id"])


def _page(world: World, row_id: str) -> Any:
    return world.notion("GET", f"pages/{row_id}", None)


def _sent_two_days_ago(world: World, address: str) -> Any:
    """Send a sequence while it is two days ago for Resend as well; returns the page as it was before."""
    world.sandbox.shift_clock(-_TWO_DAYS_S)
    fault = world.sandbox.add_fault("resend", "status_before", method="POST", path="/emails", status=503)
    world.hand_in("postcall-maybe-handler", {"email": address})
    row = world.row(address, "postcall")
    long_ago = datetime.now(UTC) - timedelta(seconds=_TWO_DAYS_S)
    world.move(row, {f"Email {number} Scheduled At": long_ago + timedelta(seconds=number) for number in (1, 2, 3)})
    page = _page(world, row["id"])
    world.sandbox.clear_faults(fault)
    world.wait_for_numbers(address, [1, 2, 3])
    world.sandbox.shift_clock(0)
    return page


def _written(page: Any) -> dict[str, Any]:
    """A page's properties in the form in which Notion takes them."""
    return {name: {cell["type"]: _value(cell[cell["type"]])} for name, cell in page["properties"].items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [{"text": {"content": piece["plain_text"]}} for piece in value]
    if isinstance(value, dict) and "name" in value:
        return {"name": value["name"]}
    return value


def _wait_for_status(world: World, address: str, number: int, status: str) -> None:
    world.wait_for(lambda: world.row(address, "postcall")[f"Email {number} Status"] == status, f"{status} {number}")


def _wait_until_completed(world: World, addresses: list[str], gone: Iterable[str] = ()) -> None:
    def left() -> list[str]:
        rows = [row for address in addresses for row in world.rows(address, "postcall") if row["id"] not in gone]
        return [row["Email"] for row in rows if row["Sequence Status"] != "completed"]

    world.wait_for(lambda: not left(), "completed rows")
