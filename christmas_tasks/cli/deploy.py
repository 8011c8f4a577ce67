"""The commands ``deploy``: flows and dashboards into a running Kestra, and ``dashboard``: its figures, here."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from christmas_tasks.cli.terminal import JsonOption, out, say, say_json, wide
from christmas_tasks.errors import SettingsError

_COLOURS = {"new": "green", "changed": "yellow", "same": "dim", "not ours": "dim", "not kept": "dim"}
_WHY = {
    "not ours": "no file holds it; it stays",
    "not kept": "Kestra's open-source edition keeps no dashboards since 2.0.0; `christmas-tasks dashboard` shows it",
}


def deploy(
    url: Annotated[str, typer.Option(help="Kestra's address.", envvar="KESTRA_URL", show_envvar=True)],
    folder: Annotated[
        Path | None, typer.Option(help="With flows/ and dashboards/; the repository's unless given.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Upload flows and dashboards to a running Kestra: what is new or has changed; nothing is ever removed.

    Logs in with KESTRA_USERNAME and KESTRA_PASSWORD. Kestra checks all flows before the first is stored. A repeat
    changes nothing. Executions that wait already go on with the flow that they were started with.

    Example: christmas-tasks deploy --url https://flows.example.org --dry-run
    """
    from christmas_tasks import deploy as work
    from christmas_tasks.local.stack import CHECKOUT

    files = work.read_files(folder or CHECKOUT / "kestra")
    with closing(work.Server(url, *_login())) as server:
        changes = work.compare(files, server)
        if not dry_run:
            work.upload(files, changes, server)
    if as_json:
        say_json(
            [
                {"kind": c.kind, "name": c.name, "what": c.what, "diff": c.diff, "uploaded": _is_up(c, dry_run)}
                for c in changes
            ]
        )
        return
    for change in changes:
        why = f"  ({_WHY[change.what]})" if change.what in _WHY else ""
        line = f"{change.what:<9} {change.kind} {change.name}{why}"
        out.print(line, style=_COLOURS[change.what], markup=False, soft_wrap=True)
        if change.diff:
            say(change.diff)
    count = sum(change.what in {"new", "changed"} for change in changes)
    say(f"{count} to upload; nothing was changed." if dry_run else f"{count} uploaded.")


def dashboard(
    url: Annotated[str, typer.Option(help="Kestra's address.", envvar="KESTRA_URL", show_envvar=True)],
    days: Annotated[int, typer.Option(min=1, max=365, help="How far to look back.")] = 7,
    folder: Annotated[Path | None, typer.Option(help="With dashboards/; the repository's unless given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the campaign's dashboards here: leads, mails by state, failures, lateness, findings. Reads only.

    Kestra computes the figures from the files in kestra/dashboards; its open-source edition can't show them in the
    browser. Logs in with KESTRA_USERNAME and KESTRA_PASSWORD.

    Example: christmas-tasks dashboard --url https://flows.example.org --days 30
    """
    from christmas_tasks.deploy import read_files
    from christmas_tasks.figures import Board, boards_of
    from christmas_tasks.local.stack import CHECKOUT
    from christmas_tasks.settings import utc_now

    dashboards = read_files(folder or CHECKOUT / "kestra").dashboards
    with closing(Board(url, *_login())) as board:
        found = boards_of(dashboards, board, days, utc_now())
    if as_json:
        say_json(found)
        return
    for chart in found:
        _print_chart(chart)


def _print_chart(chart: Mapping[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    if chart["number"] is not None:
        say(f"{chart['title']}: {chart['number']:g}")
        return
    say(f"\n{chart['title']}" + ("" if chart["rows"] else ": nothing yet"))
    if chart["rows"]:
        table = Table(box=None, pad_edge=False)
        for name in chart["columns"]:
            table.add_column(name, no_wrap=True)
        for row in chart["rows"]:
            table.add_row(*(escape(_shown(row.get(name))) for name in chart["columns"]))
        wide().print(table)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def _is_up(change: object, dry_run: bool) -> bool:
    return not dry_run and getattr(change, "what", "") in {"new", "changed"}


def _login() -> tuple[str, str]:
    names = ("KESTRA_USERNAME", "KESTRA_PASSWORD")
    missing = [
        f"{name} is not set: it is part of the login of Kestra's API." for name in names if not os.environ.get(name)
    ]
    if missing:
        raise SettingsError(missing)
    return os.environ[names[0]], os.environ[names[1]]
