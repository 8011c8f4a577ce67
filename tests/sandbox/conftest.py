"""One sandbox for the whole folder, as new for each test, with the real SDKs pointed at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import notion_client
import pytest
import resend

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN, DEFAULT_RESEND_API_KEY, SandboxOptions
from christmas_sandbox.seed import TRACKER_SOURCE_ID
from christmas_sandbox.testing import SandboxHandle, running_sandbox


@pytest.fixture(scope="session")
def templates_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one template whose HTML needs several pieces at Notion."""
    folder = tmp_path_factory.mktemp("templates")
    template = folder / "first"
    template.mkdir()
    settings = 'name = "5-Day E1"\nsubject = "Hello {{ first_name }}"\npreview = "A look inside"\nstatus = "Active"\n'
    (template / "template.toml").write_text(settings, encoding="utf-8")
    (template / "body.html").write_text("<p>" + "Grüße 🎄 " * 900 + "</p>", encoding="utf-8")
    (template / "body.txt").write_text("Hello", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory, templates_dir: Path) -> Iterator[SandboxHandle]:
    """The running sandbox; tests take `sandbox` instead."""
    page = tmp_path_factory.mktemp("static") / "page.html"
    page.write_text("<title>Unsubscribe</title>", encoding="utf-8")
    data_dir = tmp_path_factory.mktemp("sandbox")
    options = SandboxOptions(templates_dir=templates_dir)
    with running_sandbox(data_dir, options, {"/unsubscribe": page}) as handle:
        yield handle


@pytest.fixture
def sandbox(shared_sandbox: SandboxHandle) -> SandboxHandle:
    """A sandbox as new."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture(scope="session")
def shared_clients(shared_sandbox: SandboxHandle) -> Iterator[tuple[httpx.Client, Any]]:
    """A bare client and Notion's SDK; made once, for each reads the certificates of all authorities anew."""
    notion = notion_client.Client(auth=DEFAULT_NOTION_TOKEN, base_url=shared_sandbox.url, retry=False)
    with httpx.Client(base_url=shared_sandbox.url, trust_env=False) as client:
        yield client, notion
    notion.close()


@pytest.fixture
def http(sandbox: SandboxHandle, shared_clients: tuple[httpx.Client, Any]) -> httpx.Client:  # noqa: ARG001 - resets
    """A bare HTTP client of the sandbox."""
    return shared_clients[0]


@pytest.fixture
def notion(sandbox: SandboxHandle, shared_clients: tuple[httpx.Client, Any]) -> Any:  # noqa: ARG001 - resets
    """Notion's SDK, without its own retries."""
    return shared_clients[1]


@pytest.fixture
def mailer(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Resend's SDK."""
    monkeypatch.setattr(resend, "api_url", sandbox.url)
    monkeypatch.setattr(resend, "api_key", DEFAULT_RESEND_API_KEY)
    monkeypatch.setattr(resend, "default_http_client", resend.RequestsClient(timeout=10))
    return resend


@pytest.fixture
def make_row(notion: Any) -> Any:
    """Writes a tracker row: `make_row("ann", Email={"email": ...})` gives Notion's page."""

    def make(name: str, **properties: Any) -> Any:
        given = {key.replace("_", " "): value for key, value in properties.items()}
        return notion.pages.create(
            parent={"type": "data_source_id", "data_source_id": TRACKER_SOURCE_ID},
            properties={"Name": {"title": [{"text": {"content": name}}]}, **given},
        )

    return make
