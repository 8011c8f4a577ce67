"""Kestra's executions for the console page: the few calls that it needs, behind Kestra's login.

The login never leaves this process. What Kestra said last is kept, so that many polls of the page cost it few calls,
and a Kestra that hangs never holds up a poll.
"""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from christmas_sandbox.console_executions import ENDED, FAULTY, TELLING, detail, reason_in, summary
from christmas_sandbox.wire import JsonObject

NAMESPACE = "christmas"
_WAITING = ("CREATED",)
_UNDER_WAY = (
    "SUBMITTED",
    "QUEUED",
    "RUNNING",
    "RETRYING",
    "RESTARTED",
    "PAUSED",
    "KILLING",
    "RESUBMITTED",
    "BREAKPOINT",
)
# What is asked for: states, sort, how many. The failed ones apart, so that no number of good ends hides them.
_SEARCHES = (
    (_WAITING, "state.startDate:desc", 50),
    (_UNDER_WAY, "state.startDate:desc", 50),
    (tuple(sorted(ENDED)), "state.endDate:desc", 60),
    (FAULTY, "state.endDate:desc", 40),
)
# Logs are read for so many failed executions at a look; the others follow with the next looks.
_LOGS_AT_A_LOOK = 8
_TIMEOUT_S = 5.0
# How long a poll of the page waits for a look that it has caused.
_PATIENCE_S = 0.4
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class EngineAccess:
    """Where Kestra is, and its login.

    Raises:
        ValueError: no plain http(s) address, or no login.
    """

    url: str
    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError(f"{self.url!r} is no address of Kestra such as http://127.0.0.1:8080")
        if not self.username or not self.password:
            raise ValueError("Kestra's address needs its login: set KESTRA_USERNAME and KESTRA_PASSWORD")


