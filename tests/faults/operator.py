"""What a person does after a storm: restart or replay what has failed, run reconcile, wait until all has ended."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.integration.world import World

_UNFINISHED = "CREATED,SUBMITTED,QUEUED,RUNNING,RETRYING,RESTARTED,PAUSED,KILLING"
_BROKEN = "FAILED,KILLED,CANCELLED"
# They run again by themselves, and the last reconcile below must end well.
_WATCHERS = frozenset({"health-check", "reconcile"})
_MOST_REPEATS = 5
_POLL_S = 0.5
_TELL_S = 20.0


class Hanging(AssertionError):
    """Something is under way for ever."""


class Operator:
    """One person with Kestra's API.

    Args:
        world: The product.
        patience_s: How long it may take until everything has ended.
        report: Gets a line for each round.

    ``repeated`` counts what was restarted or replayed.
    """

    def __init__(self, world: World, patience_s: float, report: Callable[[str], None]) -> None:
        self._world = world
        self._patience_s = patience_s
        self._report = report
        self._repeats: Counter[str] = Counter()
        self._replayed: set[str] = set()
        self.repeated = 0

    def settle(self) -> None:
        """Until every execution has ended, nothing has failed for the last time, and reconcile finds nothing to start.

        Raises:
            Hanging: With what is still under way.
        """
        while True:
            self.wait_until_all_ended()
            if self.repeat_all():
                continue
            before = self._count(**{"filters[flowId][EQUALS]": "send-email"})
            run = self._world.start("reconcile")
            self.wait_until_all_ended()
            assert self._world.state(run) == "SUCCESS", self._world.logs(run)
            if self._count(**{"filters[flowId][EQUALS]": "send-email"}) == before:
                return

    def wait_until_all_ended(self) -> None:
        """Nothing runs, is retried, or waits for its date."""
        told_at = time.monotonic()
        deadline = told_at + self._patience_s
        while left := self._count(**{"filters[state][IN]": _UNFINISHED}):
            if time.monotonic() > deadline:
                hanging = self._search(**{"filters[state][IN]": _UNFINISHED})
                raise Hanging(f"{left} executions have not ended: {'; '.join(map(self._where, hanging[:5]))}")
            if time.monotonic() > told_at + _TELL_S:
                told_at = time.monotonic()
                self._report(f"{left} executions have not ended")
            time.sleep(_POLL_S)

    def _where(self, execution: dict[str, Any]) -> str:
        """How far one has come: its state, and that of each of its tasks."""
        runs = self._world.execution(execution["id"]).get("taskRunList") or ()
        tasks = ", ".join(f"{run['taskId']} {run['state']['current']}" for run in runs)
        return f"{execution['flowId']} {execution['id']} {execution['state']['current']} ({tasks or 'no task'})"

    def repeat_all(self) -> int:
        """Restart what has failed where it failed, replay what has given up; returns how many."""
        broken = [
            found
            for found in self._search(**{"filters[state][IN]": _BROKEN})
            if found["flowId"] not in _WATCHERS
            and found["id"] not in self._replayed
            and self._repeats[_first(found)] < _MOST_REPEATS
        ]
        for found in broken:
            self._repeat(found)
        if broken:
            self._report(f"restarted or replayed: {dict(Counter(found['flowId'] for found in broken))}")
        return len(broken)

    def _repeat(self, execution: dict[str, Any]) -> None:
        runs = self._world.execution(execution["id"]).get("taskRunList") or ()
        failed = [run["taskId"] for run in runs if run["state"]["current"] == "FAILED"]
        self._repeats[_first(execution)] += 1
        self.repeated += 1
        if "give_up" in failed or execution["state"]["current"] != "FAILED":
            # A replay is another execution: this one stays as it is.
            self._replayed.add(execution["id"])
            self._world.replay(execution["id"])
        else:
            self._world.restart(execution["id"])

    def _count(self, **only: str) -> int:
        return int(self._page(1, 1, only)["total"])

    def _search(self, **only: str) -> list[dict[str, Any]]:
        return list(self._page(1, 200, only)["results"])

    def _page(self, page: int, size: int, only: dict[str, str]) -> dict[str, Any]:
        params = {"filters[namespace][EQUALS]": "christmas", "page": page, "size": size, **only}
        found: dict[str, Any] = self._world.api("GET", "executions/search", params=params)
        return found


def _first(execution: dict[str, Any]) -> str:
    """The execution of which this one is a replay, or itself."""
    return str(execution.get("originalId") or execution["id"])
