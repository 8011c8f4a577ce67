"""The command ``schemas``: the webhooks' bodies as JSON Schemas."""

from pathlib import Path
from typing import Annotated

import typer

from christmas_tasks.cli.terminal import note, say_json

Out = Annotated[Path | None, typer.Option("--out", file_okay=False, help="Write one file for each body into it.")]


def schemas(out: Out = None) -> None:
    """Print the JSON Schemas (2020-12) of all webhook bodies, or write them as files. Safe to repeat.

    Writes the files that differ and touches no other; nothing else is changed.

    Example: christmas-tasks schemas --out docs/schemas
    """
    from christmas_tasks.payload_schemas import SCHEMAS, as_text

    if out is None:
        say_json(SCHEMAS)
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, schema in SCHEMAS.items():
        path = out / f"{name}.json"
        text = as_text(schema)
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            note(f"written: {path}")
