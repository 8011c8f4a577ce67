"""An erase leaves nothing, sends nothing, and goes on where it broke off."""

from contextlib import suppress

import pytest

from christmas_tasks.errors import OutcomeUnknown, SetupRefused, TransientError
from christmas_tasks.row_changes import new_row_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, Timing, plan_emails
from christmas_tasks.steps.erase import Held, erase, look_at
from christmas_tasks.steps.people import UnknownPerson
from christmas_tasks.tracker import SequenceStatus
from tests.fakes import START, FakeLocks
from tests.unit.steps.people_fakes import FakeEngine, FakePeople

ANN, BEN = "ann@example.org", "ben@example.org"


class Campaign:
    """Ann and Ben, each with a contact, a row and its emails in Kestra."""

    def __init__(self) -> None:
        self.people = FakePeople()
        self.engine = FakeEngine(self.people.calls)
        self.told: list[str] = []
        self.keys = {address: self.enrol(address) for address in (ANN, BEN)}

    def enrol(self, address: str, cause: str = "") -> str:
        enrolment = Enrolment("Christmas 2025", Sequence.NOSHOW, address, cause)
        plan = plan_emails(Sequence.NOSHOW, START, Timing())
        self.people.create_row(enrolment.key, new_row_changes(enrolment, Segment.URGENT, START, plan))
        if not self.people.contacts_of(address):
            self.people.create_contact(address, {"first_name": address[:3], "Christmas Campaign Status": "Signed Up"})
        handler = f"handler-{enrolment.key}"
        self.engine.add_body(handler, "noshow-recovery-handler", {"email": address}, stored=True)
        self.engine.put_out[handler] = [{"taskId": "enrol", "outputs": {"vars": {"enrolment": enrolment.key}}}]
        for email in plan:
            self.engine.add_email(enrolment.key, email.number)
        return enrolment.key

    def look(self, *, keep: bool | None = None) -> Held:
        return look_at(ANN, self.people, self.engine, keep_suppression=keep)

    def erase(self, *, keep: bool | None = None) -> None:
        erase(
            self.look(keep=keep),
            self.people,
            self.engine,
            FakeLocks(),
            self.told.append,
            sleep=lambda _: None,
        )

    @property
    def left(self) -> tuple[list[str], int, int]:
        """Whose executions, and how many rows and contacts of Ann."""
        owners = {key: address for address, key in self.keys.items()}
        executions = [owners.get(found.labels.get("enrolment", ""), "?") for found in self.engine.all()]
        return executions, len(self.people.rows_of(ANN)), len(self.people.contacts_of(ANN))


@pytest.fixture
def campaign() -> Campaign:
    return Campaign()


def test_everything_of_one_person_goes_and_nothing_of_another(campaign: Campaign) -> None:
    """Rows, contact and executions, those that wait included; a second erase finds nothing."""
    assert len(campaign.look().traces.live) == 3
    campaign.erase()
    executions, rows, contacts = campaign.left
    assert (rows, contacts) == (0, 0)
    assert executions.count(BEN) == 3
    assert set(campaign.engine.executions) == {
        f"handler-{campaign.keys[BEN]}",
        *(found.execution_id for found in campaign.engine.all() if found.labels.get("enrolment") == campaign.keys[BEN]),
    }
    assert [row.status for row in campaign.people.rows_of(BEN)] == [SequenceStatus.ACTIVE]
    with pytest.raises(UnknownPerson, match="executions in Kestra"):
        campaign.look()


def _changes() -> int:
    campaign = Campaign()
    before = len(campaign.people.calls.log)
    campaign.erase()
    return len(campaign.people.calls.log) - before


