"""What the people are told, and when: hot leads, failed executions, templates that block."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from christmas_tasks.discord import RED, Alert, post
from christmas_tasks.enrolments import EnrolmentRequest
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES
from christmas_tasks.steps.enrol import Enrolled

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# Kestra's own lines around a failed script say nothing that the script's lines don't.
_NOISE = ("Command failed with exit code", "io.kestra.")
_MOST_LINES = 12


def for_enrolment(enrolled: Enrolled, request: EnrolmentRequest, now: datetime) -> list[Alert]:
    """The alerts of a sequence that has just started (contract sections 4 and 9); none for a repeat."""
    if not enrolled.is_new or not enrolled.emails:
        return []
    alerts = []
    if enrolled.segment is Segment.CRITICAL:
        red_systems = enrolled.row.variables.get("red_systems")
        alerts.append(
            Alert(
                headline="Hot lead: a contact in the segment CRITICAL has started a sequence.",
                title=RULES[request.sequence].title,
                at=now,
                fields={
                    "Email": enrolled.row.address,
                    "Segment": enrolled.segment.value,
                    "Red systems": "unknown"
                    if red_systems is None
                    else f"{red_systems:g}"
                    if not isinstance(red_systems, str)
                    else red_systems,
                },
                colour=RED,
            )
        )
    if enrolled.template_problems:
        alerts.append(
            Alert(
                headline="Templates block emails of a sequence that has started. Repair them before they are due.",
                title=RULES[request.sequence].title,
                at=now,
                text="\n".join(enrolled.template_problems),
            )
        )
    return alerts


def failure(flow_id: str, execution_id: str, link: str, logs: Iterable[Mapping[str, Any]], now: datetime) -> Alert:
    """The alert of one failed execution: the flow, what went wrong, a link.

    Args:
        flow_id: Kestra's.
        execution_id: Kestra's.
        link: To the execution in Kestra's UI.
        logs: Kestra's ``errorLogs()``.
        now: Aware UTC.
    """
    lines = [str(entry.get("message") or "").strip() for entry in logs]
    told = list(dict.fromkeys(line for line in lines if line and not line.startswith(_NOISE)))
    return Alert(
        headline=f"The flow {flow_id} has failed.",
        title=f"Execution {execution_id}",
        at=now,
        text="\n".join([*told[-_MOST_LINES:], "", f"Open: {link}"]),
        colour=RED,
    )


def post_all(url: str, alerts: Sequence[Alert]) -> int:
    """Post alerts one after the other; a repeat posts them again.

    Returns:
        How many Discord has taken.
    """
    return sum(post(url, alert) for alert in alerts)


def dump(alerts: list[Alert]) -> bytes:
    """JSON of alerts, for the task that posts them."""
    return _adapter().dump_json(alerts)


def load(content: bytes) -> list[Alert]:
    """Read what ``dump`` has written."""
    return _adapter().validate_json(content)


@cache
def _adapter() -> "TypeAdapter[list[Alert]]":
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(list[Alert])
