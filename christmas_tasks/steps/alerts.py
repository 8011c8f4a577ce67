"""What the people are told, and when: hot leads, failed executions, templates that block."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from christmas_tasks.discord import RED, Alert, post
from christmas_tasks.enrolments import EnrolmentRequest
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES
from christmas_tasks.steps.enrol import Enrolled

# Kestra's own lines around a failed script say nothing that the script's lines don't.
_NOISE = ("Command failed with exit code", "io.kestra.")
_MOST_LINES = 12
# The kestra package puts the time in front of each line.
_STAMP = re.compile(r"^\d{4}-\d{2}-\d{2}T[\d:.]+Z - ")


@dataclass(frozen=True)
class Written:
    """What a task has written down for the people.

    Args:
        by: The execution whose task it was: a replay of another one must not post it again.
        alerts: In order.
    """

    by: str
    alerts: tuple[Alert, ...]


def for_enrolment(enrolled: Enrolled, request: EnrolmentRequest, now: datetime) -> list[Alert]:
    """The alerts of a sequence that has just started (contract sections 4 and 9); none for a repeat."""
    if not enrolled.is_new or not enrolled.emails:
        return []
    alerts = []
    if enrolled.segment is Segment.CRITICAL:
        red_systems = enrolled.row.variables.get("red_systems", "unknown")
        alerts.append(
            Alert(
                headline="Hot lead: a contact in the segment CRITICAL has started a sequence.",
                title=RULES[request.sequence].title,
                at=now,
                fields={
                    "Email": enrolled.row.address,
                    "Segment": enrolled.segment.value,
                    "Red systems": str(red_systems),
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


def told(logs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """What went wrong, from Kestra's ``errorLogs()``: our own lines, each once, without Kestra's around them."""
    lines = (_STAMP.sub("", str(entry.get("message") or "")).strip() for entry in logs)
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith(_NOISE)))[-_MOST_LINES:]


def failure(flow_id: str, execution_id: str, link: str, lines: Iterable[str], now: datetime) -> Alert:
    """The alert of one failed execution: the flow, what went wrong, a link.

    Args:
        flow_id: Kestra's.
        execution_id: Kestra's.
        link: To the execution in Kestra's UI.
        lines: From ``told``.
        now: Aware UTC.
    """
    return Alert(
        headline=f"The flow {flow_id} has failed.",
        title=f"Execution {execution_id}",
        at=now,
        text="\n".join([*lines, "", f"Open: {link}"]),
        colour=RED,
    )


def for_findings(lines: Iterable[str], now: datetime) -> Alert:
    """What reconcile wants a person to look at."""
    return Alert(headline="Reconcile has found something to look at.", title="Findings", at=now, text="\n".join(lines))


def post_all(url: str, alerts: Sequence[Alert]) -> int:
    """Post alerts one after the other; a repeat posts them again.

    Returns:
        How many Discord has taken.
    """
    return sum(post(url, alert) for alert in alerts)
