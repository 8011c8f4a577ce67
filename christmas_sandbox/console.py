"""What the console page asks: one address for each view, cheap to ask again, and Kestra's replay and restart.

An answer carries an ETag of everything that it could depend on. A poll that finds nothing new is a 304 that reads no
table, so a page may ask each second.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from christmas_sandbox.console_engine import Engine, EngineProblem
from christmas_sandbox.console_executions import FAULTY
from christmas_sandbox.console_leads import enrolled, lead, leads
from christmas_sandbox.sandbox import Sandbox
from christmas_sandbox.seed import CONTACTS_SOURCE_ID
from christmas_sandbox.wire import JsonObject, NotJsonError, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

# Another site's script can't send it without asking first, and is never allowed to.
MARK = "x-console"
_LIMIT, _MOST = 100, 1000
# How old may be what the page says of Kestra: on its own view, and on the others, which show only counts.
_FRESH_S, _STALE_S = 1.0, 4.0
_BODIES = ("html", "text", "headers")
_GOOD = frozenset({"SUCCESS", "WARNING"})
_DONE = frozenset({"sent", "skipped"})


def console_routes(sandbox: Sandbox, engine: Engine) -> list[Route]:
    """Give the routes over one sandbox and its Kestra."""
    console = _Console(sandbox, engine)
    return [
        Route("/_page/data/{view}", console.data, methods=["GET"]),
        Route("/_page/executions/{execution_id}/{action}", console.act, methods=["POST"]),
    ]


class _Console:
    """One method for each route, and one for each view."""

    def __init__(self, sandbox: Sandbox, engine: Engine) -> None:
        self._sandbox = sandbox
        self._engine = engine
        # Numbers start anew with each process: an ETag of an earlier one must not fit.
        self._run = uuid.uuid4().hex
        self._views: dict[str, Callable[[Request], JsonObject]] = {
            "leads": self._leads,
            "inbox": self._inbox,
            "executions": self._executions,
            "calls": self._calls,
            "alerts": self._alerts,
        }

    async def data(self, request: Request) -> Response:
        name = request.path_params["view"]
        view = self._views.get(name)
        if view is None:
            return JSONResponse({"error": "no such view"}, 404)
        on_executions = name == "executions"
        await self._engine.look(_FRESH_S if on_executions else _STALE_S, _open(request) if on_executions else "")
        headers = {"etag": self._version(), "cache-control": "no-store"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return JSONResponse({**self._frame(), "view": view(request)}, headers=headers)

    async def act(self, request: Request) -> Response:
        execution_id, action = request.path_params["execution_id"], request.path_params["action"]
        if action not in {"replay", "restart"}:
            return JSONResponse({"error": "no such action"}, 404)
        if MARK not in request.headers:
            return JSONResponse({"error": f"only the console page may ask, with the header {MARK}"}, 403)
        task_run = (await _body(request)).get("task_run") or ""
        if not isinstance(task_run, str):
            raise ValueError("task_run is no text")  # noqa: TRY004 - becomes a 400
        try:
            if action == "replay":
                started = await self._engine.replay(execution_id, task_run)
            else:
                started = await self._engine.restart(execution_id)
        except EngineProblem as problem:
            return JSONResponse({"error": str(problem)}, problem.status)
        return JSONResponse({"id": started})

    def _version(self) -> str:
        sandbox = self._sandbox
        faults = json.dumps(sandbox.faults.forms()).encode()
        changes = sandbox.store.execute("SELECT total_changes() AS n")[0]["n"]
        parts = (self._run, changes, self._engine.version, hashlib.sha256(faults).hexdigest())
        return f'"{"-".join(str(part) for part in parts)}"'

    def _frame(self) -> JsonObject:
        """What every view shows around it."""
        engine, sandbox = self._engine, self._sandbox
        access = engine.access
        counts = {name: self._count(table) for name, table in _COUNTED.items()}
        counts["leads"] = sum(not row.in_trash for row in sandbox.tables.rows_of(CONTACTS_SOURCE_ID))
        counts["executions"] = engine.total
        return {
            "now_ms": sandbox.clock.now_ms(),
            "counts": counts,
            "faults_on": len(sandbox.faults.forms()) + len(sandbox.gate.limits),
            "engine": {"url": access.url if access else "", "problem": engine.problem, "failures": self._failures()},
        }

    def _failures(self) -> int:
        """How many of the executions that Kestra told of have failed and were not mended since."""
        if all(one["state"] not in FAULTY for one in self._engine.executions):
            return 0
        return sum(one["state"] in FAULTY and not one["mended"] for one in self._told())

    def _told(self) -> list[JsonObject]:
        ends = self._ends()
        return [ends.added_to(one) for one in self._engine.executions]

    def _ends(self) -> "_Ends":
        good = [one for one in self._engine.executions if one["state"] in _GOOD]
        return _Ends(
            enrolled(self._sandbox.tables),
            frozenset(one["original_id"] for one in good),
            # Newest first, so that the newest of a flow is kept.
            {one["flow"]: str(one["started_at"]) for one in reversed(good)},
        )

    def _count(self, table: str) -> int:
        return int(self._sandbox.store.execute(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"])  # noqa: S608

    def _leads(self, request: Request) -> JsonObject:
        tables = self._sandbox.tables
        found = leads(tables, request.query_params.get("q", ""), _limit(request))
        opened = _open(request)
        by_email = {
            (one["enrolment"], one["number"]): one for one in reversed(self._engine.executions) if one["enrolment"]
        }
        return {**found, "open": lead(tables, self._sandbox.mails, opened, by_email) if opened else None}

    def _inbox(self, request: Request) -> JsonObject:
        mails = self._sandbox.mails
        found = [
            {name: value for name, value in mail.items() if name not in _BODIES}
            for mail in mails.newest_first(_limit(request))
        ]
        opened = mails.get(_open(request))
        if opened is not None:
            opened = {**opened, "html": bool(opened["html"])}
        return {"mails": found, "total": self._count("mails"), "open": opened}

    def _executions(self, _request: Request) -> JsonObject:
        opened = self._engine.opened
        return {
            "executions": self._told(),
            "total": self._engine.total,
            "open": self._ends().added_to(opened) if opened else None,
        }

    def _calls(self, request: Request) -> JsonObject:
        rows = self._sandbox.store.execute("SELECT * FROM calls ORDER BY seq DESC LIMIT ?", _limit(request))
        limits = {
            name: {"per_second": limit.per_second, "burst": limit.burst}
            for name, limit in self._sandbox.gate.limits.items()
        }
        return {
            "calls": [dict(row) for row in rows],
            "total": self._count("calls"),
            "faults": self._sandbox.faults.forms(),
            "limits": limits,
        }

    def _alerts(self, request: Request) -> JsonObject:
        messages = self._sandbox.discord.messages()
        return {"alerts": messages[::-1][: _limit(request)], "total": len(messages)}


_COUNTED = {"inbox": "mails", "calls": "calls", "alerts": "discord"}


@dataclass(frozen=True, slots=True)
class _Ends:
    """What has come to a good end by now.

    Attributes:
        emails: Address and email states by enrolment key (see `enrolled`).
        replayed: The originals of executions with a good end.
        newest_good: When each flow last came to a good end.
    """

    emails: Mapping[str, JsonObject]
    replayed: frozenset[str]
    newest_good: Mapping[str, str]

    def added_to(self, execution: JsonObject) -> JsonObject:
        """Add whom an execution mails, what the tracker says of that email, and whether a failure has been mended."""
        row = self.emails.get(execution["enrolment"], {})
        states = row.get("states", [])
        number = execution["number"]
        outcome = states[number - 1] if number is not None and 0 < number <= len(states) else ""
        came_again = execution["scheduled"] and execution["started_at"] < self.newest_good.get(execution["flow"], "")
        return {
            **execution,
            "address": execution["address"] or row.get("address", ""),
            "outcome": outcome,
            "mended": execution["original_id"] in self.replayed or outcome in _DONE or came_again,
        }


def _open(request: Request) -> str:
    return request.query_params.get("open", "")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_LIMIT))
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("limit is no whole number")
    return min(int(text), _MOST)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = parse_json(await request.body() or b"{}")
    except NotJsonError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - becomes a 400
    return body
