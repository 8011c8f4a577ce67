"""A small cache on disk that the short-lived Python tasks of one machine share. No personal data, no secrets."""

import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


def default_folder() -> Path:
    """The user's cache folder, or one in the temporary folder that carries the user's number."""
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "christmas-tasks"
    home = Path.home()
    if os.access(home, os.W_OK):
        return home / ".cache" / "christmas-tasks"
    return Path(tempfile.gettempdir()) / f"christmas-tasks-{os.getuid()}"


class FileCache:
    """JSON values by name, each replaced as a whole; a cache that can't be read or written is just cold.

    Args:
        folder: Made when first written to, readable by its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, max_age_s: float) -> Any | None:  # noqa: ANN401 - whatever JSON was written
        """The value, or None if there is none, it is older than *max_age_s*, or another user wrote it."""
        path = self._folder / f"{name}.json"
        try:
            found = path.stat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime > max_age_s:
                return None
            return json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, name: str, value: object) -> None:
        """Replace the value in one step, so that a reader never sees half of it."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{name}-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(value, file)
            Path(temporary).replace(self._folder / f"{name}.json")
