"""A task that the fork server runs is the same task: what Kestra sees of it, and what becomes of it under kills."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.flow_tasks import fork_server, start
from christmas_tasks.settings import REQUIRED_SECRETS
from tests.edges.conftest import task_settings
from tests.edges.stand_in_engine import ONLY_FORKED, PATIENCE_S, REFUSED, SCRIPT, SECRET, Engine, SilentVendor, wait_for


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """One that has run no task yet."""
    engine = Engine(tmp_path)
    yield engine
    engine.close()
    wait_for(lambda: not engine.fork_server())


@pytest.fixture
def warm(engine: Engine) -> Engine:
    """One whose fork server is there, started by a task that knows the secrets."""
    engine.run("schedule", SCRIPT, **dict.fromkeys(REQUIRED_SECRETS, SECRET))
    engine.wait_until_it_forks()
    return engine


@pytest.fixture
def vendor() -> Iterator[SilentVendor]:
    """A Notion that is slow to answer."""
    vendor = SilentVendor()
    yield vendor
    vendor.close()


@pytest.mark.parametrize(("task", "code"), [("schedule", 0), ("prepare", 0), ("send", 1)])
def test_a_forked_task_tells_kestra_what_any_other_does(engine: Engine, task: str, code: int) -> None:
    """Done, refused by its settings, and ended by a mistake of the library: a file that is not there."""
    alone = engine.run(task, SCRIPT, EMAIL_NUMBER="1")
    assert alone[0] == code
    engine.wait_until_it_forks()
    assert engine.run(task, EMAIL_NUMBER="1") == alone


def test_a_forked_task_is_found_behind_a_shell_and_has_all_that_is_its_own(warm: Engine, vendor: SilentVendor) -> None:
    """Its settings, however long they are, its folder, and its mask."""
    task = warm.start("prepare", "umask 027\n{}\ntrue", **vendor.settings, ONE="x" * 120_000, TWO="y" * 120_000)
    call = vendor.next_call()
    (forked,) = warm.forked()
    assert "Umask:\t0027" in Path(f"/proc/{forked}/status").read_text()
    assert Path(f"/proc/{forked}/cwd").readlink() == Path(f"/proc/{task}/cwd").readlink()
    call.sendall(REFUSED)
    assert warm.end_of(task) == 0
    assert "NOTION_TOKEN" in warm.output()


def test_the_fork_server_is_started_without_secrets(warm: Engine) -> None:
    """It would hand them on to all tasks, and show them to whoever may read /proc."""
    assert SECRET not in Path(f"/proc/{warm.fork_server()}/environ").read_text()


def test_the_fork_server_belongs_to_no_task(engine: Engine, vendor: SilentVendor) -> None:
    """Kestra kills a task with all that is below it: other executions' tasks must not be there."""
    first = engine.start("prepare", "exec {}", SCRIPT, **vendor.settings)
    vendor.next_call()
    above = wait_for(engine.fork_server)
    while above:
        assert above != first
        above = int(Path(f"/proc/{above}/stat").read_text().rpartition(")")[2].split()[1])
    # Where the kernel shares out the cores by session, priorities count only within one.
    assert os.getsid(engine.fork_server() or 0) == os.getsid(engine.process.pid)
    os.kill(first, signal.SIGKILL)
    engine.end_of(first)
    engine.wait_until_it_forks()


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
    assert warm.end_of(task) == 1
    assert "was killed" in warm.output()


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
    os.kill(warm.fork_server() or 0, signal.SIGKILL)
    wait_for(lambda: not warm.fork_server())
    assert warm.run("schedule", SCRIPT)[0] == 0
    warm.wait_until_it_forks()
    call.sendall(REFUSED)
    assert warm.end_of(task) == 0


