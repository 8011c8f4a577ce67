"""The door by which a Script task of a flow comes in: files and environment to steps, results to Kestra's outputs.

A flow's script is one call, ``run("prepare")``. What comes in: text of other people as base64 files, ids, numbers and
times as environment variables, settings as ``settings.py`` reads them. What goes out: one outputs line of ids, numbers,
times and booleans, and base64 files for all else.

A permanent error ends the task in success with the output ``fault``; the flow's last task fails on it at once, since
Kestra would repeat a failed task. A transient one fails the task, and Kestra repeats it.
"""

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from logging import ERROR, INFO, WARNING
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from christmas_tasks.errors import ChristmasError, PayloadError, PermanentError, TransientError
from christmas_tasks.settings import Settings, utc_now

if TYPE_CHECKING:
    from christmas_tasks.discord import Alert
    from christmas_tasks.locks import FolderLocks
    from christmas_tasks.mailer import Mailer
    from christmas_tasks.notion import Notion

Outputs = dict[str, Any]
_BASE64 = ".b64"
_FAULT_LIMIT = 2_000


@dataclass(frozen=True)
class Door:
    """What one task sees of the outside; clients are made when first used.

    Args:
        environ: The task's environment.
        folder: Its working directory.
    """

    environ: Mapping[str, str]
    folder: Path

    @cached_property
    def settings(self) -> Settings:
        """The server's settings."""
        return Settings.load(self.environ)

    @cached_property
    def cache_folder(self) -> Path:
        """Where the tasks of this machine keep what they share."""
        from christmas_tasks.cache import default_folder  # noqa: PLC0415

        return Path(self.settings.cache_dir) if self.settings.cache_dir else default_folder()

    @cached_property
    def notion(self) -> "Notion":
        """The three databases."""
        from christmas_tasks.cache import FileCache  # noqa: PLC0415
        from christmas_tasks.columns import Database  # noqa: PLC0415
        from christmas_tasks.notion import Notion  # noqa: PLC0415

        return Notion(
            self.settings.secret("NOTION_TOKEN"),
            {database: self.settings.secret(database.value) for database in Database},
            FileCache(self.cache_folder),
            self.settings.notion_base_url,
        )

    @cached_property
    def mailer(self) -> "Mailer":
        """Resend."""
        from christmas_tasks.mailer import Mailer  # noqa: PLC0415

        return Mailer(self.settings.secret("RESEND_API_KEY"), self.settings.resend_api_url)

    @cached_property
    def locks(self) -> "FolderLocks":
        """One task at a time for each address."""
        from christmas_tasks.locks import FolderLocks  # noqa: PLC0415

        return FolderLocks(self.cache_folder / "locks")

    def env(self, name: str) -> str:
        """A value that the flow hands over; empty if it doesn't."""
        return self.environ.get(name, "").strip()

    def flag(self, name: str) -> bool:
        """A boolean that the flow hands over."""
        return self.env(name).lower() == "true"

    def instant(self, name: str) -> datetime:
        """A time that the flow hands over, aware UTC; now if it doesn't."""
        text = self.env(name)
        return datetime.fromisoformat(text).astimezone(UTC) if text else utc_now()

    @property
    def execution_id(self) -> str:
        """Kestra's id of the execution."""
        return self.env("EXECUTION_ID")

    def json_file(self, name: str) -> Any:  # noqa: ANN401 - whatever JSON was posted
        """The JSON of a base64 file.

        Raises:
            PayloadError: It holds no JSON.
        """
        try:
            return json.loads(self.bytes_file(name))
        except (ValueError, RecursionError):
            raise PayloadError(["The body must be a JSON object."]) from None

    def bytes_file(self, name: str) -> bytes:
        """The content of a base64 file, byte for byte."""
        return base64.b64decode((self.folder / f"{name}{_BASE64}").read_bytes(), validate=False)

    def write_file(self, name: str, content: bytes) -> None:
        """Write a base64 file for a later task."""
        (self.folder / f"{name}{_BASE64}").write_bytes(base64.b64encode(content))


