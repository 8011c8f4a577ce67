"""The commands about the server's settings: ``env encode`` and ``env check``."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from christmas_tasks.cli.terminal import note, say
from christmas_tasks.errors import SettingsError

env = typer.Typer(no_args_is_help=True, help="The settings of Kestra's server.")


@env.command(short_help="Turn a plain file of settings into the one for Kestra.")
def encode(
    file: Annotated[Path, typer.Argument(help="Lines NAME=value, as .env.kestra.example has them.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write there, for its owner alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file with other settings.")] = False,
) -> None:
    """Turn a plain file of settings into the one that Kestra reads: secrets in base64, the rest as it is.

    Changes OUTPUT alone (mode 0600); without it, prints the file. A repeat gives the same. Names each unknown name,
    duplicate or wrong value with its line, and writes nothing then. Delete the plain file afterwards.

    Example: christmas-tasks env encode settings.env -o .env.kestra
    """
    from christmas_tasks.env_file import encode as encoded

    try:
        plain = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise SettingsError([f"{file} is no text in UTF-8"]) from None
    try:
        made = encoded(plain)
    except SettingsError as error:
        raise SettingsError([f"{file}, {line}" for line in error.lines]) from None
    for line in made.notes:
        note(f"{file}: {line}")
    if output is None:
        typer.echo(made.text, nl=False)
        return
    if output.exists() and not force and output.read_text("utf-8", errors="replace") != made.text:
        raise SettingsError([f"{output} holds other settings: nothing is written; --force replaces them"])
    _write_for_owner(output, made.text)
    say(f"{output}: {len(made.text.splitlines())} settings, readable by you alone.")


@env.command(short_help="Look whether the settings in the environment are good.")
def check() -> None:
    """Look at the settings in the environment alone: is each readable, and none missing? Asks nobody, changes nothing.

    Kestra's container runs this before it starts. Exits with 1 and one line for each fault: name, reason, example.

    Example: set -a; . ./.env.kestra; christmas-tasks env check
    """
    from christmas_tasks.env_file import faults_of, missing_of

    faults = faults_of(os.environ)
    if not faults:
        faults = missing_of(os.environ)
    if faults:
        raise SettingsError(faults)
    say("All settings are there and readable.")


def _write_for_owner(path: Path, text: str) -> None:
    """Replace a file as a whole; nobody else can read it at any time."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
