"""One enrolment on the fakes."""

import pytest

from christmas_tasks.settings import Settings
from tests.fakes import FakeClock, FakeLedger, FakeSender
from tests.unit.steps.driver import Emails, no_show


@pytest.fixture
def emails(clock: FakeClock, ledger: FakeLedger, sender: FakeSender, settings: Settings) -> Emails:
    """A missed call whose first email is due right now."""
    emails = Emails(clock, ledger, sender, settings)
    emails.enrol(no_show())
    clock.advance(minutes=5)
    ledger.calls.log.clear()
    return emails
