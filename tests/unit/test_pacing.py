"""All tasks together stay below the vendors' limits: turns for calls, slots for emails."""

import errno
import multiprocessing
import os
import resource
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from christmas_tasks.errors import VendorUnavailable
from christmas_tasks.pacing import EmailSlots, SharedPace, emails_per_second
from christmas_tasks.shared_file import SharedFile

NOW = 1_763_985_600.0
AT = datetime.fromtimestamp(NOW, UTC)


class Clock:
    """A wall clock that a sleep moves."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("christmas_tasks.pacing.time.time", made.time)
    return made


@pytest.fixture
def file(tmp_path: Path) -> SharedFile:
    return SharedFile(tmp_path / "shared" / "pace.json")


def pace(file: SharedFile, clock: Clock, per_second: float = 4) -> SharedPace:
    """One task's view of the shared pace."""
    return SharedPace(file, "Notion", per_second, clock.sleep)


def test_calls_of_many_tasks_are_no_more_than_the_limit_allows(file: SharedFile, clock: Clock) -> None:
    """Forty calls at four a second take what they must, however many tasks make them."""
    for _ in range(40):
        pace(file, clock).wait(60)
    assert clock.now - NOW == pytest.approx(38 / 4)


def test_a_lone_call_does_not_wait(file: SharedFile, clock: Clock) -> None:
    """An idle system is as fast as without limits."""
    for _ in range(5):
        pace(file, clock).wait(60)
        clock.now += 1
    assert clock.now - NOW == 5


def test_after_a_vendors_refusal_every_task_holds_back(file: SharedFile, clock: Clock) -> None:
    """One 429 is enough for all: nobody else has to meet it."""
    pace(file, clock).hold_back(7)
    pace(file, clock).wait(60)
    assert clock.now - NOW == pytest.approx(7)


def test_a_queue_longer_than_the_budget_is_an_error_that_passes(file: SharedFile, clock: Clock) -> None:
    """The task ends and is repeated later; its turn is not lost for others."""
    pace(file, clock).hold_back(30)
    with pytest.raises(VendorUnavailable, match="Notion's calls queue") as caught:
        pace(file, clock).wait(10)
    assert caught.value.retry_after_s == pytest.approx(30)
    pace(file, clock).wait(31)
    assert clock.now - NOW == pytest.approx(30)


NO_USE = [
    b"",
    b"{",
    b"[]",
    b'{"free_at": "soon"}',
    b'{"free_at": 1e300}',
    b'{"free_at": null}',
    b"\xff\xfe",
    b"[" * 9_999,
]


@pytest.mark.parametrize("content", NO_USE)
def test_a_file_that_is_no_use_counts_as_empty(tmp_path: Path, clock: Clock, content: bytes) -> None:
    """A crash while writing never stops the calls."""
    path = tmp_path / "pace.json"
    path.write_bytes(content)
    pace(SharedFile(path), clock).wait(1)
    assert clock.now == NOW


def test_a_clock_that_was_set_back_stops_no_call(file: SharedFile, clock: Clock) -> None:
    """By ten minutes, in the middle of work: the turns start anew, and are kept from then on."""
    for _ in range(5):
        pace(file, clock).wait(60)
    clock.now = NOW - 600
    for _ in range(10):
        pace(file, clock).wait(1)
    assert clock.now - (NOW - 600) == pytest.approx(8 / 4)


@pytest.mark.parametrize("content", [b'{"176398560": "many"}', b'{"176398560": null}', '{"²": 1}'.encode()])
@pytest.mark.usefixtures("clock")
def test_slots_that_are_no_use_are_forgotten(tmp_path: Path, content: bytes) -> None:
    """They stop no email."""
    path = tmp_path / "slots.json"
    path.write_bytes(content)
    assert EmailSlots(SharedFile(path), 1.4).take(AT) == AT


