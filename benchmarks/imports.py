"""What importing the library costs above a bare interpreter, and where the CPU of a task's start goes."""

import statistics
import subprocess
import sys
import time

from benchmarks.figures import Figure, Result, at_most
from benchmarks.options import Options
from benchmarks.processes import cpu_of_python

_BAR_MS = 150.0
_LIBRARY = "christmas_tasks.flow_tasks.emails"
_CODES = {
    "bare": "pass",
    "christmas_tasks.steps.sending": "import christmas_tasks.steps.sending",
    _LIBRARY: f"import {_LIBRARY}",
}
# As a task makes them, see `christmas_tasks.flow_tasks.entry`: httpx without its own command.
_LIGHTLY = f"import sys; sys.modules['httpx._main'] = None; import {_LIBRARY}; "
_CLIENTS = {
    "Notion's client, imported and made": f"{_LIGHTLY}import notion_client; notion_client.Client(auth='none')",
    "Resend's SDK, imported": f"{_LIGHTLY}import resend",
}


def imports(options: Options) -> Result:
    """Start interpreters in turns, so that a busy moment of the machine meets all of them alike."""
    codes = {**_CODES, **_CLIENTS}
    wall: dict[str, list[float]] = {name: [] for name in codes}
    cpu: dict[str, list[float]] = {name: [] for name in codes}
    for code in codes.values():
        subprocess.run([sys.executable, "-c", code], check=True)
    for _ in range(options.interpreters):
        for name, code in codes.items():
            began = time.perf_counter()
            cpu[name].append(1_000 * cpu_of_python(code, {}))
            wall[name].append(1_000 * (time.perf_counter() - began))
    figures: list[Figure] = []
    for name in list(_CODES)[1:]:
        for kind, times in (("wall", wall), ("CPU", cpu)):
            bare, whole = statistics.median(times["bare"]), statistics.median(times[name])
            peer = f"bare interpreter {bare:.0f} ms"
            figures.append(at_most(f"import of {name}, more than bare, {kind} ms", whole - bare, _BAR_MS, peer, " ms"))
    library = statistics.median(cpu[_LIBRARY])
    for client in _CLIENTS:
        more = statistics.median(cpu[client]) - library
        figures.append(
            Figure(f"{client}, more than the library, CPU ms", more, f"interpreter and library {library:.0f} ms")
        )
    return Result("imports", f"median of {options.interpreters} interpreters each, in turns", figures)
