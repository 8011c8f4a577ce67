"""Named faults and rate limits, which the gate asks about each call. In memory: a restart clears the faults."""

import asyncio
import fnmatch
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from christmas_sandbox.wire import Call, JsonObject

_REQUIRED = frozenset({"vendor", "kind"})
_NUMBERS = frozenset({"skip", "times", "status", "retry_after", "seconds"})
_TEXTS = frozenset({"method", "path", "match", "code"})


class FaultKind(StrEnum):
    """What goes wrong. The first three happen before any write; all others after the write, save as said."""

    STATUS_BEFORE = "status_before"  # an error status, nothing written
    DISCONNECT = "disconnect"  # the connection closes, nothing written
    DELAY = "delay"  # the answer takes `seconds` longer; the call is "in progress" meanwhile, then goes on
    HANG = "hang"  # no answer until the fault is released or deleted; then the call goes on
    STATUS_AFTER = "status_after"  # written, then an error status
    LOST_ANSWER = "lost_answer"  # written, then the connection closes
    EMPTY_BODY = "empty_body"  # written, then the right status without a body
    HTML_BODY = "html_body"  # written, then the right status with a page of HTML


class BodyKind(StrEnum):
    """What the body of an error status is."""

    JSON = "json"
    EMPTY = "empty"
    HTML = "html"


@dataclass(slots=True)
class Fault:
    """One switched-on fault.

    Attributes:
        vendor: notion, resend or discord.
        method: Only this HTTP method; None for all.
        path: Only paths that fit this glob, such as `/v1/data_sources/*/query`; None for all.
        match: Only bodies that hold this text; None for all.
        skip: How many fitting calls pass first.
        times: How many fitting calls it then hits; None for all.
        status: Of status_before and status_after.
        code: The vendor's error code or name; None: the usual one for the status.
        retry_after: Seconds of the Retry-After header; None: no header.
        body: Of status_before and status_after.
        seconds: Of delay.
    """

    id: int
    vendor: str
    kind: FaultKind
    method: str | None = None
    path: str | None = None
    match: str | None = None
    skip: int = 0
    times: int | None = None
    status: int = 500
    code: str | None = None
    retry_after: int | None = None
    body: BodyKind = BodyKind.JSON
    seconds: float = 0.0
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def fits(self, call: Call) -> bool:
        """Say whether this fault is about such a call, without counting it."""
        return (
            self.vendor == call.vendor
            and self.method in {None, call.method}
            and (self.path is None or fnmatch.fnmatchcase(call.path, self.path))
            and (self.match is None or self.match.encode() in call.body)
        )

    def form(self) -> JsonObject:
        """Give the fault as JSON."""
        names = ("id", "vendor", "kind", "method", "path", "match", "skip", "times", "status", "code")
        more = ("retry_after", "body", "seconds", "hits")
        return {name: getattr(self, name) for name in (*names, *more)}


class Faults:
    """The faults that are on, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._next_id = 1

    def add(self, given: JsonObject) -> Fault:
        """Switch a fault on.

        Args:
            given: The attributes of `Fault` but id, hits and released; vendor and kind are required.

        Raises:
            ValueError: an unknown name or a wrong value.
        """
        _check(given)
        checked = {
            **given,
            "kind": FaultKind(given["kind"]),
            "body": BodyKind(given.get("body", BodyKind.JSON)),
        }
        fault = Fault(id=self._next_id, **checked)
        self._next_id += 1
        self._faults.append(fault)
        return fault

    def remove(self, fault_id: int | None = None) -> int:
        """Switch one fault off, or all; hanging calls go on. Gives how many; safe to repeat."""
        gone = [fault for fault in self._faults if fault_id in {None, fault.id}]
        self._faults = [fault for fault in self._faults if fault not in gone]
        for fault in gone:
            fault.released.set()
        return len(gone)

    def forms(self) -> list[JsonObject]:
        """List the faults with their hits."""
        return [fault.form() for fault in self._faults]

    def take(self, call: Call) -> list[Fault]:
        """Give the faults that hit this call and count them: every delay that fits, and the first other one."""
        hit: list[Fault] = []
        for fault in self._faults:
            if not fault.fits(call):
                continue
            if fault.kind is not FaultKind.DELAY and any(f.kind is not FaultKind.DELAY for f in hit):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None and fault.hits >= fault.times:
                continue
            fault.hits += 1
            hit.append(fault)
        return hit


def _check(given: JsonObject) -> None:
    unknown = set(given) - _REQUIRED - _NUMBERS - _TEXTS - {"body"}
    if unknown or not set(given) >= _REQUIRED:
        raise ValueError(f"a fault needs vendor and kind, and knows no {sorted(unknown)}")
    if given["vendor"] not in {"notion", "resend", "discord"}:
        raise ValueError(f"unknown vendor {given['vendor']!r}")
    for name in _NUMBERS & set(given):
        value = given[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and (not is_number or value < 0):
            raise ValueError(f"{name} is no number from 0 up")
    for name in _TEXTS:
        if not isinstance(given.get(name), str | None):
            raise ValueError(f"{name} is no text")  # noqa: TRY004 - becomes a 400 like the others


class RateLimit:
    """A token bucket.

    Args:
        per_second: How many tokens come back each second.
        burst: How many there are at most.
        now: Monotonic seconds; injectable for tests.
    """

    def __init__(self, per_second: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        if per_second <= 0 or burst < 1:
            raise ValueError("a limit needs per_second above 0 and burst from 1 up")
        self.per_second = per_second
        self.burst = burst
        self._now = now
        self._tokens = burst
        self._filled_at = now()

    def take(self) -> float:
        """Take a token and give 0, or take none and give the seconds until one is there."""
        now = self._now()
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.per_second)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.per_second

    @property
    def left(self) -> int:
        """How many whole tokens there were after the last call."""
        return int(self._tokens)