def test_a_disk_that_is_full_stops_no_call(file: SharedFile, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where nothing can be made, nor where nothing more can be written."""

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("christmas_tasks.shared_file.os.open", full)
        pace(file, clock).wait(1)
        pace(file, clock).hold_back(7)
        assert EmailSlots(file, 1.4).take(AT) == AT
    pace(file, clock).hold_back(7)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
        pace(file, clock).wait(60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert clock.now - NOW == pytest.approx(7)


def test_a_file_of_somebody_else_stops_no_call(tmp_path: Path, clock: Clock) -> None:
    """As after a command that ran as another user: here a folder is in its place, which nobody can open as a file."""
    (tmp_path / "pace.json").mkdir()
    pace(SharedFile(tmp_path / "pace.json"), clock).wait(1)
    assert clock.now == NOW


def test_an_error_within_the_block_changes_nothing(file: SharedFile) -> None:
    """It is passed on as it is, and the lock is free again."""
    with file.locked() as state:
        state["kept"] = 1

    def break_off() -> None:
        with file.locked() as state:
            state["kept"] = 2
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        break_off()
    with file.locked() as state:
        assert state == {"kept": 1}


def _take(path: Path, count: int) -> None:
    for _ in range(count):
        with SharedFile(path).locked() as state:
            state["taken"] = state.get("taken", 0) + 1


def test_processes_change_a_shared_file_in_turns(tmp_path: Path) -> None:
    """No change of one is lost to another."""
    path = tmp_path / "counter.json"
    workers = [multiprocessing.get_context("spawn").Process(target=_take, args=(path, 50)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    with SharedFile(path).locked() as state:
        assert state == {"taken": 150}


@pytest.mark.usefixtures("clock")
def test_emails_due_at_once_are_spread_as_the_limits_need(file: SharedFile) -> None:
    """Three hundred at 1.425 a second: nobody early, in no ten seconds too many, and the last one in time."""
    per_second = emails_per_second(3, 5)
    due = AT + timedelta(hours=1)
    moments = [EmailSlots(file, per_second).take(due) for _ in range(300)]
    assert min(moments) == due
    for start in range(0, 220, 10):
        inside = [m for m in moments if start <= (m - due).total_seconds() < start + 10]
        assert len(inside) <= 14
    assert (max(moments) - due).total_seconds() < 1.15 * 300 * 2 / 3


@pytest.mark.usefixtures("clock")
def test_an_email_that_is_due_alone_keeps_its_moment(file: SharedFile) -> None:
    """To the microsecond, whatever lies around it."""
    due = AT + timedelta(hours=2, seconds=3, microseconds=7)
    assert EmailSlots(file, 1.4).take(due) == due
    assert EmailSlots(file, 1.4).take(due + timedelta(hours=1)) == due + timedelta(hours=1)


@pytest.mark.usefixtures("clock")
def test_overdue_emails_are_spread_from_now_on(file: SharedFile) -> None:
    """As after an outage: the first at once, the others one after the other."""
    long_ago = AT - timedelta(days=2)
    moments = [EmailSlots(file, 0.5).take(long_ago) for _ in range(12)]
    assert moments[0] == long_ago
    assert sum(m > AT for m in moments) >= 10
    assert max(moments) <= AT + timedelta(seconds=30)


def test_slots_of_the_past_are_forgotten(file: SharedFile, clock: Clock) -> None:
    """The file stays small."""
    for _ in range(5):
        EmailSlots(file, 1.4).take(AT)
    clock.now += 3_600
    EmailSlots(file, 1.4).take(datetime.fromtimestamp(clock.now, UTC))
    with file.locked() as state:
        assert len(state) == 1


def test_the_turns_are_wall_clock_turns(file: SharedFile) -> None:
    """Against the real clock: four calls at twenty a second take at least two intervals."""
    began = time.monotonic()
    for _ in range(4):
        SharedPace(file, "Resend", 20).wait(5)
    assert time.monotonic() - began >= 2 / 20 - 0.005


@pytest.mark.usefixtures("clock")
def test_a_shift_is_in_whole_seconds_and_none_below_one(file: SharedFile) -> None:
    """Planned times are whole seconds, and a Kestra that is far from its limits keeps each of them."""
    due = AT + timedelta(hours=1, seconds=5)
    assert {EmailSlots(file, 400).take(due) for _ in range(20)} == {due}
    shifted = [EmailSlots(file, 1.4).take(due + timedelta(hours=1)) for _ in range(14)]
    assert all(moment.microsecond == 0 for moment in shifted)
    assert len(set(shifted)) > 1