def run(name: str) -> None:
    """Do one task of a flow, and end the process.

    Args:
        name: A name of ``TASKS``.

    Exits with 0, or with 1 after one readable line for each thing that is wrong.
    """
    sys.excepthook = _unexpected
    door = Door(os.environ, Path.cwd())
    try:
        outputs = TASKS[name](door)
    except PermanentError as error:
        for line in error.lines:
            say(ERROR, line)
        emit({"fault": _harmless("\n".join(error.lines)), **NOTHING_TO_DO})
    except TransientError as error:
        for line in error.lines:
            say(ERROR, line)
        sys.exit(1)
    else:
        emit({"fault": "", **outputs})


# What later tasks ask for, so that each of them stands still after a fault.
NOTHING_TO_DO: Outputs = {"send": False, "record": False, "wait": False, "emails": [], "alert": False}


def signup(door: Door) -> Outputs:
    """signup-handler: the contact."""
    from christmas_tasks.payloads import Signup, parse  # noqa: PLC0415
    from christmas_tasks.steps.enrol import register_signup  # noqa: PLC0415

    for note in register_signup(parse(Signup, door.json_file("payload")), door.notion, door.locks):
        say(INFO, note)
    _warn(door)
    return {}


def assessment(door: Door) -> Outputs:
    """assessment-handler: enrol in ``5day``."""
    from christmas_tasks.enrolments import from_assessment  # noqa: PLC0415
    from christmas_tasks.payloads import Assessment, parse  # noqa: PLC0415

    return _enrol(door, from_assessment(parse(Assessment, door.json_file("payload")), door.instant("RECEIVED_AT")))


def prepare(door: Door) -> Outputs:
    """send-email: decide and freeze."""
    from christmas_tasks.steps.frozen import dump  # noqa: PLC0415
    from christmas_tasks.steps.sending import prepare as step  # noqa: PLC0415
    from christmas_tasks.tracker import Action  # noqa: PLC0415

    is_first_attempt = door.flag("FIRST_ATTEMPT") and door.env("ORIGINAL_ID") in {"", door.execution_id}
    prepared = step(
        door.env("ENROLMENT"),
        door.env("ROW"),
        int(door.env("EMAIL_NUMBER")),
        door.settings,
        door.notion,
        utc_now(),
        is_first_attempt=is_first_attempt,
    )
    _warn(door)
    if prepared.frozen is not None:
        door.write_file("mail", dump(prepared.frozen))
    return {
        "send": prepared.decision.action is Action.SEND,
        "first_attempt": is_first_attempt,
        **_decided(prepared.decision),
    }


def send(door: Door) -> Outputs:
    """send-email: hand the frozen mail over."""
    from christmas_tasks.steps.frozen import load  # noqa: PLC0415
    from christmas_tasks.steps.sending import send as step  # noqa: PLC0415
    from christmas_tasks.tracker import Action  # noqa: PLC0415

    outcome = step(load(door.bytes_file("mail")), door.settings, door.notion, door.mailer, utc_now)
    return {
        "record": outcome.decision.action is Action.SEND,
        "resend_id": outcome.resend_id,
        "accepted_at": outcome.accepted_at.isoformat() if outcome.accepted_at else "",
        **_decided(outcome.decision, done="accepted by Resend" if outcome.resend_id else "outcome unknown"),
    }


def record(door: Door) -> Outputs:
    """send-email: write down what send has come to."""
    from christmas_tasks.steps.frozen import load  # noqa: PLC0415
    from christmas_tasks.steps.sending import SendOutcome  # noqa: PLC0415
    from christmas_tasks.steps.sending import record as step  # noqa: PLC0415
    from christmas_tasks.tracker import Action, Decision  # noqa: PLC0415

    accepted_at = door.instant("ACCEPTED_AT") if door.env("ACCEPTED_AT") else None
    outcome = SendOutcome(Decision(Action.SEND), door.env("RESEND_ID"), accepted_at)
    row = step(load(door.bytes_file("mail")), outcome, door.notion, utc_now())
    _warn(door)
    say(INFO, "Recorded." if row else "The tracker row is gone: nothing is recorded.")
    return {}


def alert(door: Door) -> Outputs:
    """Any flow: post what an earlier task has written down for the people."""
    from christmas_tasks.steps.alerts import load, post_all  # noqa: PLC0415

    return _post(door, post_all, load(door.bytes_file("alerts")))


