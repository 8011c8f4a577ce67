"""Starts and stops the embedded Kestra engine that ``engine_build.py`` has built.

Knows nothing of what the flows do: it is given a folder of flow files and an environment.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from christmas_tasks.local.java import find_java_home

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What the build makes, and a start needs.
BUILT = Path(__file__).resolve().parents[2] / "kestra" / "embedded" / "target"
CLASS_CACHE = BUILT / "classes.aot"
_OWN_SCRIPT = BUILT / "engine-python-script.jar"

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
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


def java_command(java_options: Sequence[str], script_jar: Path = _OWN_SCRIPT) -> list[str]:
    """Write the command line of one process.

    Args:
        java_options: Stand before the class path.
        script_jar: Has the Script class.

    Raises:
        MissingToolError: no JDK.
    """
    # In a fixed order: a class cache fits only what begins with the same path.
    jars = (BUILT / "engine.jar", *sorted((BUILT / "lib").glob("*.jar")), script_jar)
    class_path = os.pathsep.join(str(jar) for jar in jars)
    return [str(find_java_home() / "bin" / "java"), *java_options, "-cp", class_path, _MAIN_CLASS]


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
        """Start it and wait until webhooks are taken. It must be built.

        Raises:
            EngineError: it stopped, with its own reason, or was not ready in time.
            MissingToolError: no JDK.
        """
        if self._processes:
            raise EngineError("the engine is started already")
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
        cache = [f"-XX:AOTCache={CLASS_CACHE}"] if CLASS_CACHE.is_file() else []
        return java_command([*self._jvm_options, *cache], (self._plugin_jar or _OWN_SCRIPT).resolve())

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
