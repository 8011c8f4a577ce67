"""One running product and one headless Chromium for all tests of the console page."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from christmas_tasks.local.engine_build import ensure_built
from tests.integration.world import SHORT_BUDGET, World

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_CHROMIUM = "Chromium is missing: install Debian's package chromium, or set CHROMIUM to its path"
# A task of the engine is a new Python process: on a busy machine it takes its time.
PATIENCE_MS = 100_000.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium; none is downloaded. Missing on CI is a failure, elsewhere a reason to skip."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(NO_CHROMIUM)
    pytest.skip(NO_CHROMIUM)


@pytest.fixture(scope="module")
def world(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:  # noqa: ARG001 - no browser, no engine
    """Testing mode with minutes of ten seconds: a first email goes out while the page looks on, few others do."""
    ensure_built()
    settings = {"TESTING_MODE": "true", "TESTING_MINUTE_SECONDS": "10", **SHORT_BUDGET}
    world = World(tmp_path_factory.mktemp("console"), settings)
    with world.stack:
        yield world
        world.stack.engine.kill()
    world.close()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium without a window; left with each module, for no other event loop can run beside its driver's."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, world: World) -> Iterator[BrowserContext]:
    """A browser profile of the test's own, on the page's address; faults that it switched on go off."""
    context = browser.new_context(base_url=world.stack.sandbox_url, viewport={"width": 1280, "height": 860})
    yield context
    context.close()
    world.sandbox.clear_faults()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about; a test that provokes complaints takes and empties it."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """An empty tab; errors and warnings in its console fail the test at its end."""

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []
