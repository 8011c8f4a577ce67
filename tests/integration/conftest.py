"""Two running products for all integration tests: one in testing minutes, one in production times."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from christmas_tasks.local.engine_build import ensure_built
from tests.integration.world import SHORT_BUDGET, World

# The jar of Kestra's own Python plugin; its tests are skipped where nobody names it.
OFFICIAL_PLUGIN = Path(os.environ["OFFICIAL_PYTHON_PLUGIN"]) if "OFFICIAL_PYTHON_PLUGIN" in os.environ else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def fast(tmp_path_factory: pytest.TempPathFactory, in_use: ExitStack) -> World:
    """Testing mode with minutes of one second: emails go out while the test looks on."""
    ensure_built()
    settings = {"TESTING_MODE": "true", "TESTING_MINUTE_SECONDS": "1", **SHORT_BUDGET}
    return _start(World(tmp_path_factory.mktemp("fast"), settings), in_use)


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory, in_use: ExitStack) -> World:
    """Production times: nothing is due before a test moves its stored times."""
    ensure_built()
    settings = {"TESTING_MODE": "false", "WEBSITE_ORIGIN": "https://www.example.org", **SHORT_BUDGET}
    world = _start(World(tmp_path_factory.mktemp("calm"), settings), in_use)
    world.give_the_account_a_past()
    return world


def _start(world: World, until: ExitStack) -> World:
    until.callback(world.close)
    until.enter_context(world.stack)
    # A clean stop takes seconds, and its own tests try it.
    until.callback(world.stack.engine.kill)
    return world


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A product of a test's own, started; it is stopped at the test's end."""
    with ExitStack() as closing:

        def make(settings: dict[str, str] | None = None, **options: Any) -> World:
            ensure_built()
            every = {"TESTING_MODE": "true", **SHORT_BUDGET, **(settings or {})}
            return _start(World(tmp_path / "data", every, **options), closing)

        yield make


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault that one test has switched on is not the next one's."""
    yield
    for name in ("fast", "calm"):
        if name in request.fixturenames:
            request.getfixturevalue(name).sandbox.clear_faults()
