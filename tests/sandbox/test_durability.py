"""The command: it starts, stops, goes on in the same folder, and loses nothing when killed."""

import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from christmas_sandbox.testing import SandboxHandle

START_SECONDS = 15
AUTH = {"authorization": "Bearer re_sandbox_key"}


@contextmanager
def command(data_dir: Path, *more: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the command until the block ends; gives the process and the first line that it prints."""
    arguments = [sys.executable, "-m", "christmas_sandbox.main", "--data-dir", str(data_dir), "--port", "0", *more]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], START_SECONDS)[0], "nothing was printed in time"
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def send(url: str, key: str) -> str:
    mail = {"from": "c@example.org", "to": "ann@example.org", "subject": key, "text": "t"}
    answer = httpx.post(f"{url}/emails", json=mail, headers={**AUTH, "idempotency-key": key}, trust_env=False)
    answer.raise_for_status()
    return str(answer.json()["id"])


def test_killed_it_loses_no_acknowledged_write(tmp_path: Path) -> None:
    """After kill -9 every acknowledged mail is there, idempotency and clock too."""
    with command(tmp_path) as (process, line):
        url = line.removeprefix("sandbox ready ")
        handle = SandboxHandle(url)
        handle.shift_clock(60)
        handle.close()
        sent = [send(url, f"k{number}") for number in range(30)]
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    with command(tmp_path) as (_process, line):
        url = line.removeprefix("sandbox ready ")
        handle = SandboxHandle(url)
        assert [mail["id"] for mail in handle.mails()] == sent
        assert send(url, "k7") == sent[7]
        assert handle.state()["clock_offset_seconds"] == 60
        handle.close()


def test_it_stops_cleanly_and_goes_on(tmp_path: Path) -> None:
    """SIGTERM ends it with 0, even while a call hangs; the same folder has what was written."""
    with command(tmp_path) as (process, line):
        url = line.removeprefix("sandbox ready ")
        send(url, "first")
        handle = SandboxHandle(url)
        handle.add_fault("resend", "hang")
        handle.close()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/emails", headers=AUTH, trust_env=False, timeout=0.1)
        started = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
        assert time.monotonic() - started < 5
    with command(tmp_path) as (_process, line):
        handle = SandboxHandle(line.removeprefix("sandbox ready "))
        assert [mail["subject"] for mail in handle.mails()] == ["first"]
        handle.close()


def test_a_folder_serves_one_sandbox_at_a_time(tmp_path: Path) -> None:
    """The second one ends with one line that says why."""
    with command(tmp_path):
        arguments = [sys.executable, "-m", "christmas_sandbox.main", "--data-dir", str(tmp_path), "--port", "0"]
        second = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "already uses" in second.stderr


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    """Ready is never printed, and the folder is not touched."""
    with command(tmp_path / "first") as (_process, line):
        port = line.rpartition(":")[2]
        arguments = [sys.executable, "-m", "christmas_sandbox.main", "--data-dir", str(tmp_path / "second")]
        second = subprocess.run([*arguments, "--port", port], capture_output=True, text=True, timeout=20, check=False)
    assert (second.returncode, second.stdout, second.stderr.count("\n")) == (1, "", 1)
    assert "in use" in second.stderr
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("static", ["unsubscribe=x", "/unsubscribe=/nowhere.html"])
def test_a_file_that_is_not_there_is_told_at_once(tmp_path: Path, static: str) -> None:
    """Instead of a 500 on the first request."""
    arguments = [sys.executable, "-m", "christmas_sandbox.main", "--data-dir", str(tmp_path), "--static", static]
    run = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 2
    assert "--static" in run.stderr


def test_it_never_imports_the_product() -> None:
    """An emulator that shares the product's code would share its mistakes."""
    check = "import sys, christmas_sandbox.main; sys.exit(any(m.startswith('christmas_tasks') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], timeout=20, check=False).returncode == 0
