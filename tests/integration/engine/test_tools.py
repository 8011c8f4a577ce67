"""Finding Java and Maven, and building once; no engine runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from christmas_tasks.local import engine_build, java
from christmas_tasks.local.engine import EngineError
from christmas_tasks.local.java import MissingToolError

if TYPE_CHECKING:
    from pathlib import Path


def jdk(folder: Path, version: str) -> Path:
    """Make what looks like a JDK."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "javac").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "bin" / "javac").chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="Someone"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return folder.resolve()


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java and Maven; returns the folder of system JDKs, which is empty."""
    system = tmp_path / "jvm"
    system.mkdir()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "_SYSTEM_JDKS", system)
    return system


def test_no_jdk_is_one_line_that_says_what_to_install(nothing_installed: Path) -> None:
    """A newcomer reads what is missing, not a traceback's end."""
    with pytest.raises(MissingToolError, match="JDK 25 or newer is needed") as problem:
        java.find_java_home()
    assert "\n" not in str(problem.value)
    assert list(nothing_installed.iterdir()) == []


def test_an_old_jdk_is_named_and_not_used(nothing_installed: Path) -> None:
    """The engine's classes need Java 25."""
    jdk(nothing_installed / "old", "17.0.1")
    with pytest.raises(MissingToolError, match="the newest JDK found is 17"):
        java.find_java_home()


def test_the_newest_jdk_wins_wherever_it_is(
    nothing_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JAVA_HOME does not hide a newer one."""
    monkeypatch.setenv("JAVA_HOME", str(jdk(tmp_path / "home", "25.0.3")))
    assert java.find_java_home() == tmp_path / "home"
    newest = jdk(nothing_installed / "new", "26")
    assert java.find_java_home() == newest


@pytest.mark.usefixtures("nothing_installed")
def test_no_maven_is_one_line_that_says_what_to_install() -> None:
    """Maven is needed once, to build."""
    with pytest.raises(MissingToolError, match=r"Maven 3\.8 or newer is needed"):
        java.find_maven()


@pytest.mark.integration
def test_a_built_engine_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged sources run no Maven."""
    engine_build.ensure_built()

    def fail(*_: Any) -> None:
        pytest.fail("it was built again")

    monkeypatch.setattr(engine_build, "_build", fail)
    engine_build.ensure_built()


def test_a_missing_checkout_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed library without the repository has no engine to start."""
    monkeypatch.setattr(engine_build, "_SOURCE", tmp_path)
    with pytest.raises(EngineError, match="from a checkout of the repository only"):
        engine_build.ensure_built()
