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
import zlib

READY = b"\x05"
"""What a forked process says first. Whoever stands still without it is not handed a task's output to hold."""
TAKEN = b"\x06"
"""What it answers when it could begin."""
GO = b"\x07"
"""What it begins on. A task that has not said so has not begun elsewhere."""
LENGTH_BYTES = 4

_PATIENCE_S = 5.0
_BACKLOG = 128
_KILLED = 137
_ENGINE = b"java"
_STANDARD_FDS = (0, 1, 2)
# What Python and its libraries read before a task brings its own environment; no setting of the campaign is among them.
_READ_EARLY = ("PYTHON", "SSL", "OPENSSL_", "LD_", "LC_", "LANG", "GLIBC_", "MALLOC_")


def run(name: str) -> None:
    """Do one task of a flow.

    Args:
        name: A name of ``entry.TASKS``.

    Exits with 1 after one readable line for each thing that is wrong; returns if there is none.
    """
    code = _run_forked(name)
    if code is None:
        # What follows is heavy, and the very thing that a fork server has loaded already.
        from christmas_tasks.flow_tasks import entry  # noqa: PLC0415

        entry.run(name)
    elif code == _KILLED:
        sys.exit("The process of this task was killed: Kestra repeats it, or press Replay.")
    elif code:
        sys.exit(code)


def is_one_of_us(connection: _socket.socket) -> bool:
    """Whether the other end is a process of this user that can be seen from here: only such are given secrets."""
    pid_uid_gid = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    pid, uid = (int.from_bytes(pid_uid_gid[at : at + 4], sys.byteorder) for at in (0, 4))
    # A process that can't be seen from here, of another container on the same network, has the number 0.
    return pid > 0 and uid == os.getuid()


def address_for(engine: int) -> bytes:
    """Where the fork server of an engine listens: a name without a file, which is free again as soon as it ends.

    It stands for all that a fork server's work depends on: user, engine, container, Python, the environment that is
    read early, and the code. So a task never runs on other code than what is installed.
    """
    container, python = os.stat("/proc/self/ns/mnt"), os.stat(sys.prefix)  # noqa: PTH116 - pathlib costs its import
    depends_on = (container.st_ino, python.st_dev, python.st_ino, sorted(_read_early().items()), _code())
    digest = zlib.crc32(repr(depends_on).encode())
    return f"\0christmas-tasks/{os.getuid()}/{engine}/{digest:08x}".encode()


def _run_forked(name: str) -> int | None:
    """The exit code of the task; None if it has not begun."""
    try:
        engine = _engine_above()
        if engine is None or not all(map(_is_open, _STANDARD_FDS)):
            return None
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    except Exception:  # noqa: BLE001 - a task must run, with help or without
        return None
    try:
        return _end_of_task(connection) if _has_begun(connection, engine, name) else None
    finally:
        connection.close()


def _has_begun(connection: _socket.socket, engine: int, name: str) -> bool:
    """Whether a forked process does the task from now on."""
    connection.settimeout(_PATIENCE_S)
    try:
        address = address_for(engine)
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            _start_fork_server(engine, address)
            return False
        if not is_one_of_us(connection) or connection.recv(1) != READY:
            return False
        _ask(connection, name)
        if connection.recv(1) != TAKEN:
            return False
        connection.sendall(GO)
    except Exception:  # noqa: BLE001 - likewise
        return False
    return True


def _end_of_task(connection: _socket.socket) -> int:
    connection.settimeout(None)
    try:
        code = connection.recv(1)
    except OSError:
        code = b""
    return code[0] if code else _KILLED


def _ask(connection: _socket.socket, name: str) -> None:
    mask = os.umask(0)
    os.umask(mask)
    settings = (b"%b=%b" % setting for setting in os.environb.items())
    message = b"\0".join([name.encode(), b"%d" % mask, *settings])
    message = len(message).to_bytes(LENGTH_BYTES, "big") + message
    folder = os.open(".", os.O_RDONLY)
    try:
        handed_over = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (*_STANDARD_FDS, folder))
        sent = connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handed_over)])
    finally:
        os.close(folder)
    connection.sendall(message[sent:])


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _engine_above() -> int | None:
    """The process of the engine that has started this one, be it through a shell; None if there is none."""
    if sys.platform != "linux":
        return None
    pid = os.getppid()
    while pid > 0:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs its import
            start, _, end = file.read().rpartition(b")")
        if start.partition(b"(")[2] == _ENGINE:
            return pid
        pid = int(end.split()[1])
    return None


def _read_early() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_READ_EARLY)}


def _code() -> list[tuple[str, int, int]]:
    """What changes with the library's files, and whenever a package is installed, updated or removed."""
    library = __file__.rpartition("/flow_tasks/")[0]
    found = []
    for folder in (library, f"{library}/flow_tasks", f"{library}/steps"):
        with os.scandir(folder) as entries:
            files = [(entry.path, entry.stat()) for entry in entries if entry.name.endswith(".py")]
        found += [(path, seen.st_mtime_ns, seen.st_size) for path, seen in files]
    for folder in sys.path:
        if folder.endswith("-packages"):
            found.append((folder, os.stat(folder).st_mtime_ns, 0))  # noqa: PTH116 - pathlib costs its import
    return sorted(found)


def _start_fork_server(engine: int, address: bytes) -> None:
    """Start the one server of this engine, for the tasks to come. Who asks meanwhile waits for it."""
    engine_end = os.pidfd_open(engine)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        # Fails for all but the first of several tasks.
        listener.bind(address)
        listener.listen(_BACKLOG)
        _start_apart(listener.fileno(), engine_end, engine)
    finally:
        listener.close()
        os.close(engine_end)


def _start_apart(listener: int, engine_end: int, engine: int) -> None:
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    # Below neither this task nor any other: Kestra kills whatever a task has started, together with the task.
    try:
        if os.fork() == 0:
            _become_fork_server(listener, engine_end, engine)
    finally:
        os._exit(1)


def _become_fork_server(listener: int, engine_end: int, engine: int) -> None:
    os.setpgid(0, 0)
    silence = os.open(os.devnull, os.O_RDWR)
    for fd in _STANDARD_FDS:
        os.dup2(silence, fd)
    for fd in (listener, engine_end):
        os.set_inheritable(fd, True)
    module = "christmas_tasks.flow_tasks.fork_server"
    command = [sys.executable, "-P", "-X", "utf8", "-m", module, str(engine), str(listener), str(engine_end)]
    # Without the task's settings and secrets: each task brings its own.
    os.chdir("/")
    os.execve(command[0], command, {"HOME": os.environ.get("HOME", "/"), **_read_early()})  # noqa: S606 - no shell is needed
