"""The commands around a running campaign: ``check``, ``settle``, ``unsubscribe-page``."""

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from christmas_tasks.cli.terminal import JsonOption, say, say_finding, say_report
from christmas_tasks.errors import SettingsError


def check(as_json: JsonOption = False) -> None:
    """Look at everything the campaign relies on: settings, Notion, templates, Resend, Kestra. Reads only.

    Reads the settings from the environment, as Kestra's server has them. Exits with 1 if there is a fault.

    Example: set -a; . ./.env.kestra; christmas-tasks check
    """
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.steps.check import check as look_at_all

    with closing(Door(os.environ, Path.cwd())) as door:
        vendors = (lambda: door.notion, lambda: door.mailer, lambda: door.engine)
        tell = (lambda _: None) if as_json else say_finding
        report = look_at_all(os.environ, *vendors, datetime.now(UTC), tell)
    say_report(report, as_json=as_json, is_told=True)


def settle(
    enrolment: Annotated[str, typer.Argument(help="The Enrolment Key of the tracker row.")],
    number: Annotated[int, typer.Argument(min=1, max=5, help="The email number.")],
    sent: Annotated[str, typer.Option(help="It went out: Resend's id of the mail.")] = "",
    not_sent: Annotated[bool, typer.Option("--not-sent", help="It did not go out: plan it again.")] = False,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")] = False,
) -> None:
    """Settle an unresolved email, once you have looked for it at Resend. Sends nothing itself.

    Writes the tracker's row alone; what has an end already is refused.

    Example: christmas-tasks settle noshow-0f3c… 2 --not-sent --dry-run
    """
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.steps.settle import settle as step
    from christmas_tasks.tracker import EmailStatus, SequenceStatus

    if bool(sent) == not_sent:
        raise typer.BadParameter("say either --sent RESEND_ID or --not-sent")
    with closing(Door(os.environ, Path.cwd()).notion) as notion:
        row = step(enrolment, number, sent, notion, datetime.now(UTC), is_dry=is_dry)
    state = row.email(number)
    if sent or state.status is EmailStatus.SENT:
        # Sent all the same: Resend's own word came while a person said that it was not.
        what = f"sent as {sent or state.resend_id}"
    elif row.status is SequenceStatus.STOPPED:
        what = f"skipped: the sequence is stopped ({row.stop_reason or 'no reason is written down'})"
    else:
        what = "planned again: reconcile starts it within the hour"
    say(f"Email {number} of {row.key} {'would be' if is_dry else 'is'} {what}.")


def unsubscribe_page() -> None:
    """Print the unsubscribe page with the address of your webhooks (PUBLIC_URL), for your website to host.

    Example: christmas-tasks unsubscribe-page > unsubscribe.html
    """
    from christmas_tasks.local.stack import UNSUBSCRIBE_PAGE
    from christmas_tasks.settings import Settings
    from christmas_tasks.unsubscribe import page

    public_url = Settings.load(os.environ).public_url
    if not public_url:
        raise SettingsError(["PUBLIC_URL is not set: the page posts to it."])
    typer.echo(page(UNSUBSCRIBE_PAGE.read_text("utf-8"), public_url), nl=False)
