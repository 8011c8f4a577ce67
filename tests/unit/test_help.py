"""What the command's help promises of itself, at 80 columns."""

from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from christmas_tasks.cli.app import app

_RUNNER = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})


def _commands() -> Iterator[tuple[str, ...]]:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from ((name, each) for each in inner) if inner else [(name,)]


@pytest.mark.parametrize("words", list(_commands()), ids=" ".join)
def test_each_command_has_an_example_that_begins_with_its_own_words(words: tuple[str, ...]) -> None:
    """Within 80 columns."""
    told = _RUNNER.invoke(app, [*words, "--help"]).stdout
    assert f"christmas-tasks {' '.join(words)}" in " ".join(told.partition("Example: ")[2].split())
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), ("contact",), ("env",), ("notion",), ("templates",)], ids=" ".join)
def test_no_line_of_a_list_of_commands_is_cut(words: tuple[str, ...]) -> None:
    """What a command is for can be read whole."""
    listed = _RUNNER.invoke(app, [*words, "--help"]).stdout.partition("Commands:")[2]
    assert listed
    assert not any(line.endswith("...") for line in listed.splitlines())
