"""The command ``christmas-tasks``: the library for people. Each command decides nothing that the steps don't."""

import os
import signal
import sys
import tempfile
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from christmas_tasks.errors import ChristmasError, PermanentError, SettingsError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
_TABLE_WIDTH = 130
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


def main() -> None:
    """Run a command; errors are one readable line each, and exit with 1."""
    from christmas_tasks.local.engine import EngineError  # noqa: PLC0415 - only a local stack needs it
    from christmas_tasks.local.java import MissingToolError  # noqa: PLC0415

    try:
        app()
    except ChristmasError as error:
        for line in error.lines:
            err.print(f"christmas-tasks: {line}", markup=False, soft_wrap=True)
        sys.exit(1)
    except (EngineError, MissingToolError, OSError) as error:
        err.print(f"christmas-tasks: {error}", markup=False, soft_wrap=True)
        sys.exit(1)


@app.callback()
def _root() -> None:
    """The emails of a Christmas campaign: each exactly once, at its time, stopped when they should."""


@app.command()
def up(
    data_dir: Annotated[Path, typer.Option(help="Where all state lives; the same folder goes on.")] = Path("data"),
    port: Annotated[int, typer.Option(help="Port of Kestra's API and webhooks; 0 picks one.")] = 8080,
    sandbox_port: Annotated[int, typer.Option(help="Port of the sandbox; 0 picks one.")] = 8025,
    sandbox: Annotated[
        bool, typer.Option(help="Stand-ins of Notion, Resend and Discord instead of the real ones.")
    ] = True,
    workers: Annotated[int, typer.Option(min=0, max=16, help="Further worker processes.")] = 0,
    plugin_jar: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The official Python plugin, instead of our Script."),
    ] = None,
) -> None:
    """Start engine, flows and sandbox on this machine, until Ctrl-C or SIGTERM.

    Example: christmas-tasks up --data-dir /tmp/campaign
    """
    from christmas_tasks.local.engine import ensure_built  # noqa: PLC0415
    from christmas_tasks.local.stack import Stack, StackOptions  # noqa: PLC0415

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ensure_built(lambda line: err.print(line, markup=False))
    options = StackOptions(data_dir, port, sandbox_port if sandbox else None, workers, plugin_jar=plugin_jar)
    with Stack(options) as stack:
        out.print(f"ready: Kestra at {stack.url}", markup=False, soft_wrap=True)
        if stack.sandbox_url:
            out.print(f"  inbox and stand-ins   {stack.sandbox_url}", markup=False, soft_wrap=True)
            out.print(
                f"  sign somebody up      curl -X POST {stack.webhook_url('signup-handler')} \\",
                markup=False,
                soft_wrap=True,
            )
            out.print(
                '                          -d \'{"email": "anna@example.org", "first_name": "Anna"}\'',
                markup=False,
                soft_wrap=True,
            )
        sys.stdout.flush()
        while not ended.wait(1.0):
            if not stack.engine.is_running:
                raise EngineStopped(f"the engine has stopped by itself: see {stack.engine.log_path}")


class EngineStopped(PermanentError):
    """The engine's process has ended, and nobody asked for it."""


class DemoStuck(PermanentError):
    """The demonstration did not come to its end in time."""


@app.command()
def demo(
    data_dir: Annotated[Path | None, typer.Option(help="Keep the state there; a temporary folder otherwise.")] = None,
) -> None:
    """Send over 30 leads through the real engine and the sandbox, and judge what came out.

    Exits with 0 only if nothing is missing, double, early or out of order.

    Example: christmas-tasks demo
    """
    import httpx  # noqa: PLC0415

    from christmas_tasks.local.demo import MINUTE_S, Demo  # noqa: PLC0415
    from christmas_tasks.local.engine import ensure_built  # noqa: PLC0415
    from christmas_tasks.local.stack import Stack, StackOptions  # noqa: PLC0415

    began = datetime.now(UTC)
    ensure_built(lambda line: out.print(line, markup=False))
    with tempfile.TemporaryDirectory(prefix="christmas-demo-") as temporary:
        options = StackOptions(
            data_dir or Path(temporary),
            port=0,
            sandbox_port=0,
            settings={"TESTING_MODE": "true", "TESTING_MINUTE_SECONDS": str(MINUTE_S)},
        )
        with Stack(options, environ={}) as stack:
            out.print(f"Kestra is ready at {stack.url}, the inbox is {stack.sandbox_url}", markup=False)
            try:
                outcome = Demo(stack, lambda line: out.print(line, markup=False)).run()
            except (TimeoutError, httpx.HTTPError) as error:
                raise DemoStuck(
                    f"The demonstration got stuck: {error or type(error).__name__}. Is the machine busy?"
                ) from None
    wide = Console(highlight=False, width=None if out.is_terminal else _TABLE_WIDTH)
    wide.print(_table(outcome.lines))
    figures = outcome.figures
    states = ", ".join(f"{count} {state}" for state, count in sorted(figures["executions"].items()))  # type: ignore[attr-defined]
    out.print(
        f"{figures['webhooks']} webhooks, {figures['leads']} leads, {figures['rows']} enrolments, "
        f"{figures['mails']} mails, {figures['replayed']} replays. Executions: {states}."
    )
    for fault in outcome.faults:
        out.print(f"FAULT: {fault}", markup=False, soft_wrap=True)
    seconds = (datetime.now(UTC) - began).total_seconds()
    if outcome.faults:
        out.print(f"{len(outcome.faults)} faults after {seconds:.0f} s.")
        raise typer.Exit(1)
    out.print(f"Every planned email was sent once, in order and not early, or skipped with a reason. {seconds:.0f} s.")


