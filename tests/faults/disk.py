"""A disk that can be made full."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_SIZE = "4g"
_CHUNK = 1 << 20


class Disk(Protocol):
    """Where the engine keeps its state."""

    name: str

    def fill(self, pids: list[int]) -> None:
        """Let every write that needs more room fail from now on."""
        ...

    def free(self) -> None:
        """Give the room back."""
        ...


class SmallDisk:
    """A file system of its own that is really full: ENOSPC, for the engine and all its tasks. Needs root."""

    name = "tmpfs"

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, pids: list[int]) -> None:
        del pids
        with self._ballast.open("wb") as file:
            # Rather reserve than write: gigabytes of zeros would take the memory that everybody shares.
            free = os.statvfs(file.fileno())
            left = free.f_bavail * free.f_frsize
            while left > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), max(1, left))
                except OSError:
                    left //= 2
                else:
                    file.flush()
                    free = os.statvfs(file.fileno())
                    left = free.f_bavail * free.f_frsize

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


class FileLimit:
    """No file of the engine and its tasks may grow: EFBIG, by RLIMIT_FSIZE of the running processes. Needs no root."""

    name = "file size limit"

    def __init__(self) -> None:
        self._limited: list[int] = []

    def fill(self, pids: list[int]) -> None:
        self._limited = pids
        self._limit(0)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for pid in self._limited:
            try:
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if size == 0 else hard, hard))
            except ProcessLookupError:
                continue


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk at *folder* that can be made full: a file system of its own for root, a limit for everybody else."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield FileLimit()
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)  # noqa: S607 - where root's PATH has it
