"""What a Script task says to Kestra: outputs, log lines and metrics, each one JSON line between double colons.

The same lines as the ``kestra`` package prints (a test compares them). Importing that package takes 0.15 s of CPU, for
``requests`` and an Ion reader that no task uses, in each task that finds no fork server.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much a line of the log matters, as Kestra spells it."""

    INFO = "INFO"
    WARNING = "WARN"
    ERROR = "ERROR"


def emit(outputs: Mapping[str, Any]) -> None:
    """Hand *outputs* to later tasks, as ``outputs.<task>.vars``."""
    _tell({"outputs": dict(outputs)})


def say(level: Level, line: str) -> None:
    """Write one line into the execution's log.

    Args:
        level: Errors are what an alert quotes.
        line: Without text of other people.
    """
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"logs": [{"level": level.value, "message": f"{at} - {line}"}]}
    _tell(content, sys.stdout if level is Level.INFO else sys.stderr)


def counter(name: str, value: int, tags: Mapping[str, str]) -> None:
    """Count *value* more of something; Kestra's dashboards sum it up."""
    _metric(name, "counter", value, tags)


def timer(name: str, seconds: float, tags: Mapping[str, str]) -> None:
    """Report how long something took. Kestra reads a number as seconds, and keeps milliseconds."""
    _metric(name, "timer", float(seconds), tags)


def _metric(name: str, kind: str, value: float, tags: Mapping[str, str]) -> None:
    _tell({"metrics": [{"name": name, "type": kind, "value": value, "tags": dict(tags)}]})


def _tell(message: Mapping[str, Any], stream: Any = None) -> None:  # noqa: ANN401 - a text stream
    # At once: Kestra's order of lines is that of writing, and an unforeseen end loses nothing.
    print("::" + json.dumps(message) + "::", file=stream or sys.stdout, flush=True)
