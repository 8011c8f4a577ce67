"""Puts the commands together, and turns their errors into readable lines."""

import logging
import sys

import typer

from christmas_tasks.cli import campaign, contact, deploy, env, local, notion, plan, schemas, templates
from christmas_tasks.cli.terminal import note
from christmas_tasks.errors import ChristmasError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
for command in (local.up, local.demo, campaign.check, campaign.settle, campaign.unsubscribe_page, schemas.schemas):
    app.command()(command)
app.add_typer(contact.app, name="contact")
app.command()(plan.plan)
app.command()(deploy.deploy)
app.command()(deploy.dashboard)
app.add_typer(env.env, name="env")
app.add_typer(notion.notion, name="notion")
app.add_typer(templates.templates, name="templates")


@app.callback()
def _root() -> None:
    """The emails of a Christmas campaign: each exactly once, at its time, stopped when they should."""


def main() -> None:
    """Run a command; errors are one readable line each, and exit with 1."""
    from christmas_tasks.local.engine import EngineError
    from christmas_tasks.local.java import MissingToolError

    # The repeats of a vendor call: what they were for is said where they are given up.
    logging.getLogger("stamina").addHandler(logging.NullHandler())
    try:
        app()
    except ChristmasError as error:
        for line in error.lines:
            note(f"christmas-tasks: {line}")
        sys.exit(1)
    except (EngineError, MissingToolError, OSError) as error:
        note(f"christmas-tasks: {error}")
        sys.exit(1)