def alert_failure(door: Door) -> Outputs:
    """The errors branch of any flow: one alert for one failed execution."""
    from christmas_tasks.steps.alerts import failure, post_all  # noqa: PLC0415

    logs = door.json_file("errors")
    link = f"{door.settings.public_url}/ui/main/executions/christmas/{door.env('FLOW_ID')}/{door.execution_id}"
    return _post(door, post_all, [failure(door.env("FLOW_ID"), door.execution_id, link, logs, utc_now())])


def check(door: Door) -> Outputs:
    """health-check: a readable report; a fault for each thing that would break the campaign."""
    from christmas_tasks.steps.check import check as step  # noqa: PLC0415

    report = step(door.environ, lambda: door.notion, lambda: door.mailer, utc_now())
    for line in report.faults:
        say(ERROR, line)
    for line in report.warnings:
        say(WARNING, line)
    return {"fault": _harmless("\n".join(report.faults)), "report": "\n".join(report.lines)}


def _enrol(door: Door, request: Any) -> Outputs:  # noqa: ANN401 - EnrolmentRequest, imported late
    from christmas_tasks.steps.alerts import dump, for_enrolment  # noqa: PLC0415
    from christmas_tasks.steps.enrol import enrol as step  # noqa: PLC0415

    enrolled = step(request, door.execution_id, door.settings, door.notion, door.locks)
    for note in enrolled.notes:
        say(WARNING if note in request.warnings else "INFO", note)
    _warn(door)
    alerts = for_enrolment(enrolled, request, utc_now())
    door.write_file("alerts", dump(alerts))
    return {
        "is_new": enrolled.is_new,
        "enrolment": enrolled.row.key,
        "row": enrolled.row.row_id,
        "segment": enrolled.segment.value,
        "sequence": enrolled.row.sequence.value,
        "emails": [{"number": email.number, "at": email.due_at.isoformat()} for email in enrolled.emails],
        "alert": bool(alerts),
    }


def _post(door: Door, post_all: Callable[..., int], alerts: "list[Alert]") -> Outputs:
    url = door.settings.optional_secret("DISCORD_WEBHOOK_URL")
    posted = post_all(url, alerts)
    if url and posted < len(alerts):
        say(WARNING, f"Discord took {posted} of {len(alerts)} alerts; the flow goes on.")
    return {"posted": posted}


def _decided(decision: Any, done: str = "") -> Outputs:  # noqa: ANN401 - Decision, imported late
    said = done if done and decision.action == "send" else decision.action.value
    say(INFO, f"{said}: {decision.reason}" if decision.reason else said)
    return {
        "action": decision.action.value,
        "wait": decision.until is not None,
        "until": decision.until.isoformat() if decision.until else "",
        "reason": _harmless(decision.reason),
    }


def _warn(door: Door) -> None:
    for line in door.notion.warnings:
        say(WARNING, line)


def say(level: int, line: str) -> None:
    """Write one line into the execution's log.

    Args:
        level: One of ``logging``'s.
        line: Without text of other people.
    """
    from kestra import Kestra  # noqa: PLC0415 - 50 ms of CPU beside the vendor's client

    Kestra.logger().log(level, line)


def emit(outputs: Outputs) -> None:
    """Hand *outputs* to Kestra, as ``outputs.<task>.vars``."""
    from kestra import Kestra  # noqa: PLC0415

    Kestra.outputs(outputs)


def _harmless(text: str) -> str:
    # Kestra renders what a flow passes on: no braces may come through.
    return text.replace("{", "(").replace("}", ")")[:_FAULT_LIMIT]


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # The message of an unforeseen error may quote text of other people: say where, not what.
    if issubclass(kind, ChristmasError):
        say(ERROR, str(error))
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    say(ERROR, f"Unexpected {kind.__name__} at {place}. This is a mistake in the library: report this line.")


TASKS: Mapping[str, Callable[[Door], Outputs]] = {
    "signup": signup,
    "assessment": assessment,
    "prepare": prepare,
    "send": send,
    "record": record,
    "alert": alert,
    "alert_failure": alert_failure,
    "check": check,
}
