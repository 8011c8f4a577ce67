"""The commands around one person: ``contact show|stop|hold|resume|export|erase``."""

import json
import os
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from christmas_tasks.cli.terminal import JsonOption, note, say, say_json
from christmas_tasks.errors import ChristmasError, PermanentError, SettingsError
from christmas_tasks.sequences import Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from christmas_tasks.engine_records import EngineRecords, Execution
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.notion_people import NotionPeople
    from christmas_tasks.steps.people import Person
    from christmas_tasks.steps.steer import Steered, Wish

app = typer.Typer(no_args_is_help=True, help="One person: look, stop, hold, resume, export, erase.")

Address = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's address.")]
SequenceOption = Annotated[Sequence | None, typer.Option(help="Only the enrolments in this sequence.")]
KeyOption = Annotated[str, typer.Option("--enrolment", metavar="KEY", help="Only the row with this Enrolment Key.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
_REASON_LIMIT = 200
_NESTED_DEEP = 10_000


class NothingDone(PermanentError):
    """No row could be changed as asked; ``lines`` tells why for each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """One for each row."""
        return self._lines


class Incomplete(PermanentError):
    """The export was written, but not everything could be asked."""


@app.command()
def show(email: Address, as_json: JsonOption = False) -> None:
    """Show one person's timeline over all sequences. Reads only.

    What was planned, sent, delivered, skipped, and why, in the order of time. Asks Kestra what waits if KESTRA_URL
    is set; without it, or without an answer, it says so and shows the rest.

    Example: christmas-tasks contact show anna@example.org
    """
    from christmas_tasks.cli.contact_lines import person_json, person_lines
    from christmas_tasks.steps.people import find_person, read_address
    from christmas_tasks.steps.timeline import timeline

    address = read_address(email)
    with _opened() as clients:
        zone = ZoneInfo(clients.door.settings.timezone)
        person = find_person(address, clients.notion)
        live, engine = _live(clients.door, person)
        entries = timeline(person.rows, live)
        if as_json:
            say_json({**person_json(person), "emails": [asdict(entry) for entry in entries], "engine": engine})
        else:
            for line in person_lines(person, entries, zone, engine):
                say(line)
        _warn(clients.notion)


@app.command()
def stop(
    email: Address,
    sequence: SequenceOption = None,
    key: KeyOption = "",
    reason: Annotated[str, typer.Option(help="For the tracker's Stop Reason.")] = "",
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Stop a person's sequences for good.

    What is still planned is skipped. Changes the tracker alone; the waiting executions see it before they send. A
    repeat says "already". The contact is not suppressed: another webhook may start another sequence.

    Example: christmas-tasks contact stop anna@example.org --sequence 5day --reason "called us"
    """
    from christmas_tasks.steps.steer import BY_A_PERSON, Verb, Wish
    from christmas_tasks.text import clean

    wish = Wish(Verb.STOP, sequence, key.strip(), clean(reason, _REASON_LIMIT) or BY_A_PERSON)
    _steer(email, wish, is_dry=dry_run, as_json=as_json)


@app.command()
def hold(
    email: Address,
    sequence: SequenceOption = None,
    key: KeyOption = "",
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Hold a person's active sequences.

    Emails that come due do nothing until the sequence is resumed. Changes the tracker alone. A repeat says "already".

    Example: christmas-tasks contact hold anna@example.org
    """
    from christmas_tasks.steps.steer import Verb, Wish

    _steer(email, Wish(Verb.HOLD, sequence, key.strip()), is_dry=dry_run, as_json=as_json)


@app.command()
def resume(
    email: Address,
    sequence: SequenceOption = None,
    key: KeyOption = "",
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Resume a person's held sequences.

    Says what becomes of each email. What came due meanwhile goes out in number order with the gap between; what is
    too late is skipped. Changes the tracker, and starts in Kestra what has no execution if KESTRA_URL is set;
    otherwise reconcile does, within the hour. A repeat says "already", and sends nothing twice.

    Example: christmas-tasks contact resume anna@example.org --dry-run
    """
    from christmas_tasks.steps.steer import Verb, Wish

    _steer(email, Wish(Verb.RESUME, sequence, key.strip()), is_dry=dry_run, as_json=as_json)


@app.command()
def export(
    email: Address,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A new file, readable by you alone; else it is printed.")
    ] = None,
) -> None:
    """Export everything that is held about a person. Reads only.

    One JSON of Notion's pages, Kestra's executions with bodies, files and logs, and Resend's list. Exits with 1,
    after writing, if something could not be asked; "incomplete" in the JSON names it.

    Example: christmas-tasks contact export anna@example.org --out anna.json
    """
    from christmas_tasks.steps.export import export_person
    from christmas_tasks.steps.people import read_address

    address = read_address(email)
    if out is not None and out.exists():
        raise NothingDone([f"{out} is there already: give another name."])
    with ExitStack() as opened:
        clients = opened.enter_context(_opened())
        document = export_person(
            address,
            clients.notion,
            lambda: opened.enter_context(_records(clients.door)),
            lambda: clients.door.mailer,
            datetime.now(UTC),
        )
    if out is None:
        say_json(document)
    else:
        _write_private(out, json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
        counts = ", ".join(f"{len(document[part])} {part}" for part in ("contacts", "enrolments", "executions"))
        say(f"Wrote {out}: {counts}, {len(document['resend'])} mails at Resend.")
    if document["incomplete"]:
        raise Incomplete(f"The export is incomplete: {'; '.join(document['incomplete'])}")


@app.command()
def erase(
    email: Address,
    keep_suppression: Annotated[
        bool | None,
        typer.Option(
            "--keep-suppression/--forget-suppression",
            help="Keep a contact with nothing but the address and Email Suppressed. Unless said: if it is suppressed.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Erase a person from Notion and Kestra.

    Ends and deletes their executions, puts their rows and contact into Notion's bin. Nothing is sent afterwards. If
    it breaks off, it has said what it did, and a repeat goes on. Whoever has unsubscribed stays known by the
    address alone, so that nobody writes to them again; --forget-suppression erases that, too. Mails at Resend,
    alerts in Discord and Notion's bin are out of its reach.

    Example: christmas-tasks contact erase anna@example.org --dry-run
    """
    from christmas_tasks.cli.contact_lines import held_lines
    from christmas_tasks.steps.erase import erase as carry_out
    from christmas_tasks.steps.erase import look_at
    from christmas_tasks.steps.people import read_address

    address = read_address(email)
    with _opened() as clients, _records(clients.door) as engine:
        held = look_at(address, clients.notion, engine, keep_suppression=keep_suppression)
        for line in held_lines(held):
            say(line)
        if held.is_erased:
            say("Erased already: nothing else is held.")
            return
        if dry_run:
            say("Nothing was changed.")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise NothingDone(["Nothing was changed: say --yes, since nobody can be asked here."])
            typer.confirm("Erase all of this for good?", abort=True)
        carry_out(held, clients.notion, engine, clients.door.locks, say)
    say(f"Erased {address}. A later webhook with this address is a new consent, and starts anew.")


@dataclass(frozen=True)
class _Clients:
    """What a command works with, from the settings of the environment."""

    door: "Door"
    notion: "NotionPeople"


@contextmanager
def _opened() -> "Iterator[_Clients]":
    from christmas_tasks.columns import Database
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.notion_people import NotionPeople
    from christmas_tasks.pacing import shared_pace

    door = Door(os.environ, Path.cwd())
    settings = door.settings
    databases = {database: settings.secret(database.value) for database in Database}
    notion = NotionPeople(
        settings.secret("NOTION_TOKEN"),
        databases,
        door.cache,
        settings.notion_base_url,
        settings.vendor_budget_seconds,
        # The campaign's own tasks share Notion's limit with a long export.
        shared_pace(door.cache_folder, "Notion", settings.notion_calls_per_second),
    )
    with closing(notion):
        yield _Clients(door, notion)


@contextmanager
def _records(door: "Door") -> "Iterator[EngineRecords]":
    """Kestra's executions.

    Raises:
        SettingsError: Nobody has said where Kestra is.
    """
    from christmas_tasks.engine_records import EngineRecords

    url = door.env("KESTRA_URL")
    if not url:
        raise SettingsError(["KESTRA_URL is not set: give Kestra's address, such as http://127.0.0.1:8080."])
    # A body may be nested as deep as Kestra takes it, which is as deep as Python reads by default.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _NESTED_DEEP))
    login = door.env("KESTRA_USERNAME"), door.env("KESTRA_PASSWORD")
    with closing(EngineRecords(url, *login, door.settings.vendor_budget_seconds)) as records:
        yield records


def _live(door: "Door", person: "Person") -> "tuple[dict[str, list[Execution]], str]":
    """What waits and runs for each enrolment, and a line about how that was found out."""
    try:
        with _records(door) as records:
            live = {row.key: records.live_of(row.key) for row in person.rows}
    except ChristmasError as error:
        return {}, f"What waits in Kestra is not known: {error}"
    count = sum(len(found) for found in live.values())
    return live, f"Kestra was asked: {count} executions wait or run for these enrolments."


def _steer(email: str, wish: "Wish", *, is_dry: bool, as_json: bool) -> None:
    from christmas_tasks.cli.contact_lines import DONE, steered_json, steered_lines
    from christmas_tasks.steps.people import read_address
    from christmas_tasks.steps.steer import Result, Verb, steer

    address = read_address(email)
    with _opened() as clients:
        door = clients.door
        policy, zone = door.settings.send_policy, ZoneInfo(door.settings.timezone)
        steered = steer(address, wish, clients.notion, door.locks, policy, datetime.now(UTC), is_dry=is_dry)
        going_on = [one for one in steered if one.result is not Result.REFUSED]
        started: tuple[str, ...] = ()
        if wish.verb is Verb.RESUME and going_on and not is_dry:
            started = _start(door, going_on)
        if as_json:
            say_json({"dry_run": is_dry, "rows": [steered_json(one) for one in steered], "started": started})
        else:
            for line in (line for one in steered for line in steered_lines(one, wish.verb, zone, is_dry=is_dry)):
                say(line)
            for line in started:
                say(line)
        _warn(clients.notion)
    if not going_on:
        raise NothingDone([f"{one.row.key} can't be {DONE[wish.verb]}: {one.why}." for one in steered])


def _start(door: "Door", steered: "list[Steered]") -> tuple[str, ...]:
    from christmas_tasks.steps.steer import start_missing

    try:
        with _records(door) as records:
            return start_missing(tuple(one.row for one in steered), records.live_of, records)
    except ChristmasError as error:
        return (f"Nothing was started here, so reconcile does it within the hour: {error}",)


def _write_private(path: Path, content: str) -> None:
    """Write a new file as a whole, readable by its owner alone from its first byte on."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _warn(notion: "NotionPeople") -> None:
    for line in (*notion.warnings, *notion.unreadable, *_gaps(notion)):
        note(f"warning: {line}")


def _gaps(notion: "NotionPeople") -> list[str]:
    """The tracker's optional columns that are missing and that the timeline would show."""
    from christmas_tasks.columns import Database

    gaps = [name for name in notion.schema(Database.TRACKER).gaps() if name.endswith((" Delivery", " Sent By"))]
    return [f"The sequence tracker has no column {', '.join(gaps)}: nothing is known of that."] if gaps else []
