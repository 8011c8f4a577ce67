"""Which of Kestra's executions are about one person. They carry no address in their labels, so their content is read.

An execution is the person's own if the webhook's body or the inputs name the address where the handlers read it
(``email``, Calendly's ``payload.email``, Resend's ``data.to``), if an unsubscribe token holds it, or if its labels,
inputs or a mail's tags name an enrolment of the person. Handlers put out the key of what they have enrolled: with it
the emails of a row that is gone are found, too. An address that stands anywhere else (a host, a guest, a note about
somebody else's call) only mentions the person.

Keys are taken from the tracker and from what handlers put out, never from a body: else a forged one could make
somebody else's emails look like this person's.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from christmas_tasks.engine_records import Execution
from christmas_tasks.errors import PayloadError
from christmas_tasks.steps.people import read_address

# From the first letter of a run only: else a body of millions of letters would be read once from each of them.
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{16,})\.[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")
_SUBJECTS = (("email",), ("payload", "email"), ("data", "to"))
_TAG = ("data", "tags", "enrolment")


class Archive(Protocol):
    """What is read of Kestra."""

    def all(self) -> Iterator[Execution]:
        """Every execution of the campaign, oldest first."""
        ...

    def outputs(self, execution_id: str) -> list[dict[str, Any]]:
        """What its tasks put out."""
        ...

    def file(self, execution_id: str, uri: str) -> bytes | None:
        """A file of it, or None if it is gone."""
        ...


@dataclass(frozen=True)
class Traces:
    """What Kestra has of one person.

    Args:
        own: Executions about the person, oldest first.
        mentions: Somebody else's, or nobody's, in whose text the address stands.
        keys: The enrolments of the person, those of rows that are gone included.
        looked_at: How many executions were read.
    """

    own: tuple[Execution, ...]
    mentions: tuple[Execution, ...]
    keys: frozenset[str]
    looked_at: int

    @property
    def live(self) -> tuple[Execution, ...]:
        """Those that wait or run."""
        return tuple(execution for execution in self.own if execution.is_live)


@dataclass(frozen=True)
class _Facts:
    execution: Execution
    is_subject: bool
    enrolments: frozenset[str]
    is_mentioned: bool


def find_traces(address: str, keys: Iterable[str], archive: Archive) -> Traces:
    """Find the executions of one person; reads only.

    A call for each 100 executions, one for each body that Kestra stores as a file, and two or three for each execution
    of the person.

    Args:
        address: From ``read_address``.
        keys: Enrolment keys that the tracker has.
        archive: Kestra.
    """
    facts = [_facts(address, execution, archive) for execution in archive.all()]
    known = set(keys)
    own: set[str] = set()
    while True:
        new = [
            fact
            for fact in facts
            if fact.execution.execution_id not in own and (fact.is_subject or fact.enrolments & known)
        ]
        if not new:
            break
        for fact in new:
            own.add(fact.execution.execution_id)
            if not fact.execution.labels.get("enrolment"):
                known |= _put_out(fact.execution, archive)
    return Traces(
        own=tuple(fact.execution for fact in facts if fact.execution.execution_id in own),
        mentions=tuple(
            fact.execution for fact in facts if fact.is_mentioned and fact.execution.execution_id not in own
        ),
        keys=frozenset(known),
        looked_at=len(facts),
    )


def _facts(address: str, execution: Execution, archive: Archive) -> _Facts:
    stored = archive.file(execution.execution_id, execution.stored_body) if execution.stored_body else None
    text = (stored or b"").decode("utf-8", "replace")
    bodies = [execution.inputs, _json(execution.trigger.get("body")), _json(text)]
    everything = f"{json.dumps([execution.inputs, execution.trigger], ensure_ascii=False, default=str)} {text}"
    has_token = any(_is(address, claimed) for claimed in _claimed(unquote(everything)))
    subjects = [value for body in bodies for path in _SUBJECTS for value in _values(body, path)]
    enrolments = {
        execution.labels.get("enrolment", ""),
        str(execution.inputs.get("enrolment") or ""),
        *(str(value) for body in bodies for value in _values(body, _TAG)),
    }
    return _Facts(
        execution,
        is_subject=has_token or any(_is(address, value) for value in subjects),
        enrolments=frozenset(enrolments - {""}),
        is_mentioned=_mentions(everything, address),
    )


def _put_out(execution: Execution, archive: Archive) -> set[str]:
    found = (task["outputs"].get("vars") for task in archive.outputs(execution.execution_id))
    return {str(outputs["enrolment"]) for outputs in found if isinstance(outputs, dict) and outputs.get("enrolment")}


def _json(body: object) -> object:
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _values(body: object, path: tuple[str, ...]) -> list[object]:
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return list(body) if isinstance(body, list) else [] if body is None else [body]


def _is(address: str, value: object) -> bool:
    if not isinstance(value, str) or "@" not in value:
        return False
    try:
        return read_address(value) == address
    except PayloadError:
        return value.strip().lower() == address


def _mentions(text: str, address: str) -> bool:
    # Not as a part of a longer address: ann@example.org is not in joann@example.org, nor in ann@example.org.uk.
    return bool(re.search(rf"(?<![\w.+-]){re.escape(address)}(?!\.?[\w-])", text.lower()))


def _claimed(text: str) -> Iterator[str]:
    """The addresses in unsubscribe tokens.

    Their signatures are not judged: a forged one is about this address all the same, and a key that was rotated must
    not hide what is held.
    """
    for found in _TOKEN.finditer(text):
        head = found.group(1)
        try:
            claim = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        except (binascii.Error, ValueError, RecursionError):
            continue
        if isinstance(claim, list) and claim and isinstance(claim[0], str):
            yield claim[0]
