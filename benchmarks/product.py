"""The running product as a benchmark uses it: emails that become due, and what the stand-ins saw of them.

A seeded email has the tracker row that an enrolment writes and the execution that it starts, made with the library's
own code; only the webhook is left out. What is judged comes from the stand-ins' logs.
"""

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import Cpu, cpu_of
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.engine_api import EngineApi
from christmas_tasks.errors import SetupRefused
from christmas_tasks.flow_tasks.door import Door
from christmas_tasks.local.engine_build import ensure_built
from christmas_tasks.local.stack import FLOWS, Stack, StackOptions
from christmas_tasks.row_changes import new_row_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, PlannedEmail
from christmas_tasks.sequences import Sequence as EmailSequence
from christmas_tasks.settings import REQUIRED_SECRETS
from christmas_tasks.steps.schedule import DueEmail, schedule

UNLIMITED = {"NOTION_CALLS_PER_SECOND": "1000", "RESEND_CALLS_PER_SECOND": "1000"}
AS_DOCUMENTED = {"NOTION_CALLS_PER_SECOND": "3", "RESEND_CALLS_PER_SECOND": "5"}
PAUSE_S = 0.5
# Not the engine under test: flows that a clock starts would take part in some runs and not in others.
_BY_CLOCK = ("reconcile.yml", "health-check.yml")
_WRITERS = 4
_STARTS = 3
_NUMBER = 1
_OF_THE_STACK = (
    *REQUIRED_SECRETS,
    *UNLIMITED,
    "NOTION_BASE_URL",
    "RESEND_API_URL",
    "EMAIL_FROM",
    "PUBLIC_URL",
    "CHRISTMAS_CACHE_DIR",
)


@dataclass(frozen=True)
class Outcome:
    """What became of seeded emails, by the stand-ins' account.

    Args:
        accepted_at: When each address got its first mail, aware UTC.
        ended_at: When the last row was written, aware UTC; None: not all were.
        lost: Addresses without a mail.
        double: Mails too many.
        failed: Executions of ``send-email`` that ended badly.
        refused: Calls that a vendor answered with 429.
    """

    accepted_at: Mapping[str, datetime]
    ended_at: datetime | None
    lost: int
    double: int
    failed: int
    refused: int


