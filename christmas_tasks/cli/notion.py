"""``christmas-tasks notion``: makes the three databases, looks at them, and adds what is missing."""

import base64
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from christmas_tasks.cli.terminal import JsonOption, note, say, say_json, say_report
from christmas_tasks.columns import Database
from christmas_tasks.errors import ChristmasError, SettingsError

if TYPE_CHECKING:
    from christmas_tasks.flow_tasks.door import Door
    from christmas_tasks.notion_admin import NotionAdmin
    from christmas_tasks.notion_templates import NotionTemplates
    from christmas_tasks.pacing import SharedPace
    from christmas_tasks.steps.notion_setup import Done

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]

notion = typer.Typer(no_args_is_help=True, help="The three Notion databases: make them, look at them, add what lacks.")


@notion.command(short_help="Make the three databases and the starter templates.")
def init(
    parent: Annotated[str, typer.Option(help="Id or link of a Notion page that is shared with the integration.")],
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Make the three databases and the starter templates on a Notion page, and print the lines for .env.kestra.

    Needs NOTION_TOKEN. A repeat, even of a run that ended half way, finds what is there and adds what is missing; it
    never removes or renames, and never makes two of one name.

    Example: christmas-tasks notion init --parent https://www.notion.so/Campaign-0123456789abcdef0123456789abcdef
    """
    from christmas_tasks.notion_admin import page_id_of
    from christmas_tasks.steps.notion_setup import init as make

    page_id = page_id_of(parent)
    door = _door()
    with closing(_admin(door)) as admin, _told(as_json=as_json, dry_run=dry_run) as told:
        told.more["parent"] = page_id
        make(admin, page_id, door.settings.campaign, told.tell, dry_run=dry_run)
        _add_templates(door, told.ids, told, dry_run=dry_run)
    _warn_of_other_ids(door, told.ids)


@notion.command(short_help="Compare the databases with what the campaign needs.")
def check(as_json: JsonOption = False) -> None:
    """Compare the databases and the templates with what the campaign needs, one line for each item. Reads only.

    Needs NOTION_TOKEN and the ids of the databases. Exits with 1 if there is a fault.

    Example: set -a; . ./.env.kestra; christmas-tasks notion check
    """
    from christmas_tasks.steps.databases import check_databases

    door = _door()
    ids = _ids(door)
    with closing(_templates(door, ids)) as templates:
        say_report(check_databases(templates, ids), as_json=as_json)


@notion.command(short_help="Add the columns and options that the databases lack.")
def migrate(
    dry_run: DryRun = False,
    templates: Annotated[
        bool, typer.Option("--templates", help="Add the starter templates whose name is missing, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add the columns and options that the databases lack; name what only a person can do in Notion.

    Needs NOTION_TOKEN and the ids of the databases. Never removes, renames or retypes; a repeat does nothing. Exits
    with 1 if something is left to do by hand.

    Example: set -a; . ./.env.kestra; christmas-tasks notion migrate --dry-run
    """
    from christmas_tasks.steps.notion_setup import migrate as add_what_lacks

    door = _door()
    ids = _ids(door)
    if missing := [database.value for database in Database if database not in ids]:
        raise SettingsError([f"{name} is not set: put it into .env.kestra." for name in missing])
    with closing(_admin(door)) as admin, _told(as_json=as_json, dry_run=dry_run) as told:
        is_complete = add_what_lacks(admin, ids, told.tell, dry_run=dry_run)
        if templates:
            _add_templates(door, ids, told, dry_run=dry_run)
        if not told.done:
            told.say("Nothing is missing.")
    if not is_complete:
        raise typer.Exit(1)


@dataclass
class _Told:
    """What a command has done so far, said line by line as it happens."""

    as_json: bool
    dry_run: bool
    done: "list[Done]" = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def say(self, line: str) -> None:
        (note if self.as_json else say)(line)

    def tell(self, done: "Done") -> None:
        from christmas_tasks.steps.notion_setup import Verb

        self.done.append(done)
        would = self.dry_run and done.verb in {Verb.MADE, Verb.ADDED}
        self.say(f"{f'would be {done.verb}' if would else done.verb:<15} {done.what}")

    @property
    def ids(self) -> dict[Database, str]:
        return {done.database: done.database_id for done in self.done if done.database is not None}

    def settings(self) -> dict[str, str]:
        return {f"SECRET_{database.value}": _encoded(id_) for database, id_ in self.ids.items()}

    def as_dict(self, failed: str) -> dict[str, Any]:
        return {
            **self.more,
            "dry_run": self.dry_run,
            "failed": failed or None,
            "steps": [{"verb": done.verb, "what": done.what} for done in self.done],
            "databases": {database.value: id_ for database, id_ in self.ids.items()},
            "settings": self.settings(),
        }


@contextmanager
def _told(*, as_json: bool, dry_run: bool) -> Iterator[_Told]:
    """What was done is said at the end, and after trouble half way too."""
    told = _Told(as_json, dry_run)
    failed = "it was stopped"
    try:
        yield told
        failed = ""
    except ChristmasError as error:
        failed = str(error)
        raise
    finally:
        if as_json:
            say_json(told.as_dict(failed))
        elif told.ids and not dry_run and not failed:
            say("\nThe lines for .env.kestra (base64):\n")
            for name, value in told.settings().items():
                say(f"{name}={value}")
        if failed and told.done:
            note("It ended half way; what is listed above is done. The same command again goes on from there.")


def _add_templates(door: "Door", ids: dict[Database, str], told: _Told, *, dry_run: bool) -> None:
    from christmas_tasks.local.stack import STARTER_TEMPLATES
    from christmas_tasks.steps.notion_setup import add_templates
    from christmas_tasks.steps.template_files import read_templates

    wanted = read_templates(STARTER_TEMPLATES).values()
    if Database.TEMPLATES not in ids:
        add_templates(None, wanted, told.tell, dry_run=dry_run)
        return
    with closing(_templates(door, ids)) as templates:
        # Columns may just have been added, and the cache may not know them.
        templates.schema(Database.TEMPLATES, fresh=True)
        add_templates(templates, wanted, told.tell, dry_run=dry_run)


def _warn_of_other_ids(door: "Door", ids: dict[Database, str]) -> None:
    others = [
        database.value
        for database, id_ in _ids(door).items()
        if database in ids and id_.replace("-", "").lower() != ids[database].replace("-", "")
    ]
    if others:
        note(f"{', '.join(others)} in your settings name other databases: these lines would replace them.")


def _door() -> "Door":
    from christmas_tasks.flow_tasks.door import Door

    return Door(os.environ, Path.cwd())


def _ids(door: "Door") -> dict[Database, str]:
    found = {database: door.settings.optional_secret(database.value) for database in Database}
    return {database: id_ for database, id_ in found.items() if id_}


def _admin(door: "Door") -> "NotionAdmin":
    from christmas_tasks.notion_admin import NotionAdmin

    settings = door.settings
    return NotionAdmin(
        settings.secret("NOTION_TOKEN"),
        door.cache,
        settings.notion_base_url,
        settings.vendor_budget_seconds,
        _pace(door),
    )


def _templates(door: "Door", ids: dict[Database, str]) -> "NotionTemplates":
    from christmas_tasks.notion_templates import NotionTemplates

    settings = door.settings
    return NotionTemplates(
        settings.secret("NOTION_TOKEN"),
        ids,
        door.cache,
        settings.notion_base_url,
        settings.vendor_budget_seconds,
        _pace(door),
    )


def _pace(door: "Door") -> "SharedPace":
    from christmas_tasks.pacing import shared_pace

    return shared_pace(door.cache_folder, "Notion", door.settings.notion_calls_per_second)


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
