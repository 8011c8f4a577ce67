"""The heavy half of a task's start: loads the library once for one engine, and forks a ready process for each task.

It is started by a task that finds none (``start``), holds no settings and no secrets, and ends with its engine. Each
forked process is a task of its own: it takes over the environment, the folder and the output of the process that Kestra
has started, answers before it begins, ends with that process, and leaves it its exit code.
"""

import gc
import os
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from signal import SIGKILL
from typing import NoReturn

from christmas_tasks.flow_tasks.start import TAKEN, peer_is_me

_BACKLOG = 128
_REAP_EVERY_MS = 1_000
_REQUEST_PATIENCE_S = 10.0
_CHUNK = 1 << 16
_FDS = 4

# What tasks import when they first need it.
_IMPORTED_LATE = (
    "christmas_tasks.cache",
    "christmas_tasks.discord",
    "christmas_tasks.engine_api",
    "christmas_tasks.locks",
    "christmas_tasks.mailer",
    "christmas_tasks.notion",
    "christmas_tasks.steps.rendering",
    "email_validator",
    "httpcore",
    "httpx",
    "notion_client",
    "resend",
    "stamina",
)


def main(engine: int, name: str) -> None:
    """Serve the tasks of one engine until it ends; at once if another server does so already.

    Args:
        engine: The engine's process.
        name: Where to listen, as ``start`` asks for it.
    """
    os.chdir("/")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(b"\0" + name.encode())
        engine_fd = os.pidfd_open(engine)
    except OSError:
        return
    # Who asks from here on waits for the imports, which is less than doing them.
    listener.listen(_BACKLOG)
    load()
    _serve(listener, engine_fd)


def load() -> None:
    """Import whatever a task may need, and read the certificates that it trusts."""
    # Not at the top: a server that comes second shall know it before all this.
    from christmas_tasks.flow_tasks import entry  # noqa: PLC0415
    from christmas_tasks.tls import trusted  # noqa: PLC0415

    entry.leave_out_httpx_command()
    for module in sorted({*entry.TASKS.values()}):
        import_module(f"christmas_tasks.flow_tasks.{module}")
    for late in _IMPORTED_LATE:
        import_module(late)
    trusted()
    # What is loaded stays: a forked process that counted through it would copy every page.
    gc.collect()
    gc.freeze()


def _serve(listener: socket.socket, engine_fd: int) -> None:
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    poller.register(engine_fd, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poller.poll(_REAP_EVERY_MS if _children_are_left() else None)}
        if engine_fd in ready:
            return
        if listener.fileno() in ready:
            _fork_for_the_next(listener, engine_fd)


def _children_are_left() -> bool:
    """Whether any task runs still; takes leave of those that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _fork_for_the_next(listener: socket.socket, engine_fd: int) -> None:
    # Who is left without an answer runs the task itself.
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        if peer_is_me(connection) and os.fork() == 0:
            listener.close()
            os.close(engine_fd)
            _be_the_task(connection)


def _be_the_task(connection: socket.socket) -> NoReturn:
    code = 1
    try:
        name = _take_over(connection)
        connection.sendall(TAKEN)
    except OSError:
        # It had no patience: it does the task itself.
        os._exit(code)
    threading.Thread(target=_end_with, args=(connection.fileno(),), daemon=True).start()
    try:
        code = _exit_code_of(name)
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            connection.sendall(bytes([code]))
        os._exit(code)


def _exit_code_of(task: str) -> int:
    from christmas_tasks.flow_tasks import entry  # noqa: PLC0415 - loaded long since

    try:
        entry.run(task)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing may get back into the server's loop
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _take_over(connection: socket.socket) -> str:
    """Become what has asked: its output, its folder, its environment. Gives the name of its task."""
    connection.settimeout(_REQUEST_PATIENCE_S)
    message, fds, _, _ = socket.recv_fds(connection, _CHUNK, _FDS)
    for target, fd in enumerate(fds[:-1]):
        os.dup2(fd, target)
    os.fchdir(fds[-1])
    for fd in fds:
        os.close(fd)
    while chunk := connection.recv(_CHUNK):
        message += chunk
    connection.settimeout(None)
    name, *settings = message.split(b"\0")
    os.environ.clear()
    for setting in settings:
        key, _, value = setting.partition(b"=")
        os.environb[key] = value
    time.tzset()
    return name.decode()


def _end_with(connection: int) -> None:
    """Wait until nobody waits for this task any more: Kestra has killed the process that did."""
    poller = select.poll()
    # No event asked for: what is left is the hang-up.
    poller.register(connection, 0)
    poller.poll()
    os.kill(os.getpid(), SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
