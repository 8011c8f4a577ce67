"""The commands that start the real engine on this machine: ``up`` and ``demo``."""

import os
import signal
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from christmas_tasks.cli.terminal import note, say, wide
from christmas_tasks.errors import PermanentError, SettingsError


class EngineStopped(PermanentError):
    """The engine's process has ended, and nobody asked for it."""


class DemoStuck(PermanentError):
    """The demonstration did not come to its end in time."""


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
    """Start engine, flows and sandbox on this machine, until Ctrl-C or SIGTERM. A wrong setting is refused at once.

    Example: christmas-tasks up --data-dir /tmp/campaign
    """
    from christmas_tasks.env_file import faults_of
    from christmas_tasks.local.engine_build import ensure_built
    from christmas_tasks.local.stack import Stack, StackOptions

    if faults := faults_of(os.environ):
        raise SettingsError(faults)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ensure_built(note)
    options = StackOptions(data_dir, port, sandbox_port if sandbox else None, workers, plugin_jar=plugin_jar)
    with Stack(options) as stack:
        say(f"ready: Kestra at {stack.url}")
        if stack.sandbox_url:
            say(f"  inbox and stand-ins   {stack.sandbox_url}")
            say(f"  sign somebody up      curl -X POST {stack.webhook_url('signup-handler')} \\")
            say('                          -d \'{"email": "anna@example.org", "first_name": "Anna"}\'')
        sys.stdout.flush()
        while not ended.wait(1.0):
            if not stack.engine.is_running:
                raise EngineStopped(f"the engine has stopped by itself: see {stack.engine.log_path}")


def demo(
    data_dir: Annotated[Path | None, typer.Option(help="Keep the state there; a temporary folder otherwise.")] = None,
) -> None:
    """Send over 30 leads through the real engine and the sandbox, and judge what came out.

    Exits with 0 only if nothing is missing, double, early or out of order.

    Example: christmas-tasks demo
    """
    import httpx

    from christmas_tasks.local.demo import Demo
    from christmas_tasks.local.engine_build import ensure_built
    from christmas_tasks.local.leads import MINUTE_S
    from christmas_tasks.local.stack import Stack, StackOptions

    began = datetime.now(UTC)
    ensure_built(say)
    with tempfile.TemporaryDirectory(prefix="christmas-demo-") as temporary:
        options = StackOptions(
            data_dir or Path(temporary),
            port=0,
            sandbox_port=0,
            settings={"TESTING_MODE": "true", "TESTING_MINUTE_SECONDS": str(MINUTE_S)},
        )
        with Stack(options, environ={}) as stack:
            say(f"Kestra is ready at {stack.url}, the inbox is {stack.sandbox_url}")
            try:
                outcome = Demo(stack, say).run()
            except (TimeoutError, httpx.HTTPError) as error:
                raise DemoStuck(
                    f"The demonstration got stuck: {error or type(error).__name__}. Is the machine busy?"
                ) from None
    wide().print(_table(outcome.lines))
    figures = outcome.figures
    states = ", ".join(f"{count} {state}" for state, count in sorted(figures["executions"].items()))  # type: ignore[attr-defined]
    say(
        f"{figures['webhooks']} webhooks, {figures['leads']} leads, {figures['rows']} enrolments, "
        f"{figures['mails']} mails, {figures['replayed']} replays. Executions: {states}."
    )
    for fault in outcome.faults:
        say(f"FAULT: {fault}")
    seconds = (datetime.now(UTC) - began).total_seconds()
    if outcome.faults:
        say(f"{len(outcome.faults)} faults after {seconds:.0f} s.")
        raise typer.Exit(1)
    say(f"Every planned email was sent once, in order and not early, or skipped with a reason. {seconds:.0f} s.")


def _table(lines: list[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("receiver", "segment", "sequence", "email", "planned", "sent", "subject, or why there is none"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for line in lines:
        table.add_row(*(escape(cell) for cell in line))
    return table
