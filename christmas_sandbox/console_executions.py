"""Kestra's executions as the console page shows them: one line each, or opened with tasks and log. Pure."""

import re
from collections.abc import Iterable

from christmas_sandbox.wire import JsonObject

ENDED = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"})
FAULTY = ("FAILED", "KILLED")
# The log of such an end says why.
TELLING = frozenset({*FAULTY, "WARNING"})
_LOG_LINES = 300
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z - ")
_NOISE = ("io.kestra.", "Command failed with exit code", "Traceback (most recent call last)", " ")


def summary(execution: JsonObject) -> JsonObject:
    """Give what a list shows of an execution; `address` is empty where the execution does not hold it readably."""
    state = execution["state"]
    ran = [step["date"] for step in state["histories"] if step["state"] == "RUNNING"]
    labels = {label["key"]: str(label["value"]) for label in execution.get("labels") or ()}
    trigger = execution.get("trigger") or {}
    body = (trigger.get("variables") or {}).get("body")
    address = body.get("email") if isinstance(body, dict) else None
    number = labels.get("email", "")
    return {
        "id": execution["id"],
        "flow": execution["flowId"],
        "state": state["current"],
        # One that waited for its date was made long before it ran.
        "started_at": ran[0] if ran else state["startDate"],
        "ended_at": state.get("endDate") or (state["histories"][-1]["date"] if state["current"] in ENDED else None),
        "due_at": execution.get("scheduleDate"),
        "scheduled": str(trigger.get("type", "")).endswith(".Schedule"),
        "original_id": execution.get("originalId") or execution["id"],
        "sequence": labels.get("sequence", ""),
        "segment": labels.get("segment", ""),
        "enrolment": labels.get("enrolment", ""),
        "number": int(number) if number.isascii() and number.isdecimal() else None,
        "address": address.strip().lower() if isinstance(address, str) else "",
        "reason": "",
    }


def detail(execution: JsonObject, logs: list[JsonObject]) -> JsonObject:
    """Give what the page shows of an opened execution: its task runs and its log from INFO up."""
    return {
        **summary(execution),
        "reason": reason_in(logs) if execution["state"]["current"] in TELLING else "",
        "tasks": [
            {
                "id": run["id"],
                "task": run["taskId"],
                "state": run["state"]["current"],
                "started_at": run["state"]["startDate"],
                "attempts": len(run.get("attempts") or ()),
            }
            for run in execution.get("taskRunList") or ()
        ],
        "logs": [
            {
                "at": line["timestamp"],
                "level": line["level"],
                "task": line.get("taskId") or "",
                "text": _STAMP.sub("", line.get("message") or ""),
            }
            for line in logs[-_LOG_LINES:]
        ],
    }


def reason_in(logs: Iterable[JsonObject]) -> str:
    """Give the last line that says what went wrong: an error, else a warning, else nothing."""
    for level in ("ERROR", "WARN"):
        told = [
            _STAMP.sub("", line.get("message") or "")
            for line in logs
            # What the alert about a failure says is not why it failed.
            if line["level"] == level and not (line.get("taskId") or "").startswith("alert")
        ]
        told = [text.strip() for text in told if text.strip() and not text.startswith(_NOISE)]
        if told:
            return told[-1]
    return ""
