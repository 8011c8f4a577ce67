"""Builds, starts and stops the embedded Kestra engine of ``kestra/embedded``.

Knows nothing of what the flows do: it is given a folder of flow files and an environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Self

from christmas_tasks.local.java import find_java_home, find_maven

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CHECKOUT = Path(__file__).resolve().parents[2]
_SOURCE = _CHECKOUT / "kestra" / "embedded"
_TARGET = _SOURCE / "target"
_STAMP = _TARGET / "built-from"
_REHEARSAL = _SOURCE / "src" / "rehearsal"
_OWN_SCRIPT = _TARGET / "engine-python-script.jar"
_CACHE = _TARGET / "classes.aot"

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_CACHE_TIMEOUT_S = 90.0
_POLL_S = 0.02
_MAIN_CLASS = "org.christmas.embedded.Main"
DEFAULT_JVM_OPTIONS = (
    "-Xmx512m",
    # One machine, small heap: the serial collector and the first compiler give the shortest start.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    # The size that its classes reach: below it each growth of theirs starts a collection of the whole heap.
    "-XX:MetaspaceSize=192m",
    # An engine without memory stops and can be started again; one that limps on would lose nothing but time.
    "-XX:+ExitOnOutOfMemoryError",
    # The JVM's own remarks (a class cache of another JDK is ignored, and that is fine) stay out of the log.
    "-Xlog:disable",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dfile.encoding=UTF-8",
)


class EngineError(RuntimeError):
    """The engine can't be built or started; the message is the engine's or Maven's own reason."""


def ensure_built(report: Callable[[str], None] | None = None) -> Path:
    """Build the engine with Maven unless the same sources are built already.

    A second call with unchanged sources costs milliseconds and runs no Maven.

    Args:
        report: Receives one line before Maven runs, as the first time takes minutes (downloads).

    Returns:
        The folder with ``engine.jar``, ``engine-python-script.jar`` and ``lib/``.

    Raises:
        EngineError: the checkout has no ``kestra/embedded``, or Maven failed; the message ends with Maven's errors.
        MissingToolError: no JDK or no Maven.
    """
    if not (_SOURCE / "pom.xml").is_file():
        raise EngineError(f"{_SOURCE} is missing: the engine runs from a checkout of the repository only")
    java_home = find_java_home()
    _TARGET.mkdir(exist_ok=True)
    with (_TARGET / ".lock").open("w") as lock:
        # Two test runs of one checkout may start at the same time: the second waits for the first one's build.
        fcntl.flock(lock, fcntl.LOCK_EX)
        fingerprint = _fingerprint()
        if not _STAMP.is_file() or _STAMP.read_text(encoding="utf-8") != fingerprint:
            _build(java_home, report or (lambda _: None))
            _STAMP.write_text(fingerprint, encoding="utf-8")
    return _TARGET


