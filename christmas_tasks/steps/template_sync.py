"""Templates between a folder of files and Notion: pull and push. Nothing is ever deleted on either side."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from christmas_tasks.lint import Finding, Level, lint
from christmas_tasks.steps.template_files import read_folders, write_state, write_template
from christmas_tasks.steps.template_sides import (
    SPOKEN,
    Refused,
    Sides,
    TemplateStore,
    differing,
    fields_spoken,
    read_sides,
)
from christmas_tasks.template_format import folder_name

Say = Callable[[str], None]

# With these, what would be written is not what the files say, so that no force helps.
_NEVER_PUSHED = frozenset({"missing-file", "not-utf8", "toml", "duplicate-name", "too-long"})


@dataclass(frozen=True)
class Outcome:
    """What a pull or push has come to.

    Args:
        changed: Names of the templates written, or to be written in a dry run.
        unchanged: How many were equal already.
        notes: What a person may want to know; a line each.
    """

    changed: tuple[str, ...]
    unchanged: int
    notes: tuple[str, ...] = ()


def pull(root: Path, store: TemplateStore, say: Say, *, force: bool = False) -> Outcome:
    """Make the files say what Notion says. Safe to repeat; Notion is only read.

    Args:
        root: The folder of templates; made if there is none.
        store: Notion.
        say: Told of each file as it is written.
        force: Overwrite local changes too.

    Raises:
        Refused: A file was changed here, and would be overwritten: nothing is written then.
    """
    sides = read_sides(root, store)
    todo, notes = _to_pull(root, sides, force=force)
    equal = [name for name, row in sides.rows.items() if sides.local.get(name) == row.stored]
    state = {**sides.base, **{name: sides.rows[name].stored.digest for name in equal}}
    try:
        for name, folder in todo.items():
            for path in write_template(folder, sides.rows[name].stored):
                say(f"wrote {path}")
            state[name] = sides.rows[name].stored.digest
    finally:
        if root.is_dir():
            write_state(root, state)
    alone = [
        f'{folder}: "{name}" is not in Notion: push adds it.'
        for name, folder in sides.folders.items()
        if name not in sides.rows
    ]
    return Outcome(tuple(todo), len(equal), (*sides.notes, *notes, *alone))


def push(root: Path, store: TemplateStore, say: Say, *, force: bool = False, dry_run: bool = False) -> Outcome:
    """Make Notion say what the files say, where it differs. Safe to repeat.

    Args:
        root: The folder of templates.
        store: Notion.
        say: Told of each template as it is written.
        force: Push in spite of lint errors, and over changes that were made in Notion since.
        dry_run: Write nothing; say what would be.

    Raises:
        FilesFault: No folder, or no template in it.
        Refused: Lint errors, or a change in Notion that would be lost: nothing is written then. Or Notion keeps
            something differently than it was written: the rest is written.
    """
    _refuse_faulty(lint(read_folders(root), str(root)), force=force)
    sides = read_sides(root, store)
    todo = _to_push(sides, force=force)
    alone = [f'"{name}" is in Notion alone: it stays as it is.' for name in sides.rows if name not in sides.local]
    outcome = Outcome(tuple(todo), len(sides.local) - len(todo), (*sides.notes, *alone))
    if dry_run:
        for name, fields in todo.items():
            say(_done(name, fields, "would change" if fields else "would add"))
        return outcome
    state = {**sides.base, **{name: local.digest for name, local in sides.local.items() if name not in todo}}
    kept_otherwise = []
    try:
        for name, fields in todo.items():
            local = sides.local[name]
            if fields:
                kept = store.update_template(sides.rows[name].row_id, local, fields)
            else:
                kept = store.create_template(local)
            say(_done(name, fields, "changed" if fields else "added"))
            if kept == local:
                state[name] = local.digest
            else:
                kept_otherwise.append(f'Notion keeps {fields_spoken(local, kept)} of "{name}" differently: see diff.')
    finally:
        write_state(root, state)
    if kept_otherwise:
        raise Refused(kept_otherwise)
    return outcome


def _to_pull(root: Path, sides: Sides, *, force: bool) -> tuple[dict[str, Path], list[str]]:
    """Which templates to write into which folders, and notes.

    Raises:
        Refused: See ``pull``.
    """
    todo: dict[str, Path] = {}
    refusals, notes = [], []
    for name, row in sides.rows.items():
        local, base = sides.local.get(name), sides.base.get(name)
        if local == row.stored:
            continue
        folder = sides.folders.get(name) or _free_folder(root, name, {*sides.folders.values(), *todo.values()})
        if local is None and folder in sides.unreadable and not force:
            refusals.append(f"{sides.unreadable[folder]} Repair it, or add --force to take Notion's.")
        elif local is None or force or base == local.digest:
            todo[name] = folder
        elif base == row.stored.digest:
            notes.append(f"{folder}: changed here since the last pull or push, not in Notion: kept.")
        else:
            refusals.append(
                f"{folder}: {fields_spoken(local, row.stored)} differ, and may have been changed here. Look at "
                "`christmas-tasks templates diff`, then push, or add --force to take Notion's."
            )
    if refusals:
        raise Refused([*refusals, "Nothing was written."])
    return todo, notes


def _to_push(sides: Sides, *, force: bool) -> dict[str, tuple[str, ...]]:
    """Which templates to write, with the fields that differ; no fields: the row is to be added.

    Raises:
        Refused: See ``push``.
    """
    todo: dict[str, tuple[str, ...]] = {}
    conflicts = []
    for name, local in sides.local.items():
        row, base = sides.rows.get(name), sides.base.get(name)
        if row is None:
            todo[name] = ()
        elif fields := differing(local, row.stored):
            todo[name] = fields
            if base not in {None, row.stored.digest} and not force:
                conflicts.append(
                    f'"{name}" was changed in Notion since the last pull or push. Look at `christmas-tasks templates '
                    "diff`, then pull, or add --force to write over it."
                )
    if conflicts:
        raise Refused([*conflicts, "Nothing was written."])
    return todo


def _free_folder(root: Path, name: str, taken: set[Path]) -> Path:
    wanted = root / folder_name(name)
    number = 2
    folder = wanted
    while folder in taken:
        folder = wanted.with_name(f"{wanted.name}_{number}")
        number += 1
    return folder


def _refuse_faulty(findings: tuple[Finding, ...], *, force: bool) -> None:
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    stopping = [finding for finding in errors if not force or finding.rule in _NEVER_PUSHED]
    if stopping:
        hint = (
            ""
            if any(finding.rule in _NEVER_PUSHED for finding in stopping)
            else ", or add --force to push them all the same"
        )
        raise Refused([*map(str, stopping), f"Nothing was written: repair these{hint}."])


def _done(name: str, fields: tuple[str, ...], verb: str) -> str:
    what = f": {', '.join(SPOKEN[field] for field in fields)}" if fields else ""
    return f'{verb} "{name}"{what}'