@pytest.mark.parametrize("after", [False, True])
def test_breaking_off_anywhere_never_leaves_a_row_that_sends_and_a_repeat_ends_it(*, after: bool) -> None:
    """At each single change, before and after its effect: no row is there whose emails could go; then all is gone."""
    for nth in range(1, _changes() + 1):
        campaign = Campaign()
        campaign.people.calls.fail(nth, OutcomeUnknown("no answer"), after=after)
        with pytest.raises(OutcomeUnknown):
            campaign.erase()
        if campaign.told:
            assert not [row for row in campaign.people.rows_of(ANN) if row.status is SequenceStatus.ACTIVE], nth
        with suppress(UnknownPerson):
            campaign.erase()
        assert campaign.left[1:] == (0, 0), nth
        assert not [found for found in campaign.engine.all() if found.labels.get("enrolment") == campaign.keys[ANN]]
        assert campaign.left[0].count(BEN) == 3


def test_what_came_in_meanwhile_goes_too(campaign: Campaign) -> None:
    """A webhook that is worked on during the erase makes a row and emails: none of them stays."""

    def another_call() -> None:
        campaign.enrol(ANN, cause="another call")

    campaign.people.calls.meanwhile(9, another_call)
    campaign.erase()
    executions, rows, contacts = campaign.left
    assert (executions.count(ANN), executions.count("?"), rows, contacts) == (0, 1, 0, 0)


def test_emails_of_a_row_that_is_gone_are_found_by_what_its_handler_put_out(campaign: Campaign) -> None:
    """Somebody has deleted the row in Notion; its emails still wait in Kestra."""
    campaign.people.gone.update(row.row_id for row in campaign.people.rows_of(ANN))
    assert len(campaign.look().traces.live) == 3
    campaign.erase()
    assert ANN not in campaign.left[0]


@pytest.mark.parametrize(
    ("suppressed", "keep", "kept"),
    [
        ("unsubscribed", None, "unsubscribed"),
        ("", None, ""),
        ("complained", False, ""),
        ("", True, "unsubscribed"),
        ("bounced", True, "bounced"),
    ],
)
def test_suppression_is_kept_as_asked_with_nothing_else(
    campaign: Campaign, suppressed: str, keep: bool | None, kept: str
) -> None:
    """Unless said, whoever is suppressed stays so; what stays holds the address and the reason; a repeat keeps it."""
    (contact,) = campaign.people.contacts_of(ANN)
    campaign.people.update_contact(contact.contact_id, {"Email Suppressed": suppressed})
    campaign.erase(keep=keep)
    left = [campaign.people.contact_columns[found.contact_id] for found in campaign.people.contacts_of(ANN)]
    assert left == ([{"Email": ANN, "Email Suppressed": kept}] if kept else [])
    if kept:
        assert campaign.look().is_erased
        assert not campaign.look(keep=False).is_erased


def test_both_contacts_of_one_address_go_and_the_stronger_suppression_stays(campaign: Campaign) -> None:
    """Another spelling of the address is the same person."""
    campaign.people.create_contact(" Ann@Example.org", {"Email Suppressed": "bounced"})
    campaign.people.create_contact(ANN, {"first_name": "Ann", "Email Suppressed": "complained"})
    assert len(campaign.look().contacts) == 3
    campaign.erase()
    assert [found.suppressed for found in campaign.people.all_contacts() if found.address != BEN] == ["complained"]


def test_garbled_row_stops_the_erase_before_it_starts(campaign: Campaign) -> None:
    """Nobody could tell which executions belong to it."""
    campaign.people.unreadable.append('The tracker row has an unknown value in "Segment".')
    with pytest.raises(SetupRefused, match="Nothing is erased"):
        campaign.look()


def test_execution_that_does_not_end_is_told_and_keeps_its_row(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row, by which a repeat finds it, goes only after it; stopped it is."""
    monkeypatch.setattr(campaign.engine, "kill", lambda _: None)
    with pytest.raises(TransientError, match="and has not ended"):
        campaign.erase()
    assert [row.status for row in campaign.people.rows_of(ANN)] == [SequenceStatus.STOPPED]
