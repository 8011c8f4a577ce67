"""A few numbers that the tasks of all workers change in turns: one JSON file behind the operating system's lock."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
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

        A killed task frees the lock at once. What is kept here may be forgotten: a file that can't be opened, read or
        written (a full disk, another owner, a crash while writing) counts as empty, and stops nobody.
        """
        file = self._opened()
        if file is None:
            yield {}
            return
        with file:
            content = _object(file)
            yield content
            with suppress(OSError):
                file.seek(0)
                # Overwritten before it is cut: a full disk has no room for a file that gave up its own.
                file.truncate(file.write(json.dumps(content, separators=(",", ":")).encode()))

    def _opened(self) -> FileIO | None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = FileIO(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600), "r+")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            file.close()
            return None
        return file


def _object(file: FileIO) -> dict[str, Any]:
    try:
        found = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
