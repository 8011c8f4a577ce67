"""Reconcile: what is planned and has no execution is started, what a person should see is said."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from christmas_tasks.row_changes import new_row_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, Timing, plan_emails
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.reconcile import Reconciled, reconcile
from christmas_tasks.steps.schedule import DueEmail, schedule
from christmas_tasks.tracker import EmailStatus, SequenceStatus, Value
from tests.fakes import FakeLedger, broken, settings

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)


def add_row(ledger: FakeLedger, address: str = "ann@example.org", **columns: Value) -> str:
    enrolment = Enrolment("Christmas 2025", Sequence.NOSHOW, address, "EV1")
    plan = plan_emails(enrolment.sequence, NOW, Timing())
    row = ledger.create_row(enrolment.key, new_row_changes(enrolment, Segment.URGENT, NOW, plan))
    if columns:
        ledger.edit(row.row_id, **columns)
    return enrolment.key


def look(ledger: FakeLedger, live: frozenset[tuple[str, int]] = frozenset(), now: datetime = NOW) -> Reconciled:
    return reconcile(ledger, live, settings(), now)


def test_what_waits_is_left_alone_and_the_rest_is_missing(ledger: FakeLedger) -> None:
    """Only the email without an execution is to be started, at its planned time, and not as a first attempt."""
    key = add_row(ledger)
    (missing,) = look(ledger, frozenset({(key, 1), (key, 3)})).missing
    assert (missing.enrolment_key, missing.number, missing.at) == (key, 2, NOW + timedelta(hours=24))
    assert (missing.sequence, missing.segment, missing.is_first_attempt) == ("noshow", "URGENT", False)


def test_only_active_rows_are_started(ledger: FakeLedger) -> None:
    """Held, stopped and completed rows have nothing missing."""
    for status in ("held", "stopped", "completed"):
        add_row(ledger, f"{status}@example.org", Sequence_Status=status)
    assert look(ledger).missing == ()


def test_duplicates_of_rows_and_contacts_are_said(ledger: FakeLedger) -> None:
    """A person merges them."""
    key = add_row(ledger)
    add_row(ledger)
    oldest = ledger.create_contact("twin@example.org", {})
    ledger.create_contact("twin@example.org", {})
    findings = look(ledger).findings
    assert any(f"Enrolment {key} has 2 tracker rows" in line for line in findings)
    assert any(f"{oldest.contact_id} in Notion has 1 duplicates" in line for line in findings)
    assert not any("twin@example.org" in line for line in findings)


def test_contacts_learn_of_their_last_email(ledger: FakeLedger) -> None:
    """The newest over all sequences, of stopped ones too; a second run writes nothing."""
    ledger.create_contact("ann@example.org", {})
    add_row(ledger, Email_1_Status="sent", Email_1_Sent=NOW, Sequence_Status="stopped")
    look(ledger)
    assert ledger.all_contacts()[0].last_email_sent_at == NOW
    before = ledger.calls.log.count("update_contact")
    look(ledger)
    assert ledger.calls.log.count("update_contact") == before


def test_stale_unresolved_failed_and_blocking_are_said(ledger: FakeLedger) -> None:
    """Each with what to do; a fresh unresolved one has had its alert already."""
    key = add_row(ledger, Email_1_Status="unresolved", Email_2_Status="failed")
    ledger.template_pages["noshow_recovery_email_3"] = broken(ledger.template_pages["noshow_recovery_email_3"])
    assert not any("unresolved" in line for line in look(ledger, now=NOW + timedelta(hours=2)).findings)
    findings = look(ledger, now=NOW + timedelta(hours=30)).findings
    assert any(f"christmas-tasks settle {key} 1" in line for line in findings)
    assert any('"noshow_recovery_email_2" have failed' in line for line in findings)
    assert any('"noshow_recovery_email_3" blocks' in line for line in findings)


class FakeEngine:
    """Kestra's waiting executions."""

    def __init__(self) -> None:
        self.started: list[tuple[dict[str, str], dict[str, str], datetime]] = []

    def waiting_numbers(self, enrolment_key: str, *, overdue: bool) -> frozenset[int]:
        assert overdue
        return frozenset(
            int(inputs["email_number"]) for inputs, _, _ in self.started if inputs["enrolment"] == enrolment_key
        )

    def start(self, inputs: Mapping[str, str], labels: Mapping[str, str], at: datetime) -> str:
        self.started.append((dict(inputs), dict(labels), at))
        return f"execution-{len(self.started)}"


def test_scheduling_twice_starts_each_email_once() -> None:
    """A repeat finds what waits; inputs and labels hold ids, numbers and closed words only."""
    engine = FakeEngine()
    emails = tuple(DueEmail("noshow-1", "row-1", n, NOW, "noshow", "URGENT", is_first_attempt=True) for n in (1, 2))
    assert load(dump(emails), tuple[DueEmail, ...]) == emails
    for _ in range(2):
        notes = schedule(emails, engine)
    assert notes == ("Email 1 waits already.", "Email 2 waits already.")
    assert [inputs["email_number"] for inputs, _, _ in engine.started] == ["1", "2"]
    inputs, labels, at = engine.started[0]
    assert inputs == {"enrolment": "noshow-1", "row": "row-1", "email_number": "1", "first_attempt": "true"}
    assert labels == {"sequence": "noshow", "segment": "URGENT", "email": "1", "enrolment": "noshow-1"}
    assert at == NOW


def test_an_email_that_went_out_is_no_longer_called_skipped(ledger: FakeLedger) -> None:
    """A stop that died right after its write has covered what was recorded meanwhile."""
    add_row(ledger, Email_1_Status="skipped", Email_1_Resend_ID="re_1", Sequence_Status="stopped")
    look(ledger)
    (row,) = ledger.all_rows()
    assert (row.email(1).status, row.status) == (EmailStatus.SENT, SequenceStatus.STOPPED)
    assert row.email(2).status is EmailStatus.SCHEDULED
    writes = ledger.calls.log.count("update_row")
    look(ledger)
    assert ledger.calls.log.count("update_row") == writes


def test_a_suppressed_contacts_rows_are_stopped(ledger: FakeLedger) -> None:
    """A stop that broke off halfway, or a person's own mark, is carried out within the hour."""
    add_row(ledger)
    ledger.create_contact("ann@example.org", {"Email Suppressed": "unsubscribed"})
    assert look(ledger).missing == ()
    (row,) = ledger.all_rows()
    assert (row.status, row.stop_reason, row.pending()) == ("stopped", "unsubscribed", ())
