"""A task that the fork server runs is the same task: what Kestra sees of it, and what becomes of it under kills."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN, DEFAULT_RESEND_API_KEY
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.flow_tasks import fork_server, start
from christmas_tasks.settings import REQUIRED_SECRETS
from tests.edges.conftest import DATABASES

SECRET = "a-secret-that-only-tasks-may-know"
PATIENCE_S = 30.0
# How /proc/net/unix marks a socket that takes connections.
LISTENS = " 00010000 "
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
# What a flow holds.
SCRIPT = "from christmas_tasks.flow_tasks import run\nrun({task!r})\n"
SHELL = "exec {}"
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

    def start(self, task: str, shell: str = SHELL, /, **environ: str) -> int:
        """The process of a task."""
        cwd = self.folder / f"task-{len(list(self.folder.glob('task-*')))}"
        cwd.mkdir()
        (cwd / "script.py").write_text(SCRIPT.format(task=task))
        (cwd / "emails.b64").write_text("W10=")
        command = ["/bin/sh", "-c", shell.format(f"{sys.executable} script.py")]
        env = {"LANG": "C.UTF-8", "CHRISTMAS_CACHE_DIR": str(self.folder / "cache"), **environ}
        return self._order(command=command, cwd=str(cwd), env=env, out=str(cwd / "out"))

    def end_of(self, process: int) -> int:
        """Wait for a task; its exit code, negative if a signal has ended it."""
        return self._order(end_of=process)

    def run(self, task: str, **environ: str) -> tuple[int, list[Any]]:
        """The exit code of a task, and the lines that it tells Kestra, without what differs from time to time."""
        code = self.end_of(self.start(task, **environ))
        return code, [_without_times(json.loads(line[2:-2])) for line in self.output().splitlines()]

    def output(self) -> str:
        """What the last task has written."""
        *_, last = sorted(self.folder.glob("task-*"), key=lambda folder: int(folder.name.partition("-")[2]))
        return (last / "out").read_text()

    def fork_server(self) -> int:
        """The process of the fork server that listens for this engine; 0 if there is none."""
        name = f"@christmas-tasks/{os.getuid():x}-{self.process.pid:x}-"
        if not any(name in line and LISTENS in line for line in Path("/proc/net/unix").read_text().splitlines()):
            return 0
        for folder in Path("/proc").iterdir():
            words = _words(folder) if folder.name.isdigit() else []
            # Those that it has forked look alike, but for the session.
            if (
                str(self.process.pid) in words
                and fork_server.__name__ in words
                and os.getsid(int(folder.name)) == int(folder.name)
            ):
                return int(folder.name)
        return 0

    def forked(self) -> list[int]:
        """The processes of the tasks that the fork server runs right now."""
        server = self.fork_server()
        found = Path(f"/proc/{server}/task/{server}/children").read_text().split() if server else []
        return [int(pid) for pid in found if _words(Path(f"/proc/{pid}"))]

    def work_of_forked(self) -> int:
        """Grows with each forked task that has ended: its page faults, as the system counts them."""
        return int(Path(f"/proc/{self.fork_server()}/stat").read_text().rpartition(")")[2].split()[8])

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


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """One that has run no task yet."""
    engine = Engine(tmp_path)
    yield engine
    engine.close()
    wait_for(lambda: not engine.fork_server())


@pytest.fixture
def warm(engine: Engine) -> Engine:
    """One whose fork server is there."""
    engine.run("schedule")
    wait_for(engine.fork_server)
    return engine


@pytest.fixture
def vendor() -> Iterator[SilentVendor]:
    """A Notion that is slow to answer."""
    vendor = SilentVendor()
    yield vendor
    vendor.close()


def wait_for(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def _words(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def _without_times(message: dict[str, Any]) -> dict[str, Any]:
    for metric in message.get("metrics", ()):
        metric.pop("value")
    for log in message.get("logs", ()):
        log["message"] = log["message"].partition(" - ")[2]
    return message


@pytest.mark.parametrize("task", ["schedule", "prepare", "no_show"])
def test_a_forked_task_tells_kestra_what_any_other_does(engine: Engine, task: str) -> None:
    """Done, refused by its settings, and ended by a mistake of the library: a file that is not there."""
    alone = engine.run(task, EMAIL_NUMBER="1")
    wait_for(engine.fork_server)
    before = engine.work_of_forked()
    assert engine.run(task, EMAIL_NUMBER="1") == alone
    wait_for(lambda: engine.work_of_forked() > before)


def test_a_forked_task_is_found_behind_a_shell_and_holds_its_own_settings(warm: Engine, vendor: SilentVendor) -> None:
    """However long they are: Kestra hands over what it is given."""
    task = warm.start("prepare", "set -e\n{}\ntrue", **vendor.settings, LONG="x" * 120_000, OTHER="y" * 120_000)
    call = vendor.next_call()
    assert len(warm.forked()) == 1
    call.sendall(REFUSED)
    assert warm.end_of(task) == 0
    assert "NOTION_TOKEN" in warm.output()


def test_the_fork_server_knows_no_secret(warm: Engine, vendor: SilentVendor) -> None:
    """Neither that of the task which has started it, nor those of the tasks that it runs."""
    task = warm.start("prepare", **vendor.settings)
    call = vendor.next_call()
    server, (forked,) = warm.fork_server(), warm.forked()
    for process in (server, forked):
        assert SECRET not in Path(f"/proc/{process}/environ").read_text()
    call.close()
    os.kill(task, signal.SIGKILL)
    warm.end_of(task)


def test_a_forked_task_ends_with_the_process_that_kestra_has_killed(warm: Engine, vendor: SilentVendor) -> None:
    """A timeout, or a person's Kill: nothing goes on behind Kestra's back."""
    task = warm.start("prepare", **vendor.settings)
    call = vendor.next_call()
    os.kill(task, signal.SIGTERM)
    assert warm.end_of(task) == -signal.SIGTERM
    assert call.recv(1) == b""
    wait_for(lambda: not warm.forked())


def test_kestra_learns_that_a_forked_process_was_killed(warm: Engine, vendor: SilentVendor) -> None:
    """Then it repeats the task, as it would after the kill of any other process."""
    task = warm.start("prepare", **vendor.settings)
    vendor.next_call()
    os.kill(warm.forked()[0], signal.SIGKILL)
    assert warm.end_of(task) == 128 + signal.SIGKILL


def test_a_forked_task_outlives_its_server_and_the_engine(warm: Engine, vendor: SilentVendor) -> None:
    """As any task does: the engine runs it again later, which each step allows for."""
    warm.start("prepare", **vendor.settings)
    call = vendor.next_call()
    warm.close()
    wait_for(lambda: not warm.fork_server())
    call.sendall(REFUSED)
    wait_for(lambda: "task_seconds" in warm.output())
    assert "NOTION_TOKEN" in warm.output()


def test_tasks_go_on_when_the_fork_server_is_killed(warm: Engine, vendor: SilentVendor) -> None:
    """That which runs, and the next ones, the first of which starts a new server."""
    task = warm.start("prepare", **vendor.settings)
    call = vendor.next_call()
    os.kill(warm.fork_server(), signal.SIGKILL)
    assert warm.run("schedule")[0] == 0
    assert wait_for(warm.fork_server)
    call.sendall(REFUSED)
    assert warm.end_of(task) == 0


def test_a_task_does_not_wait_for_a_fork_server_that_stands_still(warm: Engine) -> None:
    """It runs by itself, once: the server drops the request when it comes to it."""
    server, before = warm.fork_server(), warm.work_of_forked()
    os.kill(server, signal.SIGSTOP)
    code, told = warm.run("schedule")
    assert (code, [kind for message in told for kind in message]) == (0, ["outputs", "metrics"])
    os.kill(server, signal.SIGCONT)
    wait_for(lambda: warm.work_of_forked() > before)
    assert len(warm.output().splitlines()) == len(told)


def test_a_task_without_an_engine_above_it_runs_by_itself(tmp_path: Path) -> None:
    """By hand, or on a machine without /proc."""
    (tmp_path / "emails.b64").write_text("W10=")
    env = {"CHRISTMAS_CACHE_DIR": str(tmp_path)}
    code = SCRIPT.format(task="schedule")
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, check=True).stdout
    assert b'"fault": ""' in told


def test_new_code_and_new_packages_have_an_address_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a server that has loaded the old ones is asked no more."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = start._address(1)
    assert start._address(1) == before
    later = time.time() + 60
    os.utime(tmp_path, (later, later))
    assert start._address(1) != before


def test_nobody_else_is_asked_or_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the address first, on a machine with several users, gets no secrets."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert start.peer_is_me(ours)
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
        assert not start.peer_is_me(ours)


LATE = """
import json, sys
from pathlib import Path
from christmas_tasks.flow_tasks import fork_server
fork_server.load()
before = set(sys.modules)
from christmas_tasks.flow_tasks import emails, handlers, watch
from christmas_tasks.flow_tasks.door import Door
environ = json.loads(sys.argv[1])
enrolled = handlers.assessment(Door(environ, Path.cwd()))
watch.alert(Door(environ, Path.cwd()))
email = {**environ, "ENROLMENT": enrolled["enrolment"], "ROW": enrolled["row"], "EMAIL_NUMBER": "2"}
sent = emails.send(Door({**email, **emails.prepare(Door(email, Path.cwd()))}, Path.cwd()))
emails.record(Door({**email, "RESEND_ID": sent["resend_id"], "ACCEPTED_AT": sent["accepted_at"]}, Path.cwd()))
own = ("christmas_tasks", "httpx", "httpcore", "pydantic", "jinja2", "notion_client", "resend", "email_validator")
print(sorted(name for name in set(sys.modules) - before if name.startswith(own)))
"""


def test_a_forked_task_loads_nothing_any_more(sandbox: SandboxHandle, tmp_path: Path) -> None:
    """What the fork server leaves out, each of thousands of tasks would load again."""
    body = json.dumps({"email": "ann@example.org", "red_systems": 2, "orange_systems": 0}).encode()
    (tmp_path / "payload.b64").write_bytes(base64.b64encode(body))
    environ = {
        **dict.fromkeys(REQUIRED_SECRETS, "a-key-of-its-own-that-is-long-enough"),
        "NOTION_TOKEN": DEFAULT_NOTION_TOKEN,
        "RESEND_API_KEY": DEFAULT_RESEND_API_KEY,
        "NOTION_BASE_URL": sandbox.url,
        "RESEND_API_URL": sandbox.url,
        "DISCORD_WEBHOOK_URL": f"{sandbox.url}/discord/webhooks/1/sandbox-discord-token",
        **{database.value: id_ for database, id_ in DATABASES.items()},
        "EMAIL_FROM": "Anna <anna@example.org>",
        "PUBLIC_URL": "https://flows.example.org",
        "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
        "CHRISTMAS_CACHE_DIR": str(tmp_path / "cache"),
        "EXECUTION_ID": "first",
        "RECEIVED_AT": (datetime.now(UTC) - timedelta(hours=25)).isoformat(),
    }
    command = [sys.executable, "-c", LATE, json.dumps(environ)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.stdout.splitlines()[-1:] == ["[]"], told.stderr
