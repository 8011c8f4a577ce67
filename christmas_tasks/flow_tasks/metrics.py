"""What the tasks count for Kestra's dashboards. Tags are closed sets: never a person, never an enrolment."""

from collections.abc import Iterable
from datetime import timedelta

from christmas_tasks.flow_tasks.protocol import counter, timer
from christmas_tasks.sequences import sequence_of


def email(enrolment_key: str, number: int, state: str) -> None:
    """One email number has reached a state: scheduled, sent, skipped, failed or unresolved."""
    tags = {"sequence": sequence_of(enrolment_key), "number": str(number)}
    counter("emails", 1, {**tags, "state": state})
    # Kestra's dashboards can group by a metric's name, and by none of its tags.
    counter(f"emails_{state}", 1, tags)


def enrolment(sequence: str, segment: str, *, is_new: bool) -> None:
    """One lead has been enrolled, or came again."""
    outcome = "started" if is_new else "repeated"
    counter("enrolments", 1, {"sequence": sequence, "segment": segment, "outcome": outcome})


def lateness(enrolment_key: str, late: timedelta) -> None:
    """How long after its planned time an email was accepted."""
    timer("lateness_seconds", max(0.0, late.total_seconds()), {"sequence": sequence_of(enrolment_key)})


def reconciled(missing: int, findings: int) -> None:
    """What reconcile has found."""
    counter("reconcile_findings", missing, {"kind": "missing"})
    counter("reconcile_findings", findings, {"kind": "finding"})


def task(name: str, seconds: float, calls: Iterable[tuple[str, int]]) -> None:
    """What one task has taken.

    Args:
        name: Of the task.
        seconds: By the wall clock.
        calls: Vendor and number of calls.
    """
    timer("task_seconds", seconds, {"task": name})
    for vendor, count in calls:
        if count:
            counter("vendor_calls", count, {"vendor": vendor.lower()})
