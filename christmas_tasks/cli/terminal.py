"""How every command speaks: results on standard output, all else on standard error."""

import json
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from christmas_tasks.steps.findings import Finding, Report

out, err = Console(highlight=False), Console(stderr=True, highlight=False)

_TABLE_WIDTH = 130
_COLOURS = {"ok": "green", "warning": "yellow", "FAULT": "red", "off": "dim"}

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]


def say(line: str) -> None:
    """Print one line of the result as it stands: no markup, no folding."""
    out.print(line, markup=False, soft_wrap=True)


def note(line: str) -> None:
    """Print one line about the work itself (progress, a warning) to standard error."""
    err.print(line, markup=False, soft_wrap=True)


def say_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print *value* as JSON: times as ISO 8601, other objects as their text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def say_finding(finding: "Finding") -> None:
    """Print one item of a check as a coloured line."""
    out.print(finding.line, style=_COLOURS[finding.state], markup=False, soft_wrap=True)


def say_report(report: "Report", *, as_json: bool, is_told: bool = False) -> None:
    """Print what a check has found, one line for each item unless *is_told*; ends the command with 1 on a fault."""
    if as_json:
        findings = [{"state": each.state.lower(), "text": each.text} for each in report.findings]
        say_json({"healthy": not report.faults, "findings": findings})
    else:
        for each in () if is_told else report.findings:
            say_finding(each)
        say(f"\n{_counted(len(report.faults), 'fault')}, {_counted(len(report.warnings), 'warning')}")
    if report.faults:
        raise typer.Exit(1)


def wide() -> Console:
    """A console for tables: as wide as the terminal, or wide enough to be read in a file."""
    return Console(highlight=False, width=None if out.is_terminal else _TABLE_WIDTH)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
