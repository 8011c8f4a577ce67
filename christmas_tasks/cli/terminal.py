"""How every command speaks: results on standard output, all else on standard error."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

out, err = Console(highlight=False), Console(stderr=True, highlight=False)

_TABLE_WIDTH = 130

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]


def say(line: str) -> None:
    """Print one line of the result as it stands: no markup, no folding."""
    out.print(line, markup=False, soft_wrap=True)


def note(line: str) -> None:
    """Print one line about the work itself (progress, a warning) to standard error."""
    err.print(line, markup=False, soft_wrap=True)


def say_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print *value* as JSON, times and other objects as their text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def wide() -> Console:
    """A console for tables: as wide as the terminal, or wide enough to be read in a file."""
    return Console(highlight=False, width=None if out.is_terminal else _TABLE_WIDTH)
