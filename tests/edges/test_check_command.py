"""``christmas-tasks check`` as an operator and a machine read it."""

import io
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN, DEFAULT_RESEND_API_KEY
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.cli import app, terminal
from christmas_tasks.settings import REQUIRED_SECRETS
from tests.edges.conftest import DATABASES

Run = Callable[..., Result]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def run(sandbox: SandboxHandle, tmp_path: Path, closed_port: int, few_certificates: str) -> Run:
    """`run("--json", NAME=value)`: every setting is there, Kestra isn't."""

    def run(*words: str, **settings: str | None) -> Result:
        environ: dict[str, str | None] = {
            **dict.fromkeys(REQUIRED_SECRETS, "a-key-of-its-own-that-is-long-enough"),
            "NOTION_TOKEN": DEFAULT_NOTION_TOKEN,
            "RESEND_API_KEY": DEFAULT_RESEND_API_KEY,
            "NOTION_BASE_URL": sandbox.url,
            "RESEND_API_URL": sandbox.url,
            **{database.value: id_ for database, id_ in DATABASES.items()},
            "EMAIL_FROM": "Anna <anna@example.org>",
            "PUBLIC_URL": "https://flows.example.org",
            "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
            "POSTAL_ADDRESS": "Example Street 1",
            "KESTRA_URL": f"http://127.0.0.1:{closed_port}",
            "CAMPAIGN_DEADLINE": "2999-12-05",
            "NOTION_CALLS_PER_SECOND": "1000",
            "SSL_CERT_FILE": few_certificates,
            "VENDOR_BUDGET_SECONDS": "0.3",
            "CHRISTMAS_CACHE_DIR": str(tmp_path / "cache"),
            **settings,
        }
        return CliRunner().invoke(app, ["check", *words], env=environ)

    return run


def test_a_machine_reads_state_and_text_of_each_item(run: Run) -> None:
    """The same items as on the terminal; 1 as long as there is a fault."""
    told = run("--json")
    report = json.loads(told.stdout)
    assert (told.exit_code, report["healthy"]) == (1, False)
    faults = [each["text"] for each in report["findings"] if each["state"] == "fault"]
    assert len(faults) == 1
    assert "KESTRA_URL" in faults[0]
    assert [each for each in report["findings"] if each["state"] == "warning"] == []
    printed = run().stdout.splitlines()
    assert [line[9:] for line in printed[:-2]] == [each["text"] for each in report["findings"]]
    assert printed[-2:] == ["", "1 fault, no warnings"]


def test_on_a_terminal_a_fault_is_red_and_a_warning_yellow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is well is green, what is off is dim; a text with brackets is shown as it is."""
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, force_terminal=True, color_system="standard", width=60))
    run(TESTING_MODE="true")
    colours = {"FAULT": "\x1b[31m", "warning": "\x1b[33m", "ok": "\x1b[32m", "off": "\x1b[2m"}
    lines = screen.getvalue().splitlines()
    for state, colour in colours.items():
        assert any(line.startswith(f"{colour}{state} ") for line in lines), state


def test_no_value_of_a_secret_is_printed(run: Run) -> None:
    """Not even of one that is refused."""
    told = run("--json", NOTION_TOKEN="ntn_of_another_workspace", RESEND_API_KEY="re_of_another_account")
    assert told.exit_code == 1
    assert "another" not in told.output
    assert "a-key-of-its-own" not in told.output
