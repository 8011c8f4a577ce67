"""Templates as code: ``templates pull | push | diff | lint | preview | test-send``."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from christmas_tasks.cli.terminal import JsonOption, err, note, out, say, say_json
from christmas_tasks.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from christmas_tasks.notion_templates import NotionTemplates
    from christmas_tasks.steps.template_sync import Outcome

templates = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Templates as files: pull, lint, preview, test-send, push.",
)

FolderOption = Annotated[
    Path, typer.Option("--folder", help="The folder of templates: one sub-folder for each, as in starter_templates.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite what would otherwise be refused.")]
_FOLDER = Path("templates")


@templates.command()
def pull(folder: FolderOption = _FOLDER, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Write Notion's templates into files. Changes no vendor; a repeat writes nothing new.

    Refuses, and writes nothing, where a file was changed since the last pull or push, unless --force is given.
    Reads NOTION_TOKEN and the three database ids from the environment.

    Example: christmas-tasks templates pull
    """
    from christmas_tasks.steps.template_sync import pull as step

    with _notion() as notion:
        outcome = step(folder, notion, note if as_json else say, force=force)
    _report(outcome, "pulled", as_json=as_json)


@templates.command()
def push(
    folder: FolderOption = _FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the files into Notion, only what differs. Never deletes; a repeat writes nothing.

    Lints first. Refuses, and writes nothing, on errors, or where Notion was changed since the last pull or push;
    --force pushes all the same, unless a file can't be read or doesn't fit into Notion.

    Example: christmas-tasks templates push --dry-run
    """
    from christmas_tasks.steps.template_sync import push as step

    with _notion() as notion:
        outcome = step(folder, notion, note if as_json else say, force=force, dry_run=dry_run)
        if outcome.changed and not dry_run:
            # Mails of this machine use the new ones at once.
            notion.templates(fresh=True)
    _report(outcome, "to push" if dry_run else "pushed", as_json=as_json)


@templates.command()
def diff(folder: FolderOption = _FOLDER, as_json: JsonOption = False) -> None:
    """Show how the files differ from Notion, as a unified diff. Reads only; exits with 1 if they differ.

    Example: christmas-tasks templates diff
    """
    from christmas_tasks.steps.template_sides import diff as step

    with _notion() as notion:
        lines = step(folder, notion)
    if as_json:
        say_json({"differ": bool(lines), "lines": lines})
    else:
        colours = {"+": "green", "-": "red", "@": "cyan"}
        for line in lines:
            out.print(line, style=colours.get(line[:1]), markup=False, soft_wrap=True)
    if lines:
        raise typer.Exit(1)
    if not as_json:
        say("Files and Notion say the same.")


@templates.command()
def lint(
    folder: FolderOption = _FOLDER,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong or weak in the files, offline. Reads only; exits with 1 on errors.

    Each finding: file:line: level rule: what is wrong and what to do. docs/TEMPLATES.md lists the rules.

    Example: christmas-tasks templates lint --strict
    """
    from christmas_tasks.lint import Level
    from christmas_tasks.lint import lint as core
    from christmas_tasks.steps.template_files import read_folders

    folders = read_folders(folder)
    findings = core(folders, str(folder))
    errors = [finding for finding in findings if strict or finding.level is Level.ERROR]
    if as_json:
        say_json([{**vars(finding), "level": finding.level} for finding in findings])
    else:
        for finding in findings:
            say(str(finding))
        warnings = len(findings) - len(errors)
        note(f"{len(folders)} templates: {_counted(len(errors), 'error')}, {_counted(warnings, 'warning')}.")
    if errors:
        raise typer.Exit(1)


@templates.command()
def preview(
    folder: FolderOption = _FOLDER,
    to: Annotated[Path, typer.Option("--out", help="Where the pages go; an earlier preview is replaced.")] = Path(
        "preview"
    ),
    at: Annotated[
        str, typer.Option(help="The mails go out then (ISO 8601 with zone); 15 days before the deadline.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show every mail as made-up leads would get it. Offline; sends nothing.

    One page: 600 and 360 pixels, light and dark, plain text. Settings come from the environment, stand-ins for the
    rest. Exits with 1 if a mail can't be filled in.

    Example: christmas-tasks templates preview --out preview
    """
    from christmas_tasks.cli.times import aware
    from christmas_tasks.steps.preview import preview as step
    from christmas_tasks.steps.template_files import read_templates

    shown = step(read_templates(folder), to, os.environ, aware("--at", at) if at else None)
    for line in shown.notes:
        note(line)
    if as_json:
        say_json({"index": shown.index, "mails": shown.mails, "problems": shown.problems})
    else:
        for problem in shown.problems:
            say(f"No mail from {problem}")
        say(f"{shown.mails} mails: open {shown.index}")
    if shown.problems:
        raise typer.Exit(1)


@templates.command(name="test-send")
def send_test(
    template: Annotated[str, typer.Argument(help="Its Template Name, or its folder's name.")],
    to: Annotated[str, typer.Option(help="Who gets it: an address of your own.")],
    segment: Annotated[Segment, typer.Option(case_sensitive=False, help="Whose sample lead.")] = Segment.CRITICAL,
    folder: FolderOption = _FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Render it, and send nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send one mail to yourself, in the campaign's own way.

    From the file, with a sample lead's data; each run is a mail of its own. Writes no tracker row and no contact. Its
    unsubscribe link is real: it unsubscribes the address that you name. Reads the settings from the environment, as
    Kestra's server has them.

    Example: christmas-tasks templates test-send 5day_e2 --to you@example.org --segment urgent
    """
    from christmas_tasks.errors import PayloadError
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.settings import utc_now
    from christmas_tasks.steps.people import read_address
    from christmas_tasks.steps.template_files import read_templates
    from christmas_tasks.steps.trial_send import choose, freeze, send_trial

    try:
        to = read_address(to)
    except PayloadError:
        raise typer.BadParameter("is not one e-mail address, such as you@example.org", param_hint="--to") from None
    door = Door(os.environ, Path.cwd())
    trial = freeze(choose(read_templates(folder), template), to, segment, door.settings, utc_now())
    mail = trial.frozen.mail
    resend_id = "" if dry_run else send_trial(trial, door.mailer)
    if as_json:
        say_json(
            {"template": trial.template, "to": mail.to, "subject": mail.subject, "id": resend_id, "sent": not dry_run}
        )
        return
    say(f'{"Would send" if dry_run else "Sent"} "{trial.template}" to {mail.to}: {mail.subject}')
    say(f"As {segment.value}'s sample lead, under its own key {trial.frozen.key}; no tracker row, no contact.")
    if resend_id:
        say(f"Resend's id: {resend_id}")


@contextmanager
def _notion() -> "Iterator[NotionTemplates]":
    from christmas_tasks.columns import Database
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.notion_templates import NotionTemplates

    door = Door(os.environ, Path.cwd())
    settings = door.settings
    notion = NotionTemplates(
        settings.secret("NOTION_TOKEN"),
        {database: settings.secret(database.value) for database in Database},
        door.cache,
        settings.notion_base_url,
        settings.vendor_budget_seconds,
    )
    try:
        yield notion
    finally:
        for line in notion.warnings:
            err.print(line, style="yellow", markup=False, soft_wrap=True)
        notion.close()


def _report(outcome: "Outcome", done: str, *, as_json: bool) -> None:
    for line in outcome.notes:
        note(line)
    if as_json:
        say_json({done.replace(" ", "_"): outcome.changed, "unchanged": outcome.unchanged, "notes": outcome.notes})
    else:
        say(f"{_counted(len(outcome.changed), 'template')} {done}, {outcome.unchanged} unchanged.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
