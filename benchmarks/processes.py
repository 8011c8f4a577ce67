"""CPU and memory of processes, as the system counts them."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from christmas_tasks.flow_tasks import fork_server

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """CPU seconds, user and system.

    Args:
        own: Of the engine's processes themselves.
        tasks: Of their fork servers, and of the processes that all of them have started and that have ended.
    """

    own: float
    tasks: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.own - before.own, self.tasks - before.tasks)


def cpu_of(pids: Sequence[int]) -> Cpu:
    """Read the CPU seconds of the engine's processes, of their fork servers, and of the ended children of both."""
    engines = [_cpu_ticks(pid) for pid in pids]
    servers = [_cpu_ticks(server) for pid in pids if (server := fork_server_of(pid))]
    own = sum(of_itself for of_itself, _ in engines)
    tasks = sum(of_children for _, of_children in engines) + sum(map(sum, servers))
    return Cpu(own / _TICKS, tasks / _TICKS)


def _cpu_ticks(pid: int) -> tuple[int, int]:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))


def fork_server_of(engine: int) -> int | None:
    """The fork server that the tasks of one of the engine's processes have started."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                # Those that it has forked look alike, but are in its group.
                is_first = os.getpgid(int(folder.name)) == int(folder.name)
                name, of = fork_server.__name__.encode(), str(engine).encode()
                if name in words and words[words.index(name) + 1] == of and is_first:
                    return int(folder.name)
    return None


def forked_for(engine: int) -> list[int]:
    """The forked processes that do the tasks of one of the engine's processes right now."""
    server = fork_server_of(engine)
    if server is None:
        return []
    try:
        children = Path(f"/proc/{server}/task/{server}/children").read_text("utf-8").split()
    except OSError:
        return []
    return [int(pid) for pid in children if _is_alive(int(pid))]


def _is_alive(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def rss_mib(pid: int) -> float:
    """Read the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def cpu_of_python(code: str, env: Mapping[str, str]) -> float:
    """Run one Python process to its end and give its CPU seconds.

    Raises:
        CalledProcessError: It failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=dict(env), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
