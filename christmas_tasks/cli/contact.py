"""The commands around one person: ``contact show|stop|hold|resume|export|erase``."""

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from christmas_tasks.cli.terminal import JsonOption, say, say_json
from christmas_tasks.errors import PermanentError
from christmas_tasks.sequences import Sequence

if TYPE_CHECKING:
    from christmas_tasks.steps.steer import Wish

app = typer.Typer(no_args_is_help=True, help="One person: look, stop, hold, resume, export, erase.")

Address = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's address.")]
SequenceOption = Annotated[Sequence | None, typer.Option(help="Only the enrolments in this sequence.")]
KeyOption = Annotated[str, typer.Option("--enrolment", metavar="KEY", help="Only the row with this Enrolment Key.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
_REASON_LIMIT = 200


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
    from christmas_tasks.cli.contact_clients import opened
    from christmas_tasks.cli.contact_lines import person_json, person_lines
    from christmas_tasks.steps.people import find_person, read_address
    from christmas_tasks.steps.timeline import timeline

    address = read_address(email)
    with opened() as clients:
        zone = ZoneInfo(clients.door.settings.timezone)
        person = find_person(address, clients.notion)
        live, engine = clients.live_of(person)
        entries = timeline(person.rows, live)
        if as_json:
            say_json({**person_json(person), "emails": [asdict(entry) for entry in entries], "engine": engine})
        else:
            for line in person_lines(person, entries, zone, engine):
                say(line)
        clients.warn()


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
    from christmas_tasks.cli.contact_clients import opened
    from christmas_tasks.steps.export import export_person
    from christmas_tasks.steps.people import read_address

    address = read_address(email)
    if out is not None and out.exists():
        raise NothingDone([f"{out} is there already: give another name."])
    with ExitStack() as stack:
        clients = stack.enter_context(opened())
        document = export_person(
            address,
            clients.notion,
            lambda: stack.enter_context(clients.records()),
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
    from christmas_tasks.cli.contact_clients import opened
    from christmas_tasks.cli.contact_lines import held_lines
    from christmas_tasks.steps.erase import erase as carry_out
    from christmas_tasks.steps.erase import look_at
    from christmas_tasks.steps.people import read_address

    address = read_address(email)
    with opened() as clients, clients.records() as engine:
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


def _steer(email: str, wish: "Wish", *, is_dry: bool, as_json: bool) -> None:
    from christmas_tasks.cli.contact_clients import opened
    from christmas_tasks.cli.contact_lines import DONE, steered_json, steered_lines
    from christmas_tasks.steps.people import read_address
    from christmas_tasks.steps.steer import Result, Verb, steer

    address = read_address(email)
    with opened() as clients:
        door = clients.door
        policy, zone = door.settings.send_policy, ZoneInfo(door.settings.timezone)
        steered = steer(address, wish, clients.notion, door.locks, policy, datetime.now(UTC), is_dry=is_dry)
        going_on = [one for one in steered if one.result is not Result.REFUSED]
        started: tuple[str, ...] = ()
        if wish.verb is Verb.RESUME and going_on and not is_dry:
            started = clients.start_missing(going_on)
        if as_json:
            say_json({"dry_run": is_dry, "rows": [steered_json(one) for one in steered], "started": started})
        else:
            for line in (line for one in steered for line in steered_lines(one, wish.verb, zone, is_dry=is_dry)):
                say(line)
            for line in started:
                say(line)
        clients.warn()
    if not going_on:
        raise NothingDone([f"{one.row.key} can't be {DONE[wish.verb]}: {one.why}." for one in steered])


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