class Product:
    """Engine, flows and stand-ins, in production mode: nothing is due but what a benchmark makes due.

    ``refused_starts`` counts executions that Kestra's API did not start when asked first.

    Args:
        stack: Running.
        folder: For the seeding's own cache.
    """

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.refused_starts = 0
        self.sandbox = SandboxHandle(stack.sandbox_url)
        environ = {name: stack.setting(name) for name in _OF_THE_STACK}
        self._slots = Door(environ, folder).email_slots
        # A cache of its own: its calls are not the tasks', and shall not use up their budget.
        environ = {**environ, "CHRISTMAS_CACHE_DIR": str(folder / "seed"), **UNLIMITED}
        self._notion = Door(environ, folder).notion
        login = (stack.engine.username, stack.engine.password)
        self._engine = EngineApi(stack.url, *login)
        self.http = httpx.Client(base_url=f"{stack.url}/api/v1/main/", auth=login, timeout=120.0)

    @property
    def pids(self) -> list[int]:
        """The processes of the engine and its further workers."""
        return [self.stack.engine.pid, *self.stack.engine.worker_pids]

    def cpu(self) -> Cpu:
        """CPU seconds of the engine, its workers and their tasks so far."""
        return cpu_of(self.pids)

    def idle_cpu_share(self, seconds: float) -> float:
        """Do nothing for so long; give the engine's CPU seconds per second."""
        began, before = time.monotonic(), self.cpu()
        time.sleep(seconds)
        return (self.cpu() - before).own / (time.monotonic() - began)

    def last_call(self) -> int:
        """The number of the newest logged vendor call."""
        return int(self.sandbox.state()["counts"]["calls"])

    # Emails that become due

    def seed(self, name: str, due_at: Sequence[datetime]) -> list[str]:
        """Write a row and start a waiting execution for each email; returns the addresses.

        Args:
            name: Different for each call, as it goes into the addresses.
            due_at: When each email is due, aware UTC.
        """
        self.start(self.rows(name, due_at))
        return [f"{name}-{n}@example.org" for n in range(len(due_at))]

    def rows(self, name: str, due_at: Sequence[datetime]) -> list[DueEmail]:
        """Write a row for each email; none of them has an execution yet."""
        with ThreadPoolExecutor(_WRITERS) as writers:
            return list(writers.map(self._row, [f"{name}-{n}@example.org" for n in range(len(due_at))], due_at))

    def start(self, emails: Sequence[DueEmail], waits_for: Callable[[int], None] | None = None) -> None:
        """Start a waiting execution for each email, as the handlers' ``schedule`` does.

        Args:
            emails: From ``rows``.
            waits_for: Called now and then with the number of executions that wait so far.
        """
        fresh = _NothingWaits(self._engine)
        with ThreadPoolExecutor(_WRITERS) as writers:
            for done, _ in enumerate(writers.map(lambda email: self._start_one(email, fresh), emails), 1):
                if waits_for is not None and done % max(1, len(emails) // 20) == 0:
                    waits_for(done)

    def _start_one(self, email: DueEmail, engine: "_NothingWaits") -> None:
        for _ in range(_STARTS):
            try:
                schedule([email], engine, self._slots.take)
            except SetupRefused as refusal:
                self.refused_starts += 1
                say(f"an execution was not started: {refusal}")
            else:
                return
        raise RuntimeError("Kestra's API refuses to start executions, see above")

    def _row(self, address: str, due_at: datetime) -> DueEmail:
        enrolment = Enrolment("Christmas 2025", EmailSequence.POSTCALL, address)
        changes = new_row_changes(enrolment, Segment.OPTIMIZE, datetime.now(UTC), (PlannedEmail(_NUMBER, due_at),))
        row = self._notion.create_row(enrolment.key, {**changes, "First Name": "Ada", "Business Name": "Analytical"})
        return DueEmail(
            row.key, row.row_id, _NUMBER, due_at, row.sequence.value, row.segment.value, is_first_attempt=True
        )

    def wait_for(self, addresses: Sequence[str], after: int, patience_s: float) -> Outcome:
        """Wait until each address has its mail and its row says so, or patience ends; then judge.

        Args:
            addresses: Of seeded emails.
            after: Number of the last vendor call before they were due.
            patience_s: In seconds.
        """
        deadline = time.monotonic() + patience_s
        seen, written, refused, last_write = after, 0, 0, ""
        while written < len(addresses) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
            for call in self.sandbox.calls(seen):
                seen = int(call["seq"])
                refused += call["status"] == httpx.codes.TOO_MANY_REQUESTS
                if call["method"] == "PATCH" and call["status"] == httpx.codes.OK:
                    written, last_write = written + 1, str(call["at"])
        self._wait_until_ended(max(10.0, deadline - time.monotonic()))
        return self._judge(addresses, refused, last_write if written >= len(addresses) else "")

    def _wait_until_ended(self, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while self.count("RUNNING,RETRYING,RESTARTED,SUBMITTED,QUEUED,KILLING") and time.monotonic() < deadline:
            time.sleep(PAUSE_S)

    def _judge(self, addresses: Sequence[str], refused: int, last_write: str) -> Outcome:
        mails = [mail for mail in self.sandbox.mails() if mail["to"][0] in set(addresses)]
        counts = Counter(str(mail["to"][0]) for mail in mails)
        accepted = {str(mail["to"][0]): datetime.fromisoformat(mail["accepted_at"]) for mail in reversed(mails)}
        return Outcome(
            accepted_at=accepted,
            ended_at=datetime.fromisoformat(last_write) if last_write else None,
            lost=len(addresses) - len(counts),
            double=sum(count - 1 for count in counts.values()),
            failed=self.count("FAILED,KILLED,WARNING"),
            refused=refused,
        )

    def count(self, states: str) -> int:
        """How many executions of ``send-email`` are in one of these states."""
        params: dict[str, str | int] = {
            "size": 1,
            "filters[flowId][EQUALS]": "send-email",
            "filters[state][IN]": states,
        }
        answer = self.http.get("executions/search", params=params)
        answer.raise_for_status()
        return int(answer.json()["total"])

    def warm_up(self, emails: int) -> None:
        """Let the JVM's compiler and the caches see the whole way of an email."""
        say(f"warm-up with {emails} emails")
        after = self.last_call()
        addresses = self.seed(f"warm{after}", [now() + timedelta(seconds=3)] * emails)
        self.wait_for(addresses, after, 300.0)

    def post(self, flow: str, body: Mapping[str, Any]) -> None:
        """Post a webhook, and wait for the end of its execution."""
        answer = httpx.post(self.stack.webhook_url(flow), json=body, timeout=60.0)
        answer.raise_for_status()
        execution = answer.json()["id"]
        deadline = time.monotonic() + 120.0
        while time.monotonic() < deadline:
            answer = self.http.get(f"executions/{execution}")
            # Right after its webhook it may not be there yet.
            if answer.is_success and answer.json()["state"]["current"] in {"SUCCESS", "WARNING", "FAILED", "KILLED"}:
                return
            time.sleep(0.1)


class _NothingWaits:
    """Kestra's API without the look for what waits already: everything that is seeded is new."""

    def __init__(self, engine: EngineApi) -> None:
        self.start = engine.start

    @staticmethod
    def waiting_numbers(enrolment_key: str, *, overdue: bool) -> frozenset[int]:  # noqa: ARG004 - the protocol's
        return frozenset()


@contextmanager
def running_product(settings: Mapping[str, str], workers: int = 0, worker_threads: int = 8) -> Iterator[Product]:
    """Start a product in a folder of its own; everything ends with the block."""
    ensure_built(say)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        flows = folder / "flows"
        shutil.copytree(FLOWS, flows, ignore=shutil.ignore_patterns(*_BY_CLOCK))
        options = StackOptions(
            folder / "data",
            port=0,
            sandbox_port=0,
            workers=workers,
            worker_threads=worker_threads,
            settings={"TESTING_MODE": "false", **UNLIMITED, **settings},
            flows=(flows,),
        )
        say("starting engine and stand-ins")
        with Stack(options, environ={}) as stack:
            product = Product(stack, folder)
            try:
                yield product
            finally:
                product.http.close()
                product.sandbox.close()
                # A clean stop takes seconds and is no part of any figure.
                stack.engine.kill()


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)


def say(text: str) -> None:
    """Tell what goes on, on stderr: stdout has the figures."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)
