"""The light half of a task's start: it asks the engine's fork server for a ready process, and waits for its end.

Loading the library and its clients takes 0.4 s of CPU, most of what a task needs, and an email has three tasks. So one
process below each engine loads all that once (``fork_server``) and forks for each task. What Kestra has started stays
the task to Kestra: its output, its exit code, its end if it is killed. Without a fork server, for whatever reason, the
task runs right here, as it would on any other machine.

Only what costs next to nothing is imported here: hence ``_socket``, which ``socket`` wraps in 20 ms of CPU.
"""

import _socket
import os
import sys

TAKEN = b"\x06"
"""What a forked process answers before it begins. A task without this answer has not begun."""

_PATIENCE_S = 5.0
_KILLED = 137
_ENGINE = b"java"


def run(name: str) -> None:
    """Do one task of a flow, and end the process.

    Args:
        name: A name of ``entry.TASKS``.

    Exits with 0, or with 1 after one readable line for each thing that is wrong.
    """
    code = _run_forked(name)
    if code is not None:
        sys.exit(code)
    # What follows is heavy, and the very thing that a fork server has loaded already.
    from christmas_tasks.flow_tasks import entry  # noqa: PLC0415

    entry.run(name)


def peer_is_me(connection: _socket.socket) -> bool:
    """Whether the process at the other end is one of this user's: a task's secrets stay with that user."""
    pid_uid_gid = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(pid_uid_gid[4:8], sys.byteorder) == os.getuid()


def _run_forked(name: str) -> int | None:
    """The exit code of the task; None if it has not begun."""
    engine = _engine_above()
    if engine is None:
        return None
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        if not _is_taken(connection, engine, name):
            return None
        connection.settimeout(None)
        code = connection.recv(1)
    finally:
        connection.close()
    return code[0] if code else _KILLED


def _is_taken(connection: _socket.socket, engine: int, name: str) -> bool:
    """Whether a forked process does the task. A task must run, with help or without, so no trouble here counts."""
    connection.settimeout(_PATIENCE_S)
    try:
        address = _address(engine)
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            _start_fork_server(engine, address)
            return False
        if not peer_is_me(connection):
            return False
        _ask(connection, name)
        return connection.recv(1) == TAKEN
    except OSError:
        return False


def _ask(connection: _socket.socket, name: str) -> None:
    message = b"\0".join([name.encode(), *(b"%b=%b" % setting for setting in os.environb.items())])
    folder = os.open(".", os.O_RDONLY)
    handed_over = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2, folder))
    try:
        sent = connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handed_over)])
    finally:
        os.close(folder)
    connection.sendall(message[sent:])
    connection.shutdown(_socket.SHUT_WR)


def _engine_above() -> int | None:
    """The process of the engine that has started this one, be it through a shell; None if there is none."""
    if sys.platform != "linux":
        return None
    pid = os.getppid()
    while pid > 0:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs its import
                start, _, end = file.read().rpartition(b")")
        except OSError:
            return None
        if start.partition(b"(")[2] == _ENGINE:
            return pid
        pid = int(end.split()[1])
    return None


def _address(engine: int) -> bytes:
    """Where the fork server of an engine listens: a name without a file, which is free again as soon as it ends.

    It names whatever the server's answer depends on: user, engine, container, Python, and the state of the code, so
    that a task never runs on older code than what is installed.
    """
    container = os.stat("/proc/self/ns/mnt").st_ino  # noqa: PTH116 - pathlib costs its import
    python = os.stat(sys.prefix).st_ino  # noqa: PTH116
    parts = (os.getuid(), engine, container, python, _newest_code_ns())
    return b"\0christmas-tasks/" + "-".join(f"{part:x}" for part in parts).encode()


def _newest_code_ns() -> int:
    library = __file__.rpartition("/flow_tasks/")[0]
    # The first is the task's own folder.
    newest = max((os.stat(folder).st_mtime_ns for folder in sys.path[1:] if os.path.isdir(folder)), default=0)  # noqa: PTH112,PTH116
    for folder in (library, f"{library}/flow_tasks", f"{library}/steps"):
        with os.scandir(folder) as entries:
            newest = max(newest, *(entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".py")))
    return newest


def _start_fork_server(engine: int, address: bytes) -> None:
    # Without the task's settings and secrets: each task brings its own.
    environ = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PYTHON", "SSL_CERT_", "LD_", "LC_", "LANG"))
    }
    command = [sys.executable, "-P", "-X", "utf8", "-m", "christmas_tasks.flow_tasks.fork_server", str(engine)]
    silent = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    os.posix_spawn(command[0], [*command, address[1:].decode()], environ, file_actions=silent, setsid=True)
