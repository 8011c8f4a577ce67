"""What goes in and out of every stand-in: one call, one answer, and strict JSON. Knows no vendor."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

JsonObject = dict[str, Any]


class NotJsonError(ValueError):
    """The body is no JSON that could be stored: bad syntax, NaN, or lone surrogates."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a vendor's client, its body read to the end; header names are lower case."""

    vendor: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> object:
        """Parse the body.

        Raises:
            NotJsonError: it is no strict JSON in UTF-8.
        """
        return parse_json(self.body)

    def bearer(self) -> str | None:
        """Give the bearer token of the call, or None where there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; a body of None means no bytes at all."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


class VendorError(Exception):
    """A refusal in the vendor's own form; ends the handling of the call and undoes its writes."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body}")
        self.answer = answer


class Vendor(Protocol):
    """One stand-in, as the gate drives it: open, wait for faults, handle, close."""

    name: str

    def open(self, call: Call) -> None:
        """Check who calls and claim what must not be claimed twice; raises VendorError."""

    def handle(self, call: Call) -> Answer:
        """Do the work in one transaction; raises VendorError, and then nothing is written."""

    def close(self, call: Call) -> None:
        """Give back what `open` claimed; safe to call once after each successful open."""

    def error(self, status: int, code: str | None = None, retry_after: int | None = None) -> Answer:
        """Build an error in the vendor's form for a fault or a limit."""


def parse_json(body: bytes) -> object:
    """Parse strict JSON in UTF-8.

    Raises:
        NotJsonError: syntax, NaN or Infinity, or text that UTF-8 cannot hold.
    """
    try:
        value: object = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
    return value


def dump_json(value: object) -> bytes:
    """Write compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
