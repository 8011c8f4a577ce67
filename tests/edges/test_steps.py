"""The steps on the real edges: how many vendor calls they cost, and that many at once make one of each."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.cache import FileCache
from christmas_tasks.enrolments import EnrolmentRequest, from_assessment
from christmas_tasks.errors import OutcomeUnknown
from christmas_tasks.locks import FolderLocks
from christmas_tasks.mailer import Mailer
from christmas_tasks.notion import Notion
from christmas_tasks.payloads import Assessment, Signup, parse
from christmas_tasks.steps.enrol import Enrolled, enrol, register_signup
from christmas_tasks.steps.sending import FrozenMail, prepare, record, send
from christmas_tasks.tracker import EmailStatus
from tests.edges.conftest import DATABASES
from tests.fakes import settings

SETTINGS = settings(
    CALENDLY_LINK="https://calendly.example.org/call",
    PDF_DOWNLOAD_LINK="https://www.example.org/report.pdf",
    MAX_EMAIL_LATENESS="900d",
)
NOW = datetime.now(UTC).replace(microsecond=0)
ANN = "ann@example.org"


def assessment(email: str = ANN, received_at: datetime = NOW) -> EnrolmentRequest:
    body = {"email": email, "first_name": "Ann", "red_systems": 2, "orange_systems": 1}
    return from_assessment(parse(Assessment, body), received_at)


@dataclass(frozen=True)
class Task:
    """What one task of a real flow starts from; a process of its own makes its own clients."""

    url: str
    folder: Path
    execution_id: str
    email: str = ANN

    def run(self) -> Enrolled:
        notion = Notion(DEFAULT_NOTION_TOKEN, DATABASES, FileCache(self.folder), self.url, 30.0)
        try:
            locks = FolderLocks(self.folder / "locks")
            return enrol(assessment(self.email), self.execution_id, SETTINGS, notion, locks)
        finally:
            notion.close()

    def sign_up(self) -> None:
        notion = Notion(DEFAULT_NOTION_TOKEN, DATABASES, FileCache(self.folder), self.url, 30.0)
        try:
            register_signup(parse(Signup, {"email": self.email}), notion, FolderLocks(self.folder / "locks"))
        finally:
            notion.close()


def run(task: Task) -> tuple[bool, int]:
    """In a process of its own: whether it started the sequence, and how many emails it is to schedule."""
    enrolled = task.run()
    return enrolled.is_new, len(enrolled.emails)


def counted(sandbox: SandboxHandle, after: int) -> Counter[str]:
    return Counter(call["vendor"] for call in sandbox.calls(after))


def last_call(sandbox: SandboxHandle) -> int:
    return int(sandbox.calls()[-1]["seq"])


def test_a_signup_costs_two_calls(sandbox: SandboxHandle, notion: Notion, tmp_path: Path) -> None:
    before = last_call(sandbox)
    register_signup(parse(Signup, {"email": ANN, "first_name": "Ann"}), notion, FolderLocks(tmp_path / "locks"))
    assert counted(sandbox, before) == {"notion": 2}


@pytest.mark.parametrize("is_known", [False, True])
def test_an_enrolment_costs_four_calls(
    sandbox: SandboxHandle, notion: Notion, tmp_path: Path, *, is_known: bool
) -> None:
    """Whether or not the contact is there; the preflight reads warm templates."""
    locks = FolderLocks(tmp_path / "locks")
    if is_known:
        register_signup(parse(Signup, {"email": ANN}), notion, locks)
    before = last_call(sandbox)
    enrolled = enrol(assessment(), "first", SETTINGS, notion, locks)
    assert counted(sandbox, before) == {"notion": 4}
    assert enrolled.template_problems == ()


def frozen_second(notion: Notion, tmp_path: Path) -> FrozenMail:
    """5day #2 of a contact whose #1 went out yesterday."""
    locks = FolderLocks(tmp_path / "locks")
    row = enrol(assessment(received_at=NOW - timedelta(hours=25)), "first", SETTINGS, notion, locks).row
    prepared = prepare(row.key, row.row_id, 2, SETTINGS, notion, NOW, is_first_attempt=True)
    assert prepared.frozen is not None
    return prepared.frozen


def clock() -> datetime:
    return NOW