def _table(lines: list[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("receiver", "segment", "sequence", "email", "planned", "sent", "subject, or why there is none"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for line in lines:
        table.add_row(*(escape(cell) for cell in line))
    return table


@app.command()
def check() -> None:
    """Look at everything the campaign relies on: settings, Notion, templates, Resend. Reads only.

    Reads the settings from the environment, as Kestra's server has them. Exits with 1 if there is a fault.

    Example: set -a; . ./.env.kestra; christmas-tasks check
    """
    from christmas_tasks.flow_tasks.door import Door  # noqa: PLC0415
    from christmas_tasks.steps.check import check as look_at_all  # noqa: PLC0415

    door = Door(os.environ, Path.cwd())
    report = look_at_all(os.environ, lambda: door.notion, lambda: door.mailer, lambda: door.engine, datetime.now(UTC))
    colours = {"ok": "green", "warning": "yellow", "FAULT": "red", "off": "dim"}
    for line in report.lines:
        out.print(line, style=colours.get(line.split()[0]), markup=False, soft_wrap=True)
    if report.faults:
        raise typer.Exit(1)


@app.command()
def settle(
    enrolment: Annotated[str, typer.Argument(help="The Enrolment Key of the tracker row.")],
    number: Annotated[int, typer.Argument(min=1, max=5, help="The email number.")],
    sent: Annotated[str, typer.Option(help="It went out: Resend's id of the mail.")] = "",
    not_sent: Annotated[bool, typer.Option("--not-sent", help="It did not go out: plan it again.")] = False,
) -> None:
    """Settle an unresolved email, once you have looked for it at Resend. Sends nothing itself.

    Example: christmas-tasks settle noshow-0f3c… 2 --sent 49a3999c-0ce1-4ea6-ab68-afcd6dc2e794
    """
    from christmas_tasks.flow_tasks.door import Door  # noqa: PLC0415
    from christmas_tasks.steps.settle import settle as step  # noqa: PLC0415

    if bool(sent) == not_sent:
        raise typer.BadParameter("say either --sent RESEND_ID or --not-sent")
    with closing(Door(os.environ, Path.cwd()).notion) as notion:
        row = step(enrolment, number, sent, notion, datetime.now(UTC))
    what = f"sent as {sent}" if sent else "planned again: reconcile starts it within the hour"
    out.print(f"Email {number} of {row.key} is {what}.", markup=False, soft_wrap=True)


@app.command()
def unsubscribe_page() -> None:
    """Print the unsubscribe page with the address of your webhooks (PUBLIC_URL), for your website to host.

    Example: PUBLIC_URL=https://flows.example.org christmas-tasks unsubscribe-page > unsubscribe.html
    """
    from christmas_tasks.local.stack import UNSUBSCRIBE_PAGE  # noqa: PLC0415
    from christmas_tasks.settings import Settings  # noqa: PLC0415
    from christmas_tasks.unsubscribe import page  # noqa: PLC0415

    public_url = Settings.load(os.environ).public_url
    if not public_url:
        raise SettingsError(["PUBLIC_URL is not set: the page posts to it."])
    typer.echo(page(UNSUBSCRIBE_PAGE.read_text("utf-8"), public_url), nl=False)


if __name__ == "__main__":
    main()
