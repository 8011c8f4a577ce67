"""Finds the Java and Maven that the embedded engine needs; runs neither Maven nor the engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_JAVA = 25
_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)
_SYSTEM_JDKS = Path("/usr/lib/jvm")


class MissingToolError(RuntimeError):
    """A tool is not installed; the message is one line that says what to install."""


def find_java_home() -> Path:
    """Find the newest JDK of JAVA_HOME, PATH and /usr/lib/jvm.

    Returns:
        The folder that holds ``bin/java`` and ``bin/javac``.

    Raises:
        MissingToolError: there is none, or none new enough.
    """
    found = {home.resolve(): _major_version(home) for home in _candidates()}
    usable = {home: version for home, version in found.items() if version >= OLDEST_JAVA}
    if not usable:
        newest = max(found.values(), default=0)
        seen = f"the newest JDK found is {newest}" if newest else "no JDK was found"
        message = f"A JDK {OLDEST_JAVA} or newer is needed ({seen}): install one, or set JAVA_HOME to it"
        raise MissingToolError(message)
    return max(usable, key=lambda home: usable[home])


def find_maven() -> str:
    """Find the Maven command.

    Returns:
        The path of ``mvn``.

    Raises:
        MissingToolError: it is not on the PATH.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError(
            "Maven 3.8 or newer is needed to build the engine: install it so that mvn is on the PATH"
        )
    return maven


def _candidates() -> list[Path]:
    """List the folders that may be JDKs, whether they are or not."""
    homes = []
    if os.environ.get("JAVA_HOME"):
        homes.append(Path(os.environ["JAVA_HOME"]))
    javac = shutil.which("javac")
    if javac is not None:
        homes.append(Path(javac).resolve().parent.parent)
    if _SYSTEM_JDKS.is_dir():
        homes.extend(sorted(_SYSTEM_JDKS.iterdir()))
    return homes


def _major_version(home: Path) -> int:
    """Read a JDK's major version; 0 if the folder is no JDK."""
    if not os.access(home / "bin" / "javac", os.X_OK):
        return 0
    release = home / "release"
    match = _VERSION.search(release.read_text(encoding="utf-8")) if release.is_file() else None
    if match is not None:
        return int(match[1])
    answer = subprocess.run([home / "bin" / "javac", "-version"], capture_output=True, text=True, check=False)
    match = re.search(r"javac (\d+)", answer.stdout + answer.stderr)
    return int(match[1]) if match is not None else 0
