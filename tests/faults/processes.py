"""Which tasks run below a process of the engine: read from /proc, as an operator's ``ps`` does."""

from collections import defaultdict
from pathlib import Path


def tasks_of(pid: int) -> list[list[int]]:
    """The tasks that a process of the engine runs right now, each with all processes that belong to it."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (parent := _parent(folder)):
            children[parent].append(int(folder.name))

    def family(process: int) -> list[int]:
        return [process, *(one for child in children[process] for one in family(child))]

    return [family(task) for task in children[pid]]


def _parent(folder: Path) -> int:
    try:
        # The name in parentheses may itself hold blanks and parentheses.
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