class EngineProblem(Exception):
    """Kestra can't or won't; the message is for the person at the page, `status` for its script."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_GATEWAY) -> None:
        super().__init__(message)
        self.status = status


class Engine:
    """Kestra as the page sees it; belongs to one event loop.

    Args:
        access: None where no Kestra was named: everything is empty then.

    Attributes:
        executions: As `summary` gives them: the newest that have run, newest first, then what waits, soonest first.
        opened: The execution that the page has open, as `detail` gives it.
        total: How many executions Kestra has.
        problem: Why the last look failed; empty if it did not.
        version: Grows whenever one of these has changed.
    """

    def __init__(self, access: EngineAccess | None) -> None:
        self.access = access
        self.executions: list[JsonObject] = []
        self.opened: JsonObject | None = None
        self.total = 0
        self.problem = ""
        self.version = 0
        self._client: httpx.AsyncClient | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        self._open_id = ""
        self._reasons: dict[tuple[str, str], str] = {}

    async def look(self, max_age_s: float, open_id: str = "") -> None:
        """Ask Kestra again if its last answer is older than that, or another execution is open; waits a moment only."""
        if self.access is None:
            return
        if self._looking is None or self._looking.done():
            if open_id == self._open_id and time.monotonic() - self._looked_at < max_age_s:
                return
            self._open_id = open_id
            self._looking = asyncio.create_task(self._refresh(open_id))
        await asyncio.wait({self._looking}, timeout=_PATIENCE_S)

    async def replay(self, execution_id: str, task_run_id: str = "") -> str:
        """Start the execution once more, from a task if given, and give the new one's id; a repeat starts another one.

        Raises:
            EngineProblem: not there, not of the campaign, or refused.
        """
        params = {"taskRunId": _checked(task_run_id)} if task_run_id else {}
        return await self._act(execution_id, "replay", params)

    async def restart(self, execution_id: str) -> str:
        """Let a failed execution go on from where it failed, under the same id, which is given back.

        Raises:
            EngineProblem: not there, not of the campaign, or refused, as when it has not failed.
        """
        return await self._act(execution_id, "restart", {})

    async def close(self) -> None:
        """End a look under way and the connections; safe to repeat."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _act(self, execution_id: str, action: str, params: Mapping[str, str]) -> str:
        path = f"executions/{_checked(execution_id)}"
        if (await self._call("GET", path)).get("namespace") != NAMESPACE:
            raise EngineProblem("This execution is not one of the campaign's.", HTTPStatus.NOT_FOUND)
        started = await self._call("POST", f"{path}/actions/{action}", params)
        self._looked_at = float("-inf")
        return str(started["id"])

    async def _refresh(self, open_id: str) -> None:
        try:
            executions, total = await self._search()
            opened = await self._detail(open_id) if open_id else None
            problem = ""
        except EngineProblem as trouble:
            executions, total, opened, problem = self.executions, self.total, self.opened, str(trouble)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            executions, total, opened = self.executions, self.total, self.opened
            problem = f"Kestra answers in a form that this page does not know ({type(error).__name__})."
        self._looked_at = time.monotonic()
        found = (executions, total, opened, problem)
        if found != (self.executions, self.total, self.opened, self.problem):
            self.executions, self.total, self.opened, self.problem = found
            self.version += 1

    async def _search(self) -> tuple[list[JsonObject], int]:
        found: dict[str, JsonObject] = {}
        total = 0
        for states, sort, size in _SEARCHES:
            only = {"filters[namespace][EQUALS]": NAMESPACE, "filters[state][IN]": ",".join(states)}
            answer = await self._call("GET", "executions/search", {**only, "sort": sort, "size": str(size)})
            found |= {one["id"]: summary(one) for one in answer["results"]}
            total += 0 if states is FAULTY else int(answer["total"])
        # What waits comes after all that has run, in the order of its time.
        waiting = [one for one in found.values() if one["state"] in _WAITING]
        others = [one for one in found.values() if one["state"] not in _WAITING]
        waiting.sort(key=lambda one: str(one["due_at"] or one["started_at"]))
        others.sort(key=lambda one: str(one["started_at"]), reverse=True)
        executions = [*others, *waiting]
        await self._add_reasons(executions)
        return executions, total

    async def _add_reasons(self, executions: Iterable[JsonObject]) -> None:
        """Add what went wrong to those that ended badly; an end is read once."""
        known: dict[tuple[str, str], str] = {}
        left = _LOGS_AT_A_LOOK
        for one in executions:
            if one["state"] not in TELLING:
                continue
            end = (str(one["id"]), str(one["ended_at"]))
            if end not in self._reasons and left > 0:
                left -= 1
                self._reasons[end] = reason_in(await self._call("GET", f"logs/{end[0]}", {"minLevel": "WARN"}))
            if end in self._reasons:
                known[end] = one["reason"] = self._reasons[end]
        self._reasons = known

    async def _detail(self, execution_id: str) -> JsonObject | None:
        if not _ID.fullmatch(execution_id):
            return None
        try:
            execution = await self._call("GET", f"executions/{execution_id}")
        except EngineProblem as trouble:
            if trouble.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if execution.get("namespace") != NAMESPACE:
            return None
        logs = await self._call("GET", f"logs/{execution_id}", {"minLevel": "INFO"})
        return detail(execution, logs)

    async def _call(self, method: str, path: str, params: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        if self.access is None:
            raise EngineProblem("No Kestra was named: start the sandbox with --kestra-url.", HTTPStatus.NOT_FOUND)
        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=f"{self.access.url.rstrip('/')}/api/v1/main/",
                auth=(self.access.username, self.access.password),
                timeout=_TIMEOUT_S,
                trust_env=False,
            )
        try:
            answer = await self._client.request(method, path, params=params)
        except httpx.HTTPError:
            raise EngineProblem(f"Kestra does not answer at {self.access.url}.") from None
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise EngineProblem("Kestra refuses the login: check KESTRA_USERNAME and KESTRA_PASSWORD.")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise EngineProblem("Kestra does not know it (any more).", HTTPStatus.NOT_FOUND)
        if answer.status_code == HTTPStatus.CONFLICT:
            raise EngineProblem(_told(answer) or "Kestra refuses: it does not fit its state.", HTTPStatus.CONFLICT)
        if not answer.is_success:
            raise EngineProblem(f"Kestra answers with HTTP {answer.status_code}. {_told(answer)}".strip())
        return answer.json()


def _checked(any_id: str) -> str:
    if not _ID.fullmatch(any_id):
        raise EngineProblem("This is no id of Kestra's.", HTTPStatus.BAD_REQUEST)
    return any_id


def _told(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("message", "")) if isinstance(body, dict) else ""
