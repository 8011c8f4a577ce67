"""A person settles an unresolved email; a dry run only looks."""

from datetime import UTC, datetime

import pytest

from christmas_tasks.row_changes import new_row_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, Timing, plan_emails
from christmas_tasks.steps.settle import AlreadySettled, settle
from tests.fakes import FakeLedger

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def key(ledger: FakeLedger) -> str:
    """An enrolment whose email 1 is unresolved."""
    enrolment = Enrolment("Christmas 2025", Sequence.NOSHOW, "ann@example.org", "EV1")
    plan = plan_emails(enrolment.sequence, NOW, Timing())
    row = ledger.create_row(enrolment.key, new_row_changes(enrolment, Segment.URGENT, NOW, plan))
    ledger.edit(row.row_id, Email_1_Status="unresolved")
    return enrolment.key


@pytest.mark.parametrize("resend_id", ["", "id-1"])
def test_a_dry_run_writes_nothing(ledger: FakeLedger, key: str, resend_id: str) -> None:
    """The row is as it was; the same call without it settles the email."""
    before = ledger.all_rows()
    settle(key, 1, resend_id, ledger, NOW, is_dry=True)
    assert ledger.all_rows() == before
    settle(key, 1, resend_id, ledger, NOW)
    (row,) = ledger.all_rows()
    assert row.email(1).status == ("sent" if resend_id else "scheduled")


def test_a_dry_run_refuses_what_the_command_would_refuse(ledger: FakeLedger, key: str) -> None:
    """Email 2 is not unresolved."""
    with pytest.raises(AlreadySettled, match="not unresolved"):
        settle(key, 2, "", ledger, NOW, is_dry=True)
