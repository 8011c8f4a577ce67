"""What Kestra 2.0.0 asks of flows whose tasks are repeated (docs/ARCHITECTURE.md, Decisions)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

FLOWS = sorted((Path(__file__).parents[2] / "kestra" / "flows").rglob("*.yml"))


def sequences_of(flow: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Every list of tasks that Kestra runs one after the other."""
    for name in ("tasks", "errors", "finally", "afterExecution"):
        waiting = [flow.get(name) or []]
        while waiting:
            tasks = waiting.pop()
            yield tasks
            for task in tasks:
                members = task.get("tasks") or []
                waiting.extend([member] for member in members) if _is_parallel(task) else waiting.append(members)


def _is_parallel(task: dict[str, Any]) -> bool:
    return str(task["type"]).endswith(".Parallel")


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_repeated_task_is_the_first_of_its_group(path: Path) -> None:
    """One after another task would run twice when it is repeated, and its execution might end without its last task."""
    for tasks in sequences_of(yaml.safe_load(path.read_text("utf-8"))):
        assert [task["id"] for task in tasks[1:] if "retry" in task] == []


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_group_asks_nothing_and_ends_its_members_in_peace(path: Path) -> None:
    """A replay from a group does not ask its `runIf`; a member's failure must not interrupt the others."""
    for tasks in sequences_of(yaml.safe_load(path.read_text("utf-8"))):
        for group in (task for task in tasks if "tasks" in task):
            assert "runIf" not in group
            assert group.get("onChildFailure") == ("CONTINUE" if _is_parallel(group) else None)
