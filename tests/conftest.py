"""Which tests run on one worker, and fakes for the steps, each new for each test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import stamina

from christmas_tasks.settings import Settings
from tests.fakes import FakeClock, FakeLedger, FakeLocks, FakeSender
from tests.fakes import settings as make_settings

# What tests of several files share and one worker starts once; the one with the most work comes first.
_SHARED = ("calm", "fast", "engine")
# Without an engine: work for the other workers while the first one builds it, in a fresh clone.
_MEANWHILE = Path(__file__).parent / "edges"
_IN_USE = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is shared yet."""
    config.stash[_IN_USE] = ExitStack()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep tests that share a product on one worker, and any other file's tests as well."""
    item.add_marker(pytest.mark.xdist_group(_group(item)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that take longest, and end with the shortest: the workers end at about the same time."""
    items.sort(key=_turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: list[str]) -> None:
    """Refuse to run without the groups: it would go unnoticed, but for three times as many engines."""
    if not all("@" in node_id for node_id in ids):
        pytest.exit(
            "The tests are not grouped: give --dist loadgroup; if you did, pytest-xdist doesn't know this pytest.",
            returncode=4,
        )


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop what was shared with the last test that takes it: an engine that idles takes its share of the cores."""
    if nextitem is None or _group(nextitem) != _group(item):
        item.config.stash[_IN_USE].close()


def _group(item: pytest.Item) -> str:
    taken = getattr(item, "fixturenames", ())
    return next((name for name in _SHARED if name in taken), item.nodeid.partition("::")[0])


def _turn(item: pytest.Item) -> int:
    group = _group(item)
    if group == _SHARED[0]:
        return 0
    if _MEANWHILE in item.path.parents:
        return 1
    if group in _SHARED:
        return 1 + _SHARED.index(group)
    return 1 + len(_SHARED) + (item.get_closest_marker("integration") is None)


@pytest.fixture(scope="session")
def in_use(pytestconfig: pytest.Config) -> ExitStack:
    """Whatever is entered here is left after the last test of the group that has entered it."""
    return pytestconfig.stash[_IN_USE]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def sender(clock: FakeClock) -> FakeSender:
    return FakeSender(clock)


@pytest.fixture
def locks() -> FakeLocks:
    return FakeLocks()


@pytest.fixture
def settings() -> Settings:
    return make_settings()


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Vendor calls are repeated at once, three times at most."""
    with stamina.set_testing(True, attempts=3):
        yield