def test_an_email_costs_two_calls_to_notion_and_one_to_resend(
    sandbox: SandboxHandle, notion: Notion, mailer: Mailer, tmp_path: Path
) -> None:
    """Read, send, write; the row and the mail are as the contract says."""
    locks = FolderLocks(tmp_path / "locks")
    row = enrol(assessment(received_at=NOW - timedelta(hours=25)), "first", SETTINGS, notion, locks).row
    before = last_call(sandbox)
    frozen = prepare(row.key, row.row_id, 2, SETTINGS, notion, NOW, is_first_attempt=True).frozen
    assert frozen is not None
    after = record(frozen, send(frozen, SETTINGS, notion, mailer, clock), notion, NOW)
    assert counted(sandbox, before) == {"notion": 2, "resend": 1}
    (mail,) = sandbox.mails(ANN)
    assert after is not None
    assert (after.email(2).status, after.email(2).resend_id) == (EmailStatus.SENT, mail["id"])
    assert "Ann" in mail["html"]


def test_a_lost_answer_at_send_is_one_mail_and_its_id(
    sandbox: SandboxHandle, notion: Notion, mailer: Mailer, tmp_path: Path
) -> None:
    """The edge repeats with the same key; Resend answers with the first id."""
    frozen = frozen_second(notion, tmp_path)
    sandbox.add_fault("resend", "lost_answer", path="/emails", times=1)
    outcome = send(frozen, SETTINGS, notion, mailer, clock)
    (mail,) = sandbox.mails()
    assert outcome.resend_id == mail["id"]


def test_an_attempt_older_than_the_keys_memory_is_found_in_resends_list(
    sandbox: SandboxHandle, notion: Notion, mailer: Mailer, tmp_path: Path
) -> None:
    """A restart two days after a lost answer: the real list settles it, nothing is sent again."""
    frozen = frozen_second(notion, tmp_path)
    sandbox.add_fault("resend", "lost_answer", path="/emails")
    mailer._budget_s = 0.1
    with pytest.raises(OutcomeUnknown):
        send(frozen, SETTINGS, notion, mailer, clock)
    sandbox.clear_faults()
    sandbox.shift_clock(2 * 86_400)
    mailer._budget_s = 5.0
    outcome = send(frozen, SETTINGS, notion, mailer, lambda: NOW + timedelta(days=2))
    (mail,) = sandbox.mails()
    assert outcome.resend_id == mail["id"]


def test_twenty_executions_make_one_row_one_contact_and_one_plan(sandbox: SandboxHandle, tmp_path: Path) -> None:
    """Twenty executions, each with its own clients, four at any time in processes of their own."""
    tasks = [Task(sandbox.url, tmp_path, f"execution-{number}") for number in range(20)]
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as processes:
        outcomes = list(processes.map(run, tasks))
    assert sorted(outcomes) == [*[(False, 0)] * 19, (True, 4)]
    assert (len(sandbox.rows("tracker")), len(sandbox.rows("contacts"))) == (1, 1)


def test_signups_and_enrolments_at_the_same_time_make_one_contact(sandbox: SandboxHandle, tmp_path: Path) -> None:
    """Ten of each for one address, and two other addresses beside them, in threads of one process."""
    others = [Task(sandbox.url, tmp_path, f"other-{number}", f"other{number}@example.org") for number in range(2)]
    tasks = [Task(sandbox.url, tmp_path, f"execution-{number}") for number in range(10)]
    with ThreadPoolExecutor(22) as threads:
        signups = [threads.submit(task.sign_up) for task in tasks]
        outcomes = [threads.submit(task.run) for task in (*tasks, *others)]
    assert [signup.result() for signup in signups] == [None] * 10
    assert sum(outcome.result().is_new for outcome in outcomes) == 3
    assert len(sandbox.rows("tracker")) == 3
    assert len(sandbox.rows("contacts")) == 3


def test_a_create_whose_answer_is_lost_makes_one_of_each_at_enrolment(
    sandbox: SandboxHandle, notion: Notion, tmp_path: Path
) -> None:
    """Row and contact, each lost once."""
    sandbox.add_fault("notion", "lost_answer", path="/v1/pages", times=1)
    sandbox.add_fault("notion", "lost_answer", path="/v1/pages", skip=1, times=1)
    enrolled = enrol(assessment(), "first", SETTINGS, notion, FolderLocks(tmp_path / "locks"))
    assert len(enrolled.emails) == 4
    assert (len(sandbox.rows("tracker")), len(sandbox.rows("contacts"))) == (1, 1)
