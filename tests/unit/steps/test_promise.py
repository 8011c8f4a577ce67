"""The promise over random histories: once, never lost, stopped in time, in order (contract sections 5 to 7).

A machine plays enrolments, executions of send-email, crashes, lost answers, restarts, replays, stops, holds, broken
templates, reconcile, lost databases and jumps of the clock in any order, and looks at what Resend has accepted.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import stamina
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from christmas_tasks.decisions import Action
from christmas_tasks.enrolments import EnrolmentRequest
from christmas_tasks.errors import ChristmasError, MailRefused, OutcomeUnknown
from christmas_tasks.sequences import StopEvent, mail_key
from christmas_tasks.steps import sending
from christmas_tasks.steps.enrol import enrol
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.reconcile import reconcile
from christmas_tasks.steps.sending import FRESH_FOR, FrozenMail, SendOutcome
from christmas_tasks.steps.stops import stop
from christmas_tasks.tracker import EmailStatus, TrackerRow
from tests.fakes import (
    START,
    Calls,
    Columns,
    FakeClock,
    FakeLedger,
    FakeLocks,
    FakeSender,
    Killed,
    broken,
    good_templates,
    settings,
)
from tests.unit.steps.driver import assessment, no_show

LEADS = (no_show("EV1"), assessment(email="bob@example.org"), no_show("EV2"))
GAP = timedelta(hours=6)
ENDS = {EmailStatus.SENT, EmailStatus.SKIPPED, EmailStatus.FAILED, EmailStatus.UNRESOLVED}
JUMPS = (
    timedelta(0),
    timedelta(seconds=61),
    timedelta(minutes=6),
    timedelta(hours=6),
    timedelta(hours=23),
    timedelta(hours=25),
)
MOST_ROUNDS = 400
ERRORS: dict[str, Callable[[], BaseException]] = {
    "no answer": lambda: OutcomeUnknown("No answer."),
    "killed": Killed,
    "refused": lambda: MailRefused("Resend refuses the request for good (HTTP 422)."),
}


class Trouble(NamedTuple):
    """What goes wrong, before or after the effect.

    Args:
        nth: Which of the next calls to Notion; 0: the next one to Resend.
    """

    kind: str
    nth: int
    after: bool


NTH_CALL = st.sampled_from([0, 2, 3, 4])
TROUBLE_AT_NOTION = st.none() | st.builds(
    Trouble, st.sampled_from(["no answer", "killed"]), st.integers(1, 5), st.booleans()
)
TROUBLE_AT_RESEND = st.builds(Trouble, st.sampled_from(["no answer", "killed"]), st.just(0), st.booleans())
TROUBLE = st.none() | TROUBLE_AT_RESEND | st.just(Trouble("refused", 0, after=False)) | TROUBLE_AT_NOTION


@dataclass
class Execution:
    """One execution of send-email: what it was started with, and what its tasks have handed over."""

    row: TrackerRow
    number: int
    at: datetime
    is_first: bool
    frozen: FrozenMail | None = None
    outcome: SendOutcome | None = None
    is_replay: bool = False
    has_failed: bool = False
    has_ended: bool = False

    @property
    def is_live(self) -> bool:
        return not (self.has_failed or self.has_ended)


class Promise(RuleBasedStateMachine):
    """What may happen, and what must hold after each step."""

    @initialize(which=st.integers(0, len(LEADS) - 1), lists_are_long=st.booleans())
    def begin(self, which: int, *, lists_are_long: bool) -> None:
        # Where Resend's list may not reach back, a first attempt must be one: there the emails start as any others.
        self.lists_are_long = lists_are_long
        self.clock = FakeClock()
        self.ledger = FakeLedger()
        self.sender = FakeSender(self.clock)
        self.sender.somebody_elses(START - timedelta(days=1))
        self.settings = settings()
        self.executions: list[Execution] = []
        self.unfinished: dict[str, EnrolmentRequest] = {}
        self.stops: list[tuple[str, datetime]] = []
        self.failed_once: set[str] = set()
        self.backup: dict[str, Columns] = {}
        self.restores = 0
        self.enrol(which, "a", None)

    # What happens

    @rule(which=st.integers(0, len(LEADS) - 1), execution=st.sampled_from("ab"), trouble=TROUBLE_AT_NOTION)
    def enrol(self, which: int, execution: str, trouble: Trouble | None) -> None:
        """A webhook, its repeat by another execution, or a restart of the same one."""
        self._arrange(trouble)
        self.unfinished[f"{which}{execution}"] = LEADS[which]
        self._start(LEADS[which], f"{which}{execution}")
        self._all_well()

    @precondition(lambda self: self._ready())
    @rule(which=st.integers(0, 9), jump=st.sampled_from(JUMPS), trouble=TROUBLE, tasks=st.integers(1, 3))
    def go_on(self, which: int, jump: timedelta, trouble: Trouble | None, tasks: int) -> None:
        """Time passes; then an execution that is due runs its next tasks, or is restarted where it has failed."""
        execution = self._ready()[which % len(self._ready())]
        self.clock.now += jump
        for _ in range(tasks - 1):
            self._step(execution)
        self._arrange(trouble)
        self._step(execution)
        self._all_well()

    @rule(jump=st.sampled_from(JUMPS))
    def everything_due_runs(self, jump: timedelta) -> None:
        """The engine on a good day."""
        self.clock.now += jump
        for execution in self._ready():
            for _ in range(3):
                self._step(execution)

    @precondition(lambda self: self.executions)
    @rule(which=st.integers(0, 99), jump=st.sampled_from(JUMPS), task=st.integers(0, 2), trouble=TROUBLE)
    def replay(self, which: int, jump: timedelta, task: int, trouble: Trouble | None) -> None:
        """A person replays an execution from any task: a new one that has what the earlier tasks handed over."""
        self.clock.now += jump
        new = self._replayed(self.executions[which % len(self.executions)], task)
        self.executions.append(new)
        self._arrange(trouble)
        for _ in range(3):
            self._step(new)
        self._all_well()

    @rule(
        address=st.sampled_from(["ann@example.org", "bob@example.org"]), event=st.sampled_from(StopEvent), nth=NTH_CALL
    )
    def stop(self, address: str, event: StopEvent, nth: int) -> None:
        """Right now, or between two calls to Notion of the task that runs next."""
        ready = self._ready()
        if nth and ready:
            self.ledger.calls.meanwhile(nth, lambda: self._stop(address, event))
            self._step(ready[-1])
            self._all_well()
        else:
            self._stop(address, event)

    @precondition(lambda self: self.ledger.row_columns)
    @rule(which=st.integers(0, 9), is_held=st.booleans())
    def hold(self, which: int, *, is_held: bool) -> None:
        """A person holds a row, or lets it go on."""
        row_id = sorted(self.ledger.row_columns)[which % len(self.ledger.row_columns)]
        if self.ledger.row(row_id).status.value == ("active" if is_held else "held"):
            self.ledger.edit(row_id, Sequence_Status="held" if is_held else "active")

    @rule(name=st.sampled_from(["noshow_recovery_email_1", "noshow_recovery_email_3", "5-Day E2"]), good=st.booleans())
    def edit_template(self, name: str, *, good: bool) -> None:
        page = good_templates()[name]
        self.ledger.template_pages[name] = page if good else broken(page)

    @rule(knows_live=st.booleans(), list_hours=st.sampled_from([26, 72, 720]))
    def reconcile(self, *, knows_live: bool, list_hours: int) -> None:
        """The hourly flow, after a loss of the engine's database as well; Resend's list is as long as it is."""
        self.sender.list_reaches_back = timedelta(hours=720 if self.lists_are_long else list_hours)
        self._reconcile(knows_live=knows_live)

    @rule()
    def back_up(self) -> None:
        """Somebody exports the tracker."""
        self.backup = deepcopy(self.ledger.row_columns)

    @precondition(lambda self: self.backup)
    @rule(under_other_ids=st.booleans(), jump=st.sampled_from(JUMPS))
    def restore_the_tracker(self, *, under_other_ids: bool, jump: timedelta) -> None:
        """The engine goes on with rows that are older than what was sent; rows made since are gone."""
        self.clock.now += jump
        restored = deepcopy(self.backup)
        if under_other_ids:
            self.restores += 1
            restored = {f"{row_id}-restored-{self.restores}": columns for row_id, columns in restored.items()}
        self.ledger.row_columns.clear()
        self.ledger.row_columns.update(restored)
        # What was stopped since then is forgotten: a person, or the contact's suppression, stops it again.
        self.stops.clear()

    @rule(jump=st.sampled_from(JUMPS))
    def lose_the_engine(self, jump: timedelta) -> None:
        """Its database is gone: no handler goes on, no email waits, nothing can be replayed."""
        self.clock.now += jump
        self.executions.clear()
        self.unfinished.clear()

    # What must hold

    @invariant()
    def at_most_one_mail_for_each_number(self) -> None:
        markers = [accepted.mail.marker for accepted in self.sender.accepted if accepted.key]
        assert len(markers) == len(set(markers))

    @invariant()
    def one_row_for_each_enrolment_and_one_contact_for_each_address(self) -> None:
        keys = [row.key for row in self.ledger.all_rows()]
        assert len(keys) == len(set(keys))
        addresses = [contact.address for contact in self.ledger.all_contacts()]
        assert len(addresses) == len(set(addresses))

    @invariant()
    def none_early_in_order_and_with_the_gap(self) -> None:
        for row in self.ledger.all_rows():
            sent = [
                (accepted.at, state.number)
                for state in row.emails
                for accepted in self.sender.accepted
                if accepted.key == mail_key(row.key, state.number)
            ]
            for at, number in sent:
                assert at >= (row.email(number).scheduled_at or at)
            # One that has failed is replayed by a person, at any later time.
            regular = sorted((at, n) for at, n in sent if mail_key(row.key, n) not in self.failed_once)
            for (earlier, first), (later, second) in pairwise(regular):
                assert first < second
                assert later - earlier >= GAP

    @invariant()
    def none_after_a_stop_but_one_in_flight(self) -> None:
        for key, stopped_at in self.stops:
            after = [a for a in self.sender.accepted if a.key.startswith(f"{key}-") and a.at > stopped_at]
            assert len(after) <= 1
            assert all(accepted.at - stopped_at <= FRESH_FOR for accepted in after)

    def teardown(self) -> None:
        """Repair everything and let it run out: each planned email has an end, and a last replay of all sends none."""
        if not hasattr(self, "ledger"):
            return
        self._all_well()
        self.ledger.template_pages.update(good_templates())
        for execution_id, lead in list(self.unfinished.items()):
            self._start(lead, execution_id)
        for row in self.ledger.all_rows():
            if row.status.value == "held":
                self.ledger.edit(row.row_id, Sequence_Status="active")
        self._run_out()
        for row in self.ledger.all_rows():
            for state in row.emails:
                if state.scheduled_at is not None:
                    assert state.status in ENDS
                if state.status is EmailStatus.SENT and state.resend_id:
                    assert [a.key for a in self.sender.accepted if a.resend_id == state.resend_id] == [
                        mail_key(row.key, state.number)
                    ]
        self._replay_all()

    # How it is done

    def _ready(self) -> list[Execution]:
        return [one for one in self.executions if not one.has_ended and one.at <= self.clock.now]

    def _arrange(self, trouble: Trouble | None) -> None:
        if trouble is None:
            return
        error = ERRORS[trouble.kind]()
        calls = self.ledger.calls if trouble.nth else self.sender.calls
        calls.fail(trouble.nth or 1, error, after=trouble.after)

    def _all_well(self) -> None:
        self.ledger.calls.all_well()
        self.sender.calls.all_well()

    def _stop(self, address: str, event: StopEvent) -> None:
        # The task that stops has a client of its own.
        calls, self.ledger.calls = self.ledger.calls, Calls()
        stop(address, event, self.ledger, FakeLocks())
        self.ledger.calls = calls
        stopped = [row.key for row in self.ledger.all_rows() if row.stop_reason == event.value]
        self.stops.extend((key, self.clock.now) for key in stopped)

    def _replayed(self, old: Execution, task: int) -> Execution:
        frozen = old.frozen if task >= 1 else None
        outcome = old.outcome if task >= 2 and frozen else None
        if outcome is not None and outcome.decision.action is not Action.SEND:
            outcome = None
        return replace(
            old,
            frozen=frozen,
            outcome=outcome,
            is_first=False,
            is_replay=True,
            has_failed=False,
            has_ended=False,
            at=self.clock.now,
        )

    def _start(self, lead: EnrolmentRequest, execution_id: str) -> None:
        try:
            enrolled = enrol(lead, execution_id, self.settings, self.ledger, FakeLocks())
        except (ChristmasError, Killed):
            return
        del self.unfinished[execution_id]
        self.executions.extend(
            Execution(enrolled.row, email.number, email.due_at, is_first=self.lists_are_long)
            for email in enrolled.emails
        )

    def _step(self, execution: Execution) -> None:
        if execution.has_ended or execution.at > self.clock.now:
            return
        try:
            self._next_task(execution)
            execution.has_failed = False
        except (ChristmasError, Killed):
            execution.has_failed = True
        row = next((row for row in self.ledger.all_rows() if row.key == execution.row.key), None)
        for state in row.emails if row else ():
            if state.status is EmailStatus.FAILED:
                self.failed_once.add(mail_key(execution.row.key, state.number))

    def _next_task(self, execution: Execution) -> None:
        row, number = execution.row, execution.number
        if execution.frozen is None:
            prepared = sending.prepare(
                row.key,
                row.row_id,
                number,
                self.settings,
                self.ledger,
                self.clock(),
                is_first_attempt=execution.is_first,
            )
            decision = prepared.decision
            execution.frozen = None if prepared.frozen is None else load(dump(prepared.frozen), FrozenMail)
            is_first = execution.is_first
        elif execution.outcome is None:
            # From here on this execution itself may have made an attempt.
            is_first = False
            outcome = sending.send(
                execution.frozen, self.settings, self.ledger, self.sender, self.clock, is_replay=execution.is_replay
            )
            decision = outcome.decision
            execution.outcome = outcome
        else:
            execution.has_ended = True
            sending.record(
                execution.frozen, execution.outcome, self.ledger, self.clock(), is_replay=execution.is_replay
            )
            return
        if decision.action is not Action.SEND:
            execution.has_ended = True
        if decision.until is not None:
            self.executions.append(Execution(row, number, decision.until, is_first=is_first))

    def _reconcile(self, *, knows_live: bool) -> None:
        live = frozenset((one.row.key, one.number) for one in self.executions if one.is_live)
        found = reconcile(self.ledger, live if knows_live else frozenset(), self.settings, self.clock())
        for missing in found.missing:
            row = self.ledger.row(missing.row_id)
            self.executions.append(Execution(row, missing.number, max(missing.at, self.clock.now), is_first=False))

    def _run_out(self) -> None:
        for _ in range(MOST_ROUNDS):
            self._reconcile(knows_live=True)
            live = [execution for execution in self.executions if execution.is_live]
            if not live:
                return
            due = [execution for execution in live if execution.at <= self.clock.now]
            for execution in due:
                for _ in range(3):
                    self._step(execution)
            if not due:
                self.clock.now = min(execution.at for execution in live)
        raise AssertionError("the executions do not come to an end")

    def _replay_all(self) -> None:
        before = len(self.sender.accepted)
        self.clock.advance(days=30)
        for old in {(one.row.key, one.number, one.frozen is None): one for one in self.executions}.values():
            for task in range(3):
                again = self._replayed(old, task)
                for _ in range(3):
                    self._step(again)
        assert len(self.sender.accepted) == before
        self.at_most_one_mail_for_each_number()


def test_the_promise_holds_over_random_histories() -> None:
    """The same histories on every run; to search further, raise the number of examples."""
    with stamina.set_testing(True, attempts=2):
        run_state_machine_as_test(
            Promise,
            settings=limits(derandomize=True, database=None, deadline=None, max_examples=30, stateful_step_count=25),
        )
