"""Carries out what was drawn: blows against the engine's processes, trouble at the vendors."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle

import httpx

from benchmarks.processes import fork_server_of, forked_for
from christmas_tasks.local.engine import EngineError
from tests.faults.chaos import HELD_CALLS, Chaos, Moment, Strike, Trouble, Victim
from tests.faults.disk import Disk
from tests.faults.processes import tasks_of
from tests.integration.world import World

_MOMENT_S = 8.0
_POLL_S = 0.1
_QUIET_S = 45.0
_STARTS = 3
_LOOK_S = 0.25
_BELOW_THE_ENGINE = frozenset({Victim.TASK, Victim.FORKED, Victim.FORK_SERVER})
VENDORS = ("notion", "resend", "discord")


@dataclass(frozen=True)
class Blow:
    """One strike as it came.

    Args:
        strike: As drawn.
        at: When it struck, aware UTC.
        over_at: When everything was started again, aware UTC.
        is_met: It struck in the middle of what it was drawn for.
        running: How many tasks ran in the struck processes, or below them; 1 for a struck fork server.
    """

    strike: Strike
    at: datetime
    over_at: datetime
    is_met: bool
    running: int


@dataclass
class Storm:
    """Strikes and troubles on a running product; ``run`` returns after the last strike, with all vendors well again.

    Args:
        world: The product.
        disk: Where the engine's state lives.
        report: Gets a line for each strike.
    """

    world: World
    disk: Disk
    report: Callable[[str], None]
    blows: list[Blow] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def run(self, chaos: Chaos) -> None:
        """Strike by strike; the vendors' troubles come and go beside them, and end with the last strike."""
        with ThreadPoolExecutor(len(VENDORS)) as pool:
            lanes = [
                pool.submit(self._trouble_all, [trouble for trouble in chaos.troubles if trouble.vendor == vendor])
                for vendor in VENDORS
            ]
            try:
                for strike in chaos.strikes:
                    self._let_work(strike.after_calls)
                    self._strike(strike)
            finally:
                self._is_over.set()
            for lane in lanes:
                lane.result()
        self.world.sandbox.clear_faults()
        self.world.sandbox.set_limits(notion=None, resend=None, discord=None)

    # Blows

    def _let_work(self, calls: int) -> None:
        """Wait until so many vendor calls were made, or until it is clear that there is nothing to do."""
        enough = self._calls() + calls
        ends_at = time.monotonic() + _QUIET_S
        while self._calls() < enough and time.monotonic() < ends_at:
            time.sleep(_LOOK_S)

    def _calls(self) -> int:
        return int(self.world.sandbox.state()["counts"]["calls"])

    def _strike(self, strike: Strike) -> None:
        held = self._hold(strike.moment)
        at, running = datetime.now(UTC), 0
        try:
            is_met = held is None or self._wait_until_hit(held)
            at, running = datetime.now(UTC), self._blow(strike)
            if held is not None:
                # The vendor goes on with the call, and so does the task that nobody waits for any more.
                self.world.sandbox.clear_faults(held)
                held = None
            self._repair(strike)
        finally:
            if held is not None:
                self.world.sandbox.clear_faults(held)
        blow = Blow(strike, at, datetime.now(UTC), is_met, running)
        self.blows.append(blow)
        met = "" if is_met else " (it did not come)"
        back = (blow.over_at - blow.at).total_seconds()
        self.report(f"{strike.victim}, in the middle of {strike.moment}{met}: {running} tasks; back after {back:.1f} s")

    def _hold(self, moment: Moment) -> int | None:
        if moment is Moment.ANY:
            return None
        fault = dict(HELD_CALLS[moment])
        held = self.world.sandbox.add_fault(fault.pop("vendor"), "hang", times=2, **fault)
        if moment is Moment.RECONCILE:
            with suppress(httpx.TransportError, AssertionError):
                self.world.start("reconcile")
        return held

    def _wait_until_hit(self, fault: int) -> bool:
        deadline = time.monotonic() + _MOMENT_S
        while time.monotonic() < deadline:
            if self._hits(fault):
                return True
            time.sleep(_POLL_S)
        return False

    def _blow(self, strike: Strike) -> int:
        engine = self.world.stack.engine
        pids = [engine.pid, *engine.worker_pids]
        if strike.victim is Victim.WORKER:
            pid = max(engine.worker_pids, key=lambda pid: len(tasks_of(pid)))
            running = len(tasks_of(pid))
            engine.kill_worker(pid)
            return running
        tasks = [task for pid in pids for task in tasks_of(pid)]
        if strike.victim is Victim.ENGINE:
            engine.kill()
        elif strike.victim is Victim.RESTART:
            engine.stop()
        elif strike.victim is Victim.DISK:
            self.disk.fill([*pids, *(pid for task in tasks for pid in task), *_forking(pids)])
        else:
            struck = _struck(strike.victim, pids, tasks)
            for pid in struck:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return min(1, len(struck))
        return len(tasks)

    def _repair(self, strike: Strike) -> None:
        engine = self.world.stack.engine
        if strike.victim in _BELOW_THE_ENGINE:
            return
        time.sleep(strike.down_s)
        if strike.victim is Victim.DISK:
            # An engine whose database could not be written has closed it: it must be started anew.
            self.disk.free()
            engine.kill()
        if strike.victim is Victim.WORKER:
            engine.start_worker()
        else:
            self._start()

    def _start(self) -> None:
        # On a machine under load a start may take longer than the engine's own patience: a person tries again.
        for tries_left in range(_STARTS - 1, -1, -1):
            try:
                self.world.stack.engine.start()
            except EngineError as error:
                if not tries_left:
                    raise
                self.report(f"the start failed: {error}")
            else:
                return

    # Trouble

    def _trouble_all(self, troubles: list[Trouble]) -> None:
        # One vendor's troubles come again and again until the last strike.
        for trouble in cycle(troubles):
            if self._is_over.wait(trouble.wait_s):
                return
            self._trouble(trouble)

    def _trouble(self, trouble: Trouble) -> None:
        sandbox = self.world.sandbox
        ends_at = time.monotonic() + trouble.for_s
        if not trouble.fault:
            sandbox.set_limits(**{trouble.vendor: True})
            self._is_over.wait(trouble.for_s)
            sandbox.set_limits(**{trouble.vendor: None})
            self.faults[trouble.name] += 1
            return
        fault = sandbox.add_fault(**trouble.fault)
        hits = 0
        while time.monotonic() < ends_at and hits < trouble.fault["times"] and not self._is_over.wait(_LOOK_S):
            hits = self._hits(fault)
        if trouble.fault["kind"] == "hang":
            # What hangs does so for a while before it goes on.
            self._is_over.wait(max(0.0, ends_at - time.monotonic()))
        self.faults[trouble.name] += self._hits(fault)
        sandbox.clear_faults(fault)

    def _hits(self, fault: int) -> int:
        found = (one["hits"] for one in self.world.sandbox.state()["faults"] if one["id"] == fault)
        return int(next(found, 0))


def _struck(victim: Victim, pids: list[int], tasks: list[list[int]]) -> list[int]:
    if victim is Victim.FORK_SERVER:
        return [server for pid in pids if (server := fork_server_of(pid))]
    if victim is Victim.FORKED:
        return [forked for pid in pids for forked in forked_for(pid)][:1]
    return tasks[0] if tasks else []


def _forking(pids: list[int]) -> list[int]:
    return [one for pid in pids if (server := fork_server_of(pid)) for one in (server, *forked_for(pid))]
