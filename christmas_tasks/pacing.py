"""The vendors' rate limits, kept by all tasks together: a turn for each call, a slot for each email.

Notion and Resend count the calls of one integration or team, whoever makes them. So the tasks of all workers take turns
through one small file. A worker that is killed loses its turn and nothing else.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from christmas_tasks.errors import VendorUnavailable
from christmas_tasks.shared_file import SharedFile

_FREE_AT, _WRITTEN_AT = "free_at", "written_at"
# Both vendors take short bursts; two at once spare a lone task its wait, and stay below what a limit notices.
_BURST = 2
# A clock that was set back, or a file from another machine, must not stop the calls.
_LONGEST_QUEUE_S = 600.0
_CLOCKS_DIFFER_S = 5.0
_SLOT_S = 10
_KEEP_SLOTS_S = 60
# Enrolments and stops call Notion too.
_SHARE_OF_EMAILS = 0.95
_NOTION_CALLS_OF_AN_EMAIL = 2


class Pace(Protocol):
    """What keeps the calls to one vendor apart."""

    def wait(self, budget_s: float) -> None:
        """Wait for this call's turn."""
        ...

    def hold_back(self, seconds: float) -> None:
        """Let nobody call for so long: the vendor has asked for it."""
        ...


class NoPace:
    """No turns: for one caller alone, and for tests."""

    def wait(self, budget_s: float) -> None:
        """Wait for nothing."""

    def hold_back(self, seconds: float) -> None:
        """Hold nobody back."""


NO_PACE = NoPace()


class SharedPace:
    """Turns that all tasks take from one file.

    Args:
        file: One for each vendor.
        vendor: Its name, for people.
        per_second: The vendor's limit.
        sleep: Waits so many seconds.

    ``turns`` counts those of this task.
    """

    def __init__(
        self, file: SharedFile, vendor: str, per_second: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._file = file
        self.vendor = vendor
        self.turns = 0
        self._interval_s = 1 / per_second
        self._sleep = sleep

    def wait(self, budget_s: float) -> None:
        """Take the next free turn and wait for it. Turns are given in the order of asking.

        Raises:
            VendorUnavailable: It would come later than in *budget_s*; no turn is taken.
        """
        now = time.time()
        with self._file.locked() as state:
            free_at = _free_at(state, now)
            turn_at = max(now, free_at - (_BURST - 1) * self._interval_s)
            if turn_at - now > budget_s:
                raise VendorUnavailable(
                    f"{self.vendor}'s calls queue for longer than {budget_s:g} s: too much is due at once, or "
                    f"{self.vendor} has asked to wait. Try again in {turn_at - now:.0f} s.",
                    retry_after_s=turn_at - now,
                )
            state |= {_FREE_AT: free_at + self._interval_s, _WRITTEN_AT: now}
        self.turns += 1
        if turn_at > now:
            self._sleep(turn_at - now)

    def hold_back(self, seconds: float) -> None:
        """Let the next turn be in *seconds*, if it isn't later anyway."""
        now = time.time()
        with self._file.locked() as state:
            until = now + min(seconds, _LONGEST_QUEUE_S) + (_BURST - 1) * self._interval_s
            state |= {_FREE_AT: max(_free_at(state, now), until), _WRITTEN_AT: now}


class EmailSlots:
    """Spreads emails that are due at the same moment over the time that the vendors need for them.

    Without it the tasks of 300 emails would go through Kestra's queue step by step: all are prepared before the first
    one is sent, what prepare has read is old by then, and must be read again.

    Args:
        file: Shared by all workers; what it forgets is only less well spread.
        per_second: How many emails the vendors' limits allow.
    """

    def __init__(self, file: SharedFile, per_second: float) -> None:
        self._file = file
        self._per_second = per_second

    def take(self, due_at: datetime) -> datetime:
        """A moment for one email: *due_at*, or as little later as the emails around it need.

        Args:
            due_at: Aware UTC. A past one counts as now.
        """
        now = time.time()
        due = max(due_at.timestamp(), now)
        capacity = max(1, int(self._per_second * _SLOT_S))
        with self._file.locked() as slots:
            for old in [name for name, taken in slots.items() if not _is_kept(name, taken, now)]:
                del slots[old]
            slot = int(due // _SLOT_S)
            while slots.get(str(slot), 0) >= capacity:
                slot += 1
            taken = slots.get(str(slot), 0)
            slots[str(slot)] = taken + 1
        # Whole seconds, as all planned times; less than one is no shift.
        at = int(slot * _SLOT_S + taken / self._per_second)
        return due_at if at <= due else datetime.fromtimestamp(at, UTC)


def emails_per_second(notion_per_second: float, resend_per_second: float) -> float:
    """How many emails the limits allow: two calls to Notion and one to Resend each."""
    return _SHARE_OF_EMAILS * min(notion_per_second / _NOTION_CALLS_OF_AN_EMAIL, resend_per_second)


def shared_pace(folder: Path, vendor: str, per_second: float) -> SharedPace:
    """The pace of one vendor, in a file of *folder*."""
    return SharedPace(SharedFile(folder / f"pace-{vendor.lower()}.json"), vendor, per_second)


def _is_kept(slot: str, taken: object, now: float) -> bool:
    return slot.isdecimal() and isinstance(taken, int) and int(slot) * _SLOT_S >= now - _KEEP_SLOTS_S


def _free_at(state: dict[str, Any], now: float) -> float:
    free_at, written_at = _number(state.get(_FREE_AT)), _number(state.get(_WRITTEN_AT))
    if now < written_at - _CLOCKS_DIFFER_S or not now < free_at <= now + 2 * _LONGEST_QUEUE_S:
        return now
    return free_at


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
