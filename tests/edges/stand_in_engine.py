"""A process that starts tasks as the engine does, without an engine, and a vendor that is slow to answer them."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.processes import fork_server_of, forked_for
from christmas_tasks.settings import REQUIRED_SECRETS

SECRET = "a-secret-that-only-tasks-may-know"
PATIENCE_S = 120.0
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
# What a flow holds.
SCRIPT = "from christmas_tasks.flow_tasks import run\nrun({task!r})\n"
# The same where a task can't run by itself: what comes out has come from a forked process.
ONLY_FORKED = f"""
import sys
from christmas_tasks.flow_tasks import start
sys.modules["christmas_tasks.flow_tasks.entry"] = None
start._PATIENCE_S = {PATIENCE_S}
{SCRIPT}"""
# A process that is called what the engine's is, and starts tasks as the engine does: it reads lines of JSON.
ENGINE = """
import json, subprocess, sys
tasks = {}
for line in sys.stdin:
    order = json.loads(line)
    if "end_of" in order:
        answer = tasks.pop(order["end_of"]).wait()
    else:
        with open(order["out"], "wb") as out:
            task = subprocess.Popen(order["command"], cwd=order["cwd"], env=order["env"], stdout=out, stderr=out)
        answer, tasks[task.pid] = task.pid, task
    print(answer, flush=True)
"""


class Engine:
    """Starts tasks.

    Args:
        folder: A folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        java = folder / "java"
        java.symlink_to(Path(sys.executable).resolve())
        self.process = subprocess.Popen([java, "-c", ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start(self, task: str, shell: str = "exec {}", script: str = ONLY_FORKED, /, **environ: str) -> int:
        """The process of a task."""
        cwd = self.folder / f"task-{len(list(self.folder.glob('task-*')))}"
        cwd.mkdir()
        (cwd / "script.py").write_text(script.format(task=task))
        (cwd / "emails.b64").write_text("W10=")
        command = ["/bin/sh", "-c", shell.format(f"{sys.executable} script.py")]
        env = {"LANG": "C.UTF-8", "CHRISTMAS_CACHE_DIR": str(self.folder / "cache"), **environ}
        return self._order(command=command, cwd=str(cwd), env=env, out=str(cwd / "out"))

    def end_of(self, process: int) -> int:
        """Wait for a task; its exit code, negative if a signal has ended it."""
        return self._order(end_of=process)

    def run(self, task: str, script: str = ONLY_FORKED, /, **environ: str) -> tuple[int, list[Any]]:
        """The exit code of a task, and the lines that it tells Kestra, without what differs from time to time."""
        code = self.end_of(self.start(task, "exec {}", script, **environ))
        return code, [_without_times(json.loads(line[2:-2])) for line in self.output().splitlines()]

    def output_file(self) -> Path:
        """Where the last task writes."""
        *_, last = sorted(self.folder.glob("task-*"), key=lambda folder: int(folder.name.partition("-")[2]))
        return last / "out"

    def output(self) -> str:
        """What the last task has written."""
        return self.output_file().read_text()

    def fork_server(self) -> int | None:
        """The process of the fork server."""
        return fork_server_of(self.process.pid)

    def forked(self) -> list[int]:
        """The processes of the tasks that the fork server runs right now."""
        return forked_for(self.process.pid)

    def wait_until_it_forks(self) -> None:
        """However long the fork server takes to load."""
        wait_for(lambda: self.end_of(self.start("schedule")) == 0)

    def close(self) -> None:
        """End the engine; its fork server ends by itself."""
        self.process.kill()
        self.process.communicate()

    def _order(self, **order: object) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


class SilentVendor:
    """Takes a call, and answers when it is told to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self._calls: list[socket.socket] = []
        self.settings = {
            **dict.fromkeys(REQUIRED_SECRETS, SECRET),
            "NOTION_BASE_URL": f"http://127.0.0.1:{self._listener.getsockname()[1]}",
            "NOTION_CALLS_PER_SECOND": "1000",
            "ENROLMENT": "a" * 32,
            "ROW": "b" * 32,
            "EMAIL_NUMBER": "1",
        }

    def next_call(self) -> socket.socket:
        """Wait until a task is in the middle of a call."""
        connection, _ = self._listener.accept()
        self._calls.append(connection)
        connection.settimeout(PATIENCE_S)
        assert b"\r\n\r\n" in connection.recv(1 << 16)
        return connection

    def close(self) -> None:
        """Take no more calls, and leave those that wait."""
        for connection in (self._listener, *self._calls):
            connection.close()


def wait_for(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def _without_times(message: dict[str, Any]) -> dict[str, Any]:
    for metric in message.get("metrics", ()):
        metric.pop("value")
    for log in message.get("logs", ()):
        log["message"] = log["message"].partition(" - ")[2]
    return message
