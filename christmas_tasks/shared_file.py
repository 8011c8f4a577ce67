"""A few numbers that the tasks of all workers change in turns: one JSON file behind the operating system's lock."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class SharedFile:
    """A JSON object in a file.

    Args:
        path: On storage that all workers share; its folder is made when first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def locked(self) -> Iterator[dict[str, Any]]:
        """The object, for this task alone; what the block has changed is written at its end.

        A killed task frees the lock at once. Content that can't be read (a full disk, a crash while writing) counts as
        empty: what is kept here may be forgotten.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = _object(file.read())
            yield content
            file.seek(0)
            file.truncate()
            json.dump(content, file, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
