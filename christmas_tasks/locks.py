"""One task at a time for each address: Notion has no unique constraint, so looking and creating must not interleave.

The lock is the operating system's: a killed task frees it at once, and an orphaned one that goes on still holds it. It
covers all workers that share the folder.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUCKET_DIGITS = 3  # 4,096 files at most, with no address in their names


class FolderLocks:
    """Locks as files of one folder.

    Args:
        folder: Made when first needed; on storage that all workers share.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, address: str) -> Iterator[None]:
        """Wait for *address*, and keep it for the block. Not for nesting."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        bucket = hashlib.sha256(address.encode()).hexdigest()[:_BUCKET_DIGITS]
        handle = os.open(self._folder / f"{bucket}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