def _build(java_home: Path, report: Callable[[str], None]) -> None:
    """Run Maven from nothing, and keep what a start loads and links."""
    maven = find_maven()
    report("Building the Kestra engine with Maven (the first time downloads about 100 MB)")
    for old in _TARGET.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != ".lock":
            old.unlink()
    done = subprocess.run(
        [maven, "--batch-mode", "--quiet", "package"],
        cwd=_SOURCE,
        env={**os.environ, "JAVA_HOME": str(java_home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line][:5]
        raise EngineError("Maven could not build the engine:\n" + "\n".join(errors or done.stdout.splitlines()[-5:]))
    report("Preparing a fast start of the engine (once)")
    _rehearse(java_home)


def _fingerprint() -> str:
    """Hash the names and contents of everything that Maven reads."""
    digest = hashlib.sha256()
    for path in [_SOURCE / "pom.xml", *sorted((_SOURCE / "src").rglob("*"))]:
        if path.is_file():
            digest.update(str(path.relative_to(_SOURCE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _rehearse(java_home: Path) -> None:
    """Let one engine start, work and stop, and keep its classes loaded and linked for every later start.

    Without the cache everything works, so that a failure here is none.
    """
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        data_dir = Path(folder).resolve()
        engine = EngineProcess(
            data_dir, _REHEARSAL, port=free_port(), env={}, username="nobody@example.org", password=uuid.uuid4().hex
        )
        for name in ("logs", "tmp", "storage"):
            (data_dir / name).mkdir()
        options = [*DEFAULT_JVM_OPTIONS, f"-XX:AOTCacheOutput={_CACHE}"]
        command = [str(java_home / "bin" / "java"), *options, "-cp", _engine_class_path(_OWN_SCRIPT), _MAIN_CLASS]
        with contextlib.suppress(EngineError, OSError):
            engine.launch(command, free_port(), "STANDALONE", engine.log_path)
            address = f"{engine.url}/api/v1/main/executions/webhook/rehearsal/rehearsal/key"
            # The answer comes once the tasks have ended.
            urllib.request.urlopen(address, data=b"{}", timeout=_CACHE_TIMEOUT_S).close()  # noqa: S310 - our own engine
        engine.stop(timeout_s=_CACHE_TIMEOUT_S)


def _engine_class_path(script_jar: Path) -> str:
    """Join the jars in a fixed order; a class cache fits only what begins with the same path."""
    jars = sorted((_TARGET / "lib").glob("*.jar"))
    return os.pathsep.join(str(jar) for jar in (_TARGET / "engine.jar", *jars, script_jar))


class EngineProcess:
    """One engine on one data folder; ``with`` starts and stops it.

    The same folder again goes on where it stopped, also after ``kill``.
    """

    def __init__(
        self,
        data_dir: Path,
        flows_dir: Path | Sequence[Path],
        *,
        port: int,
        env: Mapping[str, str],
        username: str,
        password: str,
        worker_threads: int = 8,
        workers: int = 0,
        plugin_jar: Path | None = None,
        website_origin: str | None = None,
        dashboards_dir: Path | None = None,
        jvm_options: Sequence[str] = DEFAULT_JVM_OPTIONS,
    ) -> None:
        """Remember how to start it.

        Args:
            data_dir: Database, files and logs; made if absent.
            flows_dir: Folder or folders of flow files. Flows without a file are deleted from the engine.
            port: Of the HTTP front on 127.0.0.1; 0 picks a free one at each start.
            env: All that the flows' Python tasks see besides PATH and HOME: ``SECRET_*`` in base64, plain settings.
            username: Login of the API.
            password: Login of the API.
            worker_threads: How many tasks one worker runs at a time.
            workers: Further worker processes.
            plugin_jar: The official Python plugin, in the place of the project's own Script class.
            website_origin: The one origin that browsers may post from.
            dashboards_dir: Folder of dashboard files; one that no Kestra could show stops the start.
            jvm_options: Options of every Java process.
        """
        self.data_dir = data_dir.resolve()
        self.flows_dirs = [flows_dir] if isinstance(flows_dir, Path) else list(flows_dir)
        self.username = username
        self.password = password
        self._wanted_port = port
        self._port = port
        self._env = dict(env)
        self._worker_threads = worker_threads
        self._workers = workers
        self._plugin_jar = plugin_jar
        self._website_origin = website_origin
        self._dashboards_dir = dashboards_dir
        self._jvm_options = list(jvm_options)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._controller_port = 0
        self._started_workers = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Base address of the HTTP front, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Process id of the engine (not of its further workers)."""
        return self._processes[0].pid

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the further workers, the longest running first."""
        return [process.pid for process in self._processes[1:]]

    @property
    def log_path(self) -> Path:
        """Where the engine writes its problems."""
        return self.data_dir / "logs" / "engine.log"

    @property
    def is_running(self) -> bool:
        """Whether every process that was started is alive."""
        return bool(self._processes) and all(process.poll() is None for process in self._processes)

    def start(self) -> None:
        """Start it and wait until webhooks are taken.

        Raises:
            EngineError: it stopped, with its own reason, or was not ready in time.
            MissingToolError: no JDK or no Maven.
        """
        if self._processes:
            raise EngineError("the engine is started already")
        ensure_built()
        for folder in ("logs", "tmp", "storage"):
            (self.data_dir / folder).mkdir(parents=True, exist_ok=True)
        self._port = self._wanted_port or free_port()
        self._controller_port = free_port()
        self._started_workers = 0
        try:
            self.launch(self._command(), self._controller_port, "STANDALONE", self.log_path)
            for _ in range(self._workers):
                self.start_worker()
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Stop it cleanly: running tasks are interrupted, and run again after a start. A second call does nothing.

        Args:
            timeout_s: After it, in seconds, the process is killed.
        """
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []

    def kill(self) -> None:
        """Stop it as a power cut would. Running Python tasks live on, as they do with any Kestra."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes = []

    def start_worker(self) -> None:
        """Start one more worker of the running engine.

        Raises:
            EngineError: it stopped, with its own reason, or was not ready in time.
        """
        self._started_workers += 1
        log = self.data_dir / "logs" / f"worker-{self._started_workers}.log"
        self.launch(self._command(), self._controller_port, "WORKER", log)

    def kill_worker(self, pid: int) -> None:
        """End one further worker as a power cut would; the engine and the other workers go on."""
        process = next(process for process in self._processes[1:] if process.pid == pid)
        process.kill()
        process.wait()
        self._processes.remove(process)

    def launch(self, command: Sequence[str], controller_port: int, server_type: str, log: Path) -> None:
        """Start one Java process and wait for its ready line.

        Raises:
            EngineError: it stopped, with its own reason, or was not ready in time.
        """
        mark = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.data_dir,
                env=self._environment(controller_port, server_type),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C at the terminal reaches the caller alone, who then stops the engine in order.
                start_new_session=True,
            )
        self._processes.append(process)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            written = _read_from(log, mark)
            if any(line.startswith("ready") for line in written):
                return
            if process.poll() is not None:
                reasons = [line for line in written if line.startswith("error: ")] or written[-3:]
                raise EngineError(
                    reasons[-1].removeprefix("error: ") if reasons else f"the engine ended at once, see {log}"
                )
            time.sleep(_POLL_S)
        raise EngineError(f"the engine was not ready after {_START_TIMEOUT_S:.0f} s, see {log}")

    def _command(self) -> list[str]:
        """Write the command line of one process."""
        java = find_java_home() / "bin" / "java"
        class_path = _engine_class_path((self._plugin_jar or _OWN_SCRIPT).resolve())
        cache = [f"-XX:AOTCache={_CACHE}"] if _CACHE.is_file() else []
        return [str(java), *self._jvm_options, *cache, "-cp", class_path, _MAIN_CLASS]

    def _environment(self, controller_port: int, server_type: str) -> dict[str, str]:
        """Build what the Java process and, through it, the Python tasks see."""
        inherited = {
            name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR") if name in os.environ
        }
        settings = {
            # The tasks run the python3 that runs this: it has the library and its packages.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "ENGINE_DATA_DIR": str(self.data_dir),
            "ENGINE_PORT": str(self._port),
            "ENGINE_CONTROLLER_PORT": str(controller_port),
            "ENGINE_SERVER_TYPE": server_type,
            "ENGINE_PARENT_PID": str(os.getpid()),
            "ENGINE_WORKER_THREADS": str(self._worker_threads),
            "ENGINE_FLOWS_DIR": os.pathsep.join(str(folder.resolve()) for folder in self.flows_dirs),
            "ENGINE_DASHBOARDS_DIR": str(self._dashboards_dir.resolve()) if self._dashboards_dir else "",
            "KESTRA_USERNAME": self.username,
            "KESTRA_PASSWORD": self.password,
            "WEBSITE_ORIGIN": self._website_origin or "",
        }
        return {**inherited, "KESTRA_URL": f"{self.url}/", **self._env, **settings}


def free_port() -> int:
    """Find a TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _read_from(log: Path, offset: int) -> list[str]:
    """Read the complete lines that were written since *offset* bytes."""
    with log.open("rb") as stream:
        stream.seek(offset)
        return stream.read().decode(errors="replace").splitlines()
