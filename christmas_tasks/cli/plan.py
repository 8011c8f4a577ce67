"""Time travel: ``plan`` shows what a webhook would lead to, offline."""

import os
import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from christmas_tasks.cli.terminal import JsonOption, note, say, say_json, wide
from christmas_tasks.cli.times import aware
from christmas_tasks.steps.plan import Flow

if TYPE_CHECKING:
    from christmas_tasks.steps.plan import Plan

_STARTER_TEMPLATES = Path(__file__).resolve().parents[1] / "starter_templates"


def plan(
    payload: Annotated[Path, typer.Option(help="The webhook's JSON body as a file; - reads standard input.")],
    flow: Annotated[Flow, typer.Option(help="The handler it is posted to.")],
    at: Annotated[str, typer.Option(help="When it arrives, ISO 8601 with a zone; now, unless given.")] = "",
    templates: Annotated[
        Path | None, typer.Option(help="The folder of templates; the starter templates, unless given.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--out", help="Write each mail there: html, txt, headers.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the calendar and mails that a webhook leads to. Offline; sends nothing.

    Settings (TIMEZONE, QUIET_HOURS, TESTING_MODE, ...) come from the environment, stand-ins for what is missing. Exits
    with 1 if the body is refused, with the lines that the flow logs, or if a template blocks a mail: a gate for CI.

    Example: christmas-tasks plan --payload assessment.json --flow assessment --at 2025-11-20T09:00:00Z --out mails
    """
    from christmas_tasks.settings import utc_now
    from christmas_tasks.steps.offline import offline_settings
    from christmas_tasks.steps.plan import plan as step
    from christmas_tasks.steps.plan_files import as_json as plain
    from christmas_tasks.steps.plan_files import write_plan
    from christmas_tasks.steps.template_files import read_templates

    received_at = aware("--at", at) if at else utc_now()
    content = sys.stdin.buffer.read() if str(payload) == "-" else payload.read_bytes()
    settings, assumed = offline_settings(os.environ)
    result = step(content, flow, received_at, settings, read_templates(templates or _STARTER_TEMPLATES))
    for warning in result.warnings:
        note(f"warning: {warning}")
    if assumed and result.emails:
        note(f"Not set, so that stand-ins are used: {', '.join(assumed)}.")
    if as_json:
        say_json({**plain(result), "mode": settings.mode, "stand_ins": assumed})
    else:
        _print(result, settings.timezone, settings.mode)
    if to is not None:
        written = write_plan(result, to)
        note(f"wrote {len(written)} files to {to}")
    for line in result.blocked:
        note(f"blocked: {line}")
    if result.blocked or (strict and result.warnings):
        raise typer.Exit(1)


def _print(result: "Plan", timezone: str, mode: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    if result.sequence is not None:
        say(
            f"{result.address}: {result.sequence.value}, segment {result.segment}, "
            f"received {result.received_at:%Y-%m-%d %H:%M:%S} UTC, {mode} mode"
        )
        zones = [UTC] if timezone == "UTC" else [ZoneInfo(timezone), UTC]
        table = Table(box=None, pad_edge=False)
        for name in ("email", *(f"due ({zone})" for zone in zones), "goes out (UTC)", "template"):
            table.add_column(name, no_wrap=True)
        table.add_column("subject, or why there is none", overflow="fold")
        for email in result.emails:
            outcome = email.mail.subject if email.mail else ": ".join(filter(None, (email.outcome, email.reason)))
            cells = (
                f"#{email.number}",
                *(f"{email.due_at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}" for zone in zones),
                "when due" if email.at == email.due_at else f"{email.at:%a %Y-%m-%d %H:%M:%S}",
                email.template,
                outcome,
            )
            table.add_row(*(escape(cell) for cell in cells))
        wide().print(table)
    for line in result.notes:
        say(line)