def test_a_task_does_not_wait_for_a_fork_server_that_stands_still(warm: Engine) -> None:
    """It runs by itself, once, and nobody else holds its output: Kestra reads that to its end before it goes on."""
    server = warm.fork_server() or 0
    os.kill(server, signal.SIGSTOP)
    try:
        assert warm.end_of(warm.start("schedule", "{} | timeout 60 cat", SCRIPT)) == 0
    finally:
        os.kill(server, signal.SIGCONT)
    output = warm.output_file()
    told = output.read_text()
    assert [message[:4] for message in told.splitlines()] == ['::{"'] * 2
    # Those that ask later are served later.
    warm.wait_until_it_forks()
    wait_for(lambda: not warm.forked())
    assert output.read_text() == told


def test_a_fork_server_that_can_load_nothing_turns_all_away(engine: Engine, tmp_path: Path) -> None:
    """Each task tells its own trouble, and not each starts one more server."""
    broken = {"SSL_CERT_FILE": str(tmp_path / "missing.pem")}
    told = engine.run("schedule", SCRIPT, **broken)
    server = wait_for(engine.fork_server)
    assert told[0] == 1
    for _ in range(3):
        assert engine.run("schedule", SCRIPT, **broken) == told
        assert engine.fork_server() == server


def test_the_fork_server_outlives_whoever_asks_for_nothing(warm: Engine) -> None:
    """A task that Kestra kills right there."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    prefix = f"@christmas-tasks/{os.getuid()}/{warm.process.pid}/"
    (name,) = {line.split()[-1] for line in lines if prefix in line}
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(f"\0{name[1:]}")
        asking.shutdown(socket.SHUT_WR)
        asking.settimeout(PATIENCE_S)
        assert asking.recv(2, socket.MSG_WAITALL) == start.READY
    assert warm.run("schedule")[0] == 0


def test_a_task_without_input_runs_by_itself(warm: Engine) -> None:
    """Its connection would be taken for its input, and hold itself open."""
    assert warm.end_of(warm.start("schedule", "exec {} <&-", SCRIPT)) == 0
    assert warm.end_of(warm.start("schedule", "exec {} <&-", ONLY_FORKED)) == 1


def test_a_task_without_an_engine_above_it_runs_by_itself(tmp_path: Path) -> None:
    """By hand, say."""
    (tmp_path / "emails.b64").write_text("W10=")
    env = {"CHRISTMAS_CACHE_DIR": str(tmp_path)}
    code = SCRIPT.format(task="schedule")
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, check=True).stdout
    assert b'"fault": ""' in told


@pytest.mark.parametrize("step", ["_engine_above", "address_for", "_start_fork_server", "is_one_of_us", "_ask"])
def test_no_trouble_on_the_way_keeps_a_task_from_running(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old kernel, a container with few rights, an unusual Python: whatever it is, the task runs by itself."""
    met: list[str] = []

    def trouble(*_args: object) -> None:
        met.append(step)
        raise NotImplementedError

    def be_ready(server: socket.socket) -> None:
        with server.accept()[0] as connection:
            connection.sendall(start.READY)

    address = f"\0christmas-tasks/test/{os.getpid()}/{step}".encode()
    monkeypatch.setattr(start, "_engine_above", lambda: 1)
    monkeypatch.setattr(start, "address_for", lambda _: address)
    monkeypatch.setattr(start, step, trouble)
    with socket.socket(socket.AF_UNIX) as server:
        if step != "_start_fork_server":
            server.bind(address)
            server.listen()
        if step == "_ask":
            Thread(target=be_ready, args=(server,)).start()
        assert start._run_forked("schedule") is None
    assert met == [step]


def test_nobody_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the address first, on a machine with several users or in another container, gets no secrets."""
    address = f"\0christmas-tasks/test/{os.getpid()}".encode()
    monkeypatch.setattr(start, "_engine_above", lambda: 1)
    monkeypatch.setattr(start, "address_for", lambda _: address)
    monkeypatch.setattr(start, "is_one_of_us", lambda _: False)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        assert start._run_forked("schedule") is None
        with server.accept()[0] as asked:
            assert asked.recv(1) == b""


def test_nobody_else_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does anybody else have a task run."""
    monkeypatch.setattr(fork_server, "is_one_of_us", lambda _: False)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process for a stranger"))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as asking:
        server.bind("")
        server.listen()
        asking.connect(server.getsockname())
        fork_server._fork_for_the_next(server, -1)
        assert asking.recv(1) == b""


