"""The heavy half of a task's start: loads the library once for one engine, and forks a ready process for each task.

It is started by a task that finds none (``start``), holds no settings and no secrets, and ends with its engine. Each
forked process is a task of its own: it takes over the environment, the folder and the output of the process that Kestra
has started, begins when that one says so, ends with it, and leaves it its exit code.
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

from christmas_tasks.flow_tasks.start import GO, LENGTH_BYTES, READY, TAKEN, address_for, is_one_of_us

_REAP_EVERY_MS = 100
_STILL_ASKED_MS = 60_000
_UNTIL_ANOTHER_TRIES_S = 60.0
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
    "encodings.unicode_escape",
    "encodings.utf_16_le",
    "httpcore",
    "httpx",
    "netrc",
    "notion_client",
    "resend",
    "stamina",
)


def main(engine: int, listener: socket.socket, engine_end: int) -> None:
    """Serve the tasks of one engine until it ends, or until they ask for other code.

    Args:
        engine: The engine's process.
        listener: Bound to ``address_for(engine)``, and listening.
        engine_end: A file descriptor that is readable from the engine's end on.
    """
    with listener:
        try:
            load()
        except Exception:  # noqa: BLE001 - the task that runs by itself meets the same, and tells it
            _turn_away(listener, engine_end, time.monotonic() + _UNTIL_ANOTHER_TRIES_S)
        else:
            _serve(engine, listener, engine_end)


def load() -> None:
    """Import whatever a task may need, and read the certificates that it trusts."""
    from christmas_tasks.flow_tasks import entry  # noqa: PLC0415 - not before main watches for trouble
    from christmas_tasks.tls import trusted  # noqa: PLC0415 - likewise

    entry.leave_out_httpx_command()
    for module in sorted({*entry.TASKS.values()}):
        import_module(f"christmas_tasks.flow_tasks.{module}")
    for late in _IMPORTED_LATE:
        import_module(late)
    trusted()
    # What is loaded stays: a forked process that counted through it would copy every page.
    gc.collect()
    gc.freeze()


def _turn_away(listener: socket.socket, engine_end: int, until: float) -> None:
    """Hold the address for a while, so that not every task starts one more server that can't do anything."""
    while (left_s := until - time.monotonic()) > 0:
        ready = _wait(listener, engine_end, int(1_000 * left_s) + 1)
        if engine_end in ready:
            return
        if listener.fileno() in ready:
            listener.accept()[0].close()


def _serve(engine: int, listener: socket.socket, engine_end: int) -> None:
    address = listener.getsockname()
    while engine_end not in (ready := _wait(listener, engine_end, _STILL_ASKED_MS)):
        if listener.fileno() in ready:
            _fork_for_the_next(listener, engine_end)
        elif not ready and address != address_for(engine):
            return


def _wait(listener: socket.socket, engine_end: int, longest_ms: int) -> set[int]:
    """What has something to say; empty after *longest_ms* without tasks."""
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    poller.register(engine_end, select.POLLIN)
    while True:
        is_busy = _has_children()
        if (ready := {fd for fd, _ in poller.poll(_REAP_EVERY_MS if is_busy else longest_ms)}) or not is_busy:
            return ready


def _has_children() -> bool:
    """Whether any task runs still; takes leave of those that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _fork_for_the_next(listener: socket.socket, engine_end: int) -> None:
    # Who is left without an answer runs the task itself.
    with suppress(OSError), listener.accept()[0] as connection:
        if is_one_of_us(connection) and os.fork() == 0:
            _be_the_task(connection, (listener.fileno(), engine_end))


def _be_the_task(connection: socket.socket, of_server: tuple[int, ...]) -> NoReturn:
    code = 1
    try:
        # A listener that outlives the server in one of its tasks would let others wait for nobody.
        for fd in of_server:
            os.close(fd)
        connection.settimeout(_REQUEST_PATIENCE_S)
        connection.sendall(READY)
        name = _take_over(connection)
        threading.Thread(target=_end_with, args=(connection.fileno(),), daemon=True).start()
        connection.sendall(TAKEN)
        if connection.recv(1) == GO:
            connection.settimeout(None)
            code = _exit_code_of(name)
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            connection.sendall(bytes([code]))
    finally:
        # Nothing may get back into the server's loop, and nothing that the server has loaded needs an end.
        os._exit(code)


def _take_over(connection: socket.socket) -> str:
    """Become what has asked: its output, folder, mask and environment. Gives the name of its task.

    Raises:
        OSError: It has gone, or is too slow.
        ValueError: It has asked for nothing.
    """
    message, fds, _, _ = socket.recv_fds(connection, _CHUNK, _FDS)
    if len(fds) != _FDS:
        raise ValueError("no output and no folder")
    while len(message) < LENGTH_BYTES + int.from_bytes(message[:LENGTH_BYTES], "big"):
        chunk = connection.recv(_CHUNK)
        if not chunk:
            raise ConnectionResetError
        message += chunk
    name, mask, *settings = message[LENGTH_BYTES:].split(b"\0")
    os.fchdir(fds[-1])
    os.umask(int(mask))
    os.environ.clear()
    for setting in settings:
        key, _, value = setting.partition(b"=")
        os.environb[key] = value
    time.tzset()
    for target, fd in enumerate(fds[:-1]):
        os.dup2(fd, target)
    for fd in fds:
        os.close(fd)
    return name.decode()


def _end_with(connection: int) -> None:
    """Wait until nobody waits for this task any more: Kestra has killed the process that did."""
    poller = select.poll()
    # No event asked for: what is left is the hang-up.
    poller.register(connection, 0)
    poller.poll()
    os.kill(os.getpid(), SIGKILL)


def _exit_code_of(task: str) -> int:
    from christmas_tasks.flow_tasks import entry  # noqa: PLC0415 - loaded long since

    try:
        entry.run(task)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - told like in any process that it would end
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3]))
