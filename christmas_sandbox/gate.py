"""The way of each vendor call: limit, open, faults, handle, faults, log, answer.

Handlers run on the event loop, one at a time and each in one transaction; only faults wait between. So a
delayed call is "in progress" for the others, as a slow one is at the vendor.
"""

import asyncio
import math
import time
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from christmas_sandbox.faults import BodyKind, Fault, FaultKind, Faults, RateLimit
from christmas_sandbox.store import Store
from christmas_sandbox.wire import Answer, Call, JsonObject, Vendor, VendorError, dump_json

DROP = "christmas_sandbox.drop"
MAX_BODY_BYTES = 40_000_000
DEFAULT_LIMITS: dict[str, tuple[float, float]] = {"notion": (3, 3), "resend": (5, 5), "discord": (5, 5)}
_HTML = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
_BEFORE = frozenset({FaultKind.STATUS_BEFORE, FaultKind.DISCONNECT})


class ConnectionDroppedError(Exception):
    """The client gets no answer: its connection is closed."""


class Gate:
    """Serves all vendors.

    Args:
        store: Keeps the call log and the limits.
        faults: What is switched on.
        vendors: By name.
    """

    def __init__(self, store: Store, faults: Faults, vendors: dict[str, Vendor]) -> None:
        self._store = store
        self._faults = faults
        self._vendors = vendors
        self.limits: dict[str, RateLimit] = {}
        for vendor, (per_second, burst) in store.setting("limits", {}).items():
            self.limits[vendor] = RateLimit(per_second, burst)

    def set_limit(self, vendor: str, limit: tuple[float, float] | None) -> None:
        """Switch a vendor's rate limit on (per second, burst) or off (None); outlives a restart.

        Raises:
            ValueError: an unknown vendor or an impossible limit.
        """
        if vendor not in self._vendors:
            raise ValueError(f"unknown vendor {vendor!r}")
        if limit is None:
            self.limits.pop(vendor, None)
        else:
            self.limits[vendor] = RateLimit(*limit)
        kept = {name: [one.per_second, one.burst] for name, one in self.limits.items()}
        self._store.set_setting("limits", kept)

    async def serve(self, vendor_name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request to a vendor; an ASGI app once the vendor is bound."""
        started = time.perf_counter()
        at = datetime.now(UTC)
        try:
            body = await _read_body(receive)
        except ConnectionDroppedError:
            return
        call = Call(
            vendor=vendor_name,
            method=scope["method"],
            path=scope["path"],
            query=_query(scope["query_string"].decode("latin-1")),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=body,
        )
        hit: list[Fault] = []
        try:
            answer = self._decorate(call, await self._answer(call, hit))
            status = answer.status
            raw = _raw(answer, hit)
        except ConnectionDroppedError:
            status, raw = 0, None
        self._log(call, at.isoformat(timespec="milliseconds"), status, started, hit)
        if raw is None:
            await _drop(scope, receive)
        else:
            await _send(send, answer, raw)

    async def _answer(self, call: Call, hit: list[Fault]) -> Answer:
        """Answer a call; the faults that hit it are added to `hit`."""
        vendor = self._vendors[call.vendor]
        limit = self.limits.get(call.vendor)
        wait_seconds = limit.take() if limit is not None else 0.0
        if wait_seconds > 0:
            return vendor.error(429, retry_after=max(1, math.ceil(wait_seconds)))
        try:
            vendor.open(call)
        except VendorError as refusal:
            return refusal.answer
        hit.extend(self._faults.take(call))
        try:
            await _wait(hit)
            for fault in hit:
                if fault.kind in _BEFORE:
                    return _faulty(vendor, fault)
            answer = self._handle(vendor, call)
        finally:
            vendor.close(call)
        for fault in hit:
            if fault.kind in {FaultKind.STATUS_AFTER, FaultKind.LOST_ANSWER}:
                return _faulty(vendor, fault)
        return answer

    def _handle(self, vendor: Vendor, call: Call) -> Answer:
        try:
            with self._store.transaction():
                return vendor.handle(call)
        except VendorError as refusal:
            return refusal.answer

    def _decorate(self, call: Call, answer: Answer) -> Answer:
        """Add Resend's rate headers, which it sends on every answer."""
        if call.vendor != "resend":
            return answer
        limit = self.limits.get("resend")
        burst = limit.burst if limit else DEFAULT_LIMITS["resend"][1]
        left = limit.left if limit else burst - 1
        rates = {"ratelimit-limit": f"{burst:g}", "ratelimit-remaining": f"{left:g}", "ratelimit-reset": "1"}
        return Answer(answer.status, answer.body, {**rates, **answer.headers})

    def _log(self, call: Call, at: str, status: int, started: float, hit: list[Fault]) -> None:
        ms = round((time.perf_counter() - started) * 1000, 3)
        self._store.execute(
            "INSERT INTO calls (at, vendor, method, path, status, ms, fault, idempotency_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(at, call.vendor, call.method, call.path, status, ms),
            ",".join(fault.kind for fault in hit) or None,
            call.headers.get("idempotency-key"),
        )


async def _wait(hit: list[Fault]) -> None:
    for fault in hit:
        if fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        elif fault.kind is FaultKind.HANG:
            await fault.released.wait()


def _faulty(vendor: Vendor, fault: Fault) -> Answer:
    if fault.kind in {FaultKind.DISCONNECT, FaultKind.LOST_ANSWER}:
        raise ConnectionDroppedError
    return vendor.error(fault.status, fault.code, fault.retry_after)


def _raw(answer: Answer, hit: list[Fault]) -> tuple[bytes, str]:
    """Give the bytes and content type of an answer, mangled by a fault about bodies."""
    kind: str | None = None
    for fault in hit:
        if fault.kind is FaultKind.EMPTY_BODY or fault.kind is FaultKind.HTML_BODY:
            kind = BodyKind.EMPTY if fault.kind is FaultKind.EMPTY_BODY else BodyKind.HTML
        elif fault.kind in {FaultKind.STATUS_BEFORE, FaultKind.STATUS_AFTER}:
            kind = fault.body
    if kind == BodyKind.HTML:
        return _HTML, "text/html; charset=utf-8"
    if kind == BodyKind.EMPTY or answer.body is None:
        return b"", "application/json"
    return dump_json(answer.body), "application/json"


async def _send(send: Send, answer: Answer, raw: tuple[bytes, str]) -> None:
    body, content_type = raw
    headers = dict(answer.headers)
    if answer.status != HTTPStatus.NO_CONTENT:
        headers["content-length"] = str(len(body))
    if body:
        headers["content-type"] = content_type
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the client's connection without a byte (see `server.DroppingProtocol`)."""
    drop = scope.get("extensions", {}).get(DROP)
    if drop is None:
        raise ConnectionDroppedError("this server can't drop connections")
    drop["drop"]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionDroppedError("the client went away")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            raise ConnectionDroppedError("the body is larger than any vendor takes")
        if not message.get("more_body", False):
            return b"".join(chunks)


def _query(raw: str) -> JsonObject:
    values: JsonObject = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    return values
