"""Builds the embedded Kestra engine of ``kestra/embedded``, once for each state of its sources, and its fast start."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from christmas_tasks.local.engine import (
    BUILT,
    CLASS_CACHE,
    DEFAULT_JVM_OPTIONS,
    EngineError,
    EngineProcess,
    free_port,
    java_command,
)
from christmas_tasks.local.java import find_java_home, find_maven

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCE = BUILT.parent
_STAMP = BUILT / "built-from"
_REHEARSAL = _SOURCE / "src" / "rehearsal"
_CACHE_TIMEOUT_S = 90.0


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
    BUILT.mkdir(exist_ok=True)
    with (BUILT / ".lock").open("w") as lock:
        # Two test runs of one checkout may start at the same time: the second waits for the first one's build.
        fcntl.flock(lock, fcntl.LOCK_EX)
        fingerprint = _fingerprint()
        if not _STAMP.is_file() or _STAMP.read_text(encoding="utf-8") != fingerprint:
            _build(java_home, report or (lambda _: None))
            _STAMP.write_text(fingerprint, encoding="utf-8")
    return BUILT


def _build(java_home: Path, report: Callable[[str], None]) -> None:
    """Run Maven from nothing, and keep what a start loads and links."""
    maven = find_maven()
    report("Building the Kestra engine with Maven (the first time downloads about 100 MB)")
    for old in BUILT.iterdir():
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
    _rehearse()


def _fingerprint() -> str:
    """Hash the names and contents of everything that Maven reads."""
    digest = hashlib.sha256()
    for path in [_SOURCE / "pom.xml", *sorted((_SOURCE / "src").rglob("*"))]:
        if path.is_file():
            digest.update(str(path.relative_to(_SOURCE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _rehearse() -> None:
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
        command = java_command([*DEFAULT_JVM_OPTIONS, f"-XX:AOTCacheOutput={CLASS_CACHE}"])
        with contextlib.suppress(EngineError, OSError):
            engine.launch(command, free_port(), "STANDALONE", engine.log_path)
            address = f"{engine.url}/api/v1/main/executions/webhook/rehearsal/rehearsal/key"
            # The answer comes once the tasks have ended.
            urllib.request.urlopen(address, data=b"{}", timeout=_CACHE_TIMEOUT_S).close()  # noqa: S310 - our own engine
        engine.stop(timeout_s=_CACHE_TIMEOUT_S)
