"""Puts the commands together, and turns their errors into readable lines."""

import logging
import sys

import typer

from christmas_tasks.cli import campaign, contact, deploy, env, local, notion, plan, schemas, templates
from christmas_tasks.cli.terminal import note
from christmas_tasks.errors import ChristmasError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
# The lines of the list of commands; each fits into 80 columns.
for command, in_short in (
    (local.up, "Start engine, flows and sandbox on this machine."),
    (local.demo, "Send over 30 leads through all of it, and judge."),
    (campaign.check, "Look at everything the campaign relies on."),
    (campaign.settle, "Settle an unresolved email."),
    (campaign.unsubscribe_page, "Print the unsubscribe page for your website."),
    (schemas.schemas, "Print the JSON Schemas of all webhook bodies."),
    (plan.plan, "Show the calendar and mails that a webhook leads to."),
    (deploy.deploy, "Upload flows and dashboards to a running Kestra."),
    (deploy.dashboard, "Show the campaign's figures."),
):
    app.command(short_help=in_short)(command)
app.add_typer(contact.app, name="contact")
app.add_typer(env.env, name="env", short_help="Settings of Kestra's server: encode, check.")
app.add_typer(notion.notion, name="notion", short_help="The three databases: init, check, migrate.")
app.add_typer(templates.templates, name="templates", short_help="Templates as files: pull, lint, preview, test-send.")


@app.callback()
def _root() -> None:
    """The emails of a Christmas campaign: each exactly once, at its time, stopped when they should.

    Example: christmas-tasks plan --help
    """


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
    except (EngineError, MissingToolError) as error:
        note(f"christmas-tasks: {error}")
        sys.exit(1)
    except OSError as error:
        # Python's own text of it begins with a number.
        told = f"can't use {error.filename}: {error.strerror}" if error.filename else error
        note(f"christmas-tasks: {told}")
        sys.exit(1)
