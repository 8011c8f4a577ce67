"""The control surface `/_sandbox/...`: what tests and the page read and switch. No vendor has it.

See the package's README for the endpoints. A web page of another origin is refused (see `local_only`).
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from christmas_sandbox.gate import DEFAULT_LIMITS
from christmas_sandbox.notion_forms import address_of, plain_cells
from christmas_sandbox.resend_events import deliver_event
from christmas_sandbox.sandbox import Sandbox
from christmas_sandbox.seed import DATABASE_IDS, SOURCE_IDS
from christmas_sandbox.wire import JsonObject, NotJsonError, parse_json

_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_BODIES = ("html", "text", "headers")
_SETTINGS: dict[str, Callable[[Any], object]] = {"query_lag_ms": int, "notion_cut_dates_to_minute": bool}
_ID_IN_PATH = re.compile(r"/[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


def control_routes(sandbox: Sandbox) -> list[Route]:
    """Give the routes over one sandbox."""
    control = _Control(sandbox)
    return [
        Route("/_sandbox/state", control.state),
        Route("/_sandbox/mails", control.mails),
        Route("/_sandbox/mails/{mail_id}", control.mail),
        Route("/_sandbox/rows/{database}", control.rows),
        Route("/_sandbox/discord", control.discord),
        Route("/_sandbox/calls", control.calls),
        Route("/_sandbox/faults", control.list_faults, methods=["GET"]),
        Route("/_sandbox/faults", control.add_fault, methods=["POST"]),
        Route("/_sandbox/faults", control.remove_faults, methods=["DELETE"]),
        Route("/_sandbox/faults/{fault_id:int}", control.remove_faults, methods=["DELETE"]),
        Route("/_sandbox/limits", control.limits, methods=["POST"]),
        Route("/_sandbox/settings", control.settings, methods=["POST"]),
        Route("/_sandbox/clock", control.clock, methods=["POST"]),
        Route("/_sandbox/reset", control.reset, methods=["POST"]),
        Route("/_sandbox/resend/events", control.resend_event, methods=["POST"]),
    ]


def is_local(request: Request) -> bool:
    """Say whether a request may use the page and the control surface: this machine's name, no foreign origin.

    A foreign `Host` would be DNS rebinding, a foreign `Origin` another site's script.
    """
    if urlsplit(f"//{request.headers.get('host', '')}").hostname not in _LOCAL_NAMES:
        return False
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers['host']}":
        return False
    return request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}


class _Control:
    """One method for each endpoint; a ValueError becomes a 400 with its sentence."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def state(self, _request: Request) -> JSONResponse:
        sandbox = self._sandbox
        tables = ("mails", "pages", "discord", "calls", "idempotency")
        return JSONResponse(
            {
                "now_ms": sandbox.clock.now_ms(),
                "clock_offset_seconds": sandbox.clock.offset_seconds,
                "databases": DATABASE_IDS,
                "data_sources": SOURCE_IDS,
                "counts": {
                    name: sandbox.store.execute(f"SELECT COUNT(*) AS n FROM {name}")[0]["n"]  # noqa: S608
                    for name in tables
                },
                "limits": {
                    name: {"per_second": limit.per_second, "burst": limit.burst}
                    for name, limit in sandbox.gate.limits.items()
                },
                "faults": sandbox.faults.forms(),
                "settings": {name: sandbox.store.setting(name, read(0)) for name, read in _SETTINGS.items()},
            }
        )

    async def mails(self, request: Request) -> JSONResponse:
        after = _number(request, "after", 0)
        found = self._sandbox.mails.oldest_first(_number(request, "limit", 100_000), above=after)
        wanted = request.query_params.get("to")
        if wanted is not None:
            found = [mail for mail in found if wanted.lower() in [to.lower() for to in mail["to"]]]
        if request.query_params.get("view") == "summary":
            found = [{name: value for name, value in mail.items() if name not in _BODIES} for mail in found]
        return JSONResponse({"mails": found, "last": found[-1]["seq"] if found else after})

    async def mail(self, request: Request) -> JSONResponse:
        mail = self._sandbox.mails.get(request.path_params["mail_id"])
        return JSONResponse(mail) if mail else JSONResponse({"error": "no such mail"}, 404)

    async def rows(self, request: Request) -> JSONResponse:
        tables = self._sandbox.tables
        given = request.path_params["database"]
        ids = {**SOURCE_IDS, **{source.database_id: source.id for source in tables.data_sources.values()}}
        source = tables.data_sources.get(ids.get(given, given))
        if source is None:
            return JSONResponse({"error": "no such database"}, 404)
        address = request.query_params.get("address")
        rows = [
            {
                "id": row.id,
                "created_time": row.stamp("created_time"),
                "last_edited_time": row.stamp("last_edited_time"),
                "in_trash": row.in_trash,
                "properties": plain_cells(row, source),
            }
            for row in tables.rows_of(source.id)
            if address is None or address_of(row, source) == address
        ]
        return JSONResponse({"rows": rows})

    async def discord(self, _request: Request) -> JSONResponse:
        return JSONResponse({"messages": self._sandbox.discord.messages()})

    async def calls(self, request: Request) -> JSONResponse:
        after = _number(request, "after", 0)
        rows = self._sandbox.store.execute("SELECT * FROM calls WHERE seq > ? ORDER BY seq", after)
        found = [dict(row) for row in rows]
        counts = Counter(f"{row['vendor']} {row['method']} {_ID_IN_PATH.sub('/{id}', row['path'])}" for row in found)
        return JSONResponse({"calls": found, "last": found[-1]["seq"] if found else after, "counts": counts})

    async def list_faults(self, _request: Request) -> JSONResponse:
        return JSONResponse({"faults": self._sandbox.faults.forms()})

    async def add_fault(self, request: Request) -> JSONResponse:
        return JSONResponse(self._sandbox.faults.add(await _body(request)).form(), 201)

    async def remove_faults(self, request: Request) -> JSONResponse:
        return JSONResponse({"removed": self._sandbox.faults.remove(request.path_params.get("fault_id"))})

    async def limits(self, request: Request) -> JSONResponse:
        for vendor, given in (await _body(request)).items():
            if given is None or given is False:
                self._sandbox.gate.set_limit(vendor, None)
            elif given is True:
                self._sandbox.gate.set_limit(vendor, DEFAULT_LIMITS.get(vendor, (1, 1)))
            else:
                per_second = float(given["per_second"])
                self._sandbox.gate.set_limit(vendor, (per_second, float(given.get("burst", max(1, per_second)))))
        return await self.state(request)

    async def settings(self, request: Request) -> JSONResponse:
        for name, value in (await _body(request)).items():
            if name not in _SETTINGS:
                raise ValueError(f"no setting {name!r}; there are {sorted(_SETTINGS)}")
            self._sandbox.store.set_setting(name, _SETTINGS[name](value))
        return await self.state(request)

    async def clock(self, request: Request) -> JSONResponse:
        self._sandbox.clock.shift_to(float((await _body(request))["offset_seconds"]))
        return await self.state(request)

    async def reset(self, request: Request) -> JSONResponse:
        self._sandbox.reset()
        return await self.state(request)

    async def resend_event(self, request: Request) -> JSONResponse:
        given = await _body(request)
        return JSONResponse(await deliver_event(self._sandbox.mails, self._sandbox.clock, given))


async def _body(request: Request) -> JsonObject:
    try:
        body = parse_json(await request.body())
    except NotJsonError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - becomes a 400
    return body


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{name} is no whole number")
    return int(text)
