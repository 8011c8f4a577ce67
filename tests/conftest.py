"""Fakes for the steps, each new for each test."""

from collections.abc import Iterator

import pytest
import stamina

from christmas_tasks.settings import Settings
from tests.fakes import FakeClock, FakeLedger, FakeLocks, FakeSender
from tests.fakes import settings as make_settings


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