def test_one_of_us_has_our_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the kernel says of the other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert start.is_one_of_us(ours)
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
        assert not start.is_one_of_us(ours)


def test_the_address_changes_with_all_that_a_server_has_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not the newest, packages, what Python reads early; and with nothing else."""
    library, packages = tmp_path / "christmas_tasks", tmp_path / "site-packages"
    for folder in (library / "flow_tasks", library / "steps", packages):
        folder.mkdir(parents=True)
    for name, age_s in (("new.py", 0), ("old.py", 500)):
        (library / name).write_text("")
        os.utime(library / name, (time.time() - age_s, time.time() - age_s))
    monkeypatch.setattr(start, "__file__", str(library / "flow_tasks" / "start.py"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(packages)])
    seen = [start.address_for(1)]
    monkeypatch.setenv("NOTION_TOKEN", "of one task alone")
    (tmp_path / "mail.b64").write_text("of one task alone")
    assert start.address_for(1) == seen[0]
    os.utime(library / "old.py", (time.time() - 400, time.time() - 400))
    seen.append(start.address_for(1))
    (packages / "new").mkdir()
    os.utime(packages, (time.time() + 9, time.time() + 9))
    seen.append(start.address_for(1))
    monkeypatch.setenv("OPENSSL_CONF", "/etc/ssl/openssl.cnf")
    seen += [start.address_for(1), start.address_for(2)]
    assert len(set(seen)) == len(seen)


def test_a_server_that_nobody_asks_any_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is no longer what is installed: its address is another one than theirs."""
    asked: list[int] = []

    def address_for(engine: int) -> bytes:
        asked.append(engine)
        return name if len(asked) < 3 else b"another"

    name = f"\0christmas-tasks/test/{os.getpid()}/old".encode()
    monkeypatch.setattr(fork_server, "_STILL_ASKED_MS", 1)
    monkeypatch.setattr(fork_server, "_has_children", lambda: False)
    monkeypatch.setattr(fork_server, "address_for", address_for)
    engine, never = socket.socketpair()
    with socket.socket(socket.AF_UNIX) as listener, engine, never:
        listener.bind(name)
        listener.listen()
        fork_server._serve(7, listener, never.fileno())
    assert asked == [7, 7, 7]


def test_a_server_that_could_load_nothing_makes_room_for_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was may have passed."""

    def trouble() -> None:
        raise MemoryError

    monkeypatch.setattr(fork_server, "_UNTIL_ANOTHER_TRIES_S", 0.2)
    monkeypatch.setattr(fork_server, "_has_children", lambda: False)
    monkeypatch.setattr(fork_server, "load", trouble)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as asking:
        listener.bind("")
        listener.listen()
        asking.connect(listener.getsockname())
        ours, theirs = socket.socketpair()
        with ours, theirs:
            fork_server.main(1, listener, ours.fileno())
        assert asking.recv(1) == b""
        assert listener.fileno() == -1


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
print(sorted(set(sys.modules) - before))
"""


def test_a_forked_task_loads_nothing_any_more(sandbox: SandboxHandle, tmp_path: Path) -> None:
    """What the fork server leaves out, each of thousands of tasks would load again."""
    body = json.dumps({"email": "ann@example.org", "red_systems": 2, "orange_systems": 0}).encode()
    (tmp_path / "payload.b64").write_bytes(base64.b64encode(body))
    environ = {
        **task_settings(sandbox, tmp_path / "cache"),
        "EXECUTION_ID": "first",
        "RECEIVED_AT": (datetime.now(UTC) - timedelta(hours=25)).isoformat(),
    }
    command = [sys.executable, "-c", LATE, json.dumps(environ)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.stdout.splitlines()[-1:] == ["[]"], told.stderr
