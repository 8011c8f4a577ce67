"""CPU and memory of processes, as the system counts them."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """CPU seconds, user and system.

    Args:
        own: Of the engine's processes themselves.
        tasks: Of the processes that they have started and that have ended.
    """

    own: float
    tasks: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.own - before.own, self.tasks - before.tasks)


def cpu_of(pids: Sequence[int]) -> Cpu:
    """Read the CPU seconds of processes and of their ended children."""
    own = tasks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        own += sum(map(int, fields[11:13]))
        tasks += sum(map(int, fields[13:15]))
    return Cpu(own / _TICKS, tasks / _TICKS)


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
