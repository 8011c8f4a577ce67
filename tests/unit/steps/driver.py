"""Drives the steps of one email as the flow does, on the fakes."""

from dataclasses import dataclass
from typing import Any

from christmas_tasks.enrolments import EnrolmentRequest, from_assessment, from_no_show
from christmas_tasks.payloads import Assessment, NoShow, parse
from christmas_tasks.settings import Settings
from christmas_tasks.steps import sending
from christmas_tasks.steps.enrol import enrol
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.sending import FrozenMail, Prepared, SendOutcome
from christmas_tasks.tracker import EmailState, TrackerRow
from tests.fakes import START, FakeClock, FakeLedger, FakeLocks, FakeSender

ANN = "ann@example.org"


def assessment(**more: Any) -> EnrolmentRequest:
    """A CRITICAL lead to whom the website has sent #1 at ``START``."""
    body = {
        "email": ANN,
        "first_name": "Ann",
        "red_systems": 2,
        "orange_systems": 1,
        "yellow_systems": 3,
        "green_systems": 2,
        "assessment_score": 41,
        "email_1_sent_at": START.isoformat(),
        **more,
    }
    return from_assessment(parse(Assessment, body), START)


def no_show(event: str = "EV1", **more: Any) -> EnrolmentRequest:
    """A call missed at ``START``: emails after 5 minutes, 24 and 48 hours."""
    return from_no_show(parse(NoShow, {"email": ANN, "first_name": "Ann", "calendly_event_id": event, **more}), START)


@dataclass
class Emails:
    """The emails of one enrolment, and what stands around them."""

    clock: FakeClock
    ledger: FakeLedger
    sender: FakeSender
    settings: Settings
    key: str = ""
    row_id: str = ""

    def enrol(self, request: EnrolmentRequest) -> TrackerRow:
        """Start the sequence; its row is the one that the other methods work on."""
        row = enrol(request, "first", self.settings, self.ledger, FakeLocks()).row
        self.key, self.row_id = row.key, row.row_id
        return row

    @property
    def row(self) -> TrackerRow:
        return self.ledger.row(self.row_id)

    def state(self, number: int) -> EmailState:
        return self.row.email(number)

    def prepare(self, number: int, *, first: bool = True) -> Prepared:
        return sending.prepare(
            self.key, self.row_id, number, self.settings, self.ledger, self.clock(), is_first_attempt=first
        )

    def freeze(self, number: int, *, first: bool = True) -> FrozenMail:
        """What prepare hands over, through the file that it is kept in."""
        frozen = self.prepare(number, first=first).frozen
        assert frozen is not None
        return load(dump(frozen), FrozenMail)

    def send(self, frozen: FrozenMail, *, is_replay: bool = False) -> SendOutcome:
        return sending.send(frozen, self.settings, self.ledger, self.sender, self.clock, is_replay=is_replay)

    def record(self, frozen: FrozenMail, outcome: SendOutcome, *, is_replay: bool = False) -> TrackerRow | None:
        return sending.record(frozen, outcome, self.ledger, self.clock(), is_replay=is_replay)

    def run(self, number: int, *, first: bool = True) -> FrozenMail:
        """All three steps, one right after the other."""
        frozen = self.freeze(number, first=first)
        self.record(frozen, self.send(frozen))
        return frozen
