"""Templates on both sides, files and Notion, and how they differ."""

import difflib
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

from christmas_tasks.errors import PermanentError
from christmas_tasks.lint import Folder
from christmas_tasks.notion_templates import TemplateRow
from christmas_tasks.steps.template_files import FilesFault, read_folders, read_state
from christmas_tasks.template_format import StoredTemplate, decode, encode, folder_name

# The fields of a template as people call them.
SPOKEN = {
    "name": "name",
    "subject": "subject",
    "preview": "preview text",
    "html": "HTML body",
    "text": "plain text body",
    "status": "status",
}


class TemplateStore(Protocol):
    """Where the marketer's templates are; ``notion_templates.py`` has it."""

    def template_rows(self) -> list[TemplateRow]:
        """All rows, the one that counts last where a name occurs twice."""
        ...

    def just_made_template(self, name: str) -> TemplateRow | None:
        """A row that was made a moment ago, and that a search may not show yet."""
        ...

    def create_template(self, stored: StoredTemplate) -> StoredTemplate:
        """Add a row; what is kept."""
        ...

    def update_template(self, row_id: str, stored: StoredTemplate, fields: tuple[str, ...]) -> StoredTemplate:
        """Write some fields of a row; what is kept."""
        ...


class Refused(PermanentError):
    """Nothing was written: one line for each reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as lines for people."""
        return self._lines


@dataclass(frozen=True)
class Sides:
    """Both sides of all templates, and what they were like when they last met.

    Args:
        local: What the files say, by name.
        folders: Where each local template lies.
        unreadable: Folders that can't be read as a template, with the reason.
        rows: What Notion says, by name; the row that counts.
        base: The digest of each template when both sides last said the same.
        notes: What is odd in Notion; a line each.
    """

    local: dict[str, StoredTemplate]
    folders: dict[str, Path]
    unreadable: dict[Path, str]
    rows: dict[str, TemplateRow]
    base: dict[str, str]
    notes: tuple[str, ...]


def diff(root: Path, store: TemplateStore) -> list[str]:
    """A unified diff from Notion to the files, line by line; empty if both say the same. Reads only.

    Raises:
        FilesFault: No folder, or no template in it.
        Refused: A template's files can't be read.
    """
    read_folders(root)
    sides = read_sides(root, store)
    if sides.unreadable:
        raise Refused(list(sides.unreadable.values()))
    lines: list[str] = []
    for name in sorted({*sides.local, *sides.rows}, key=folder_name):
        row, local = sides.rows.get(name), sides.local.get(name)
        if row is not None and row.stored == local:
            continue
        theirs = encode(row.stored) if row is not None else {}
        ours = encode(local) if local is not None else {}
        folder = sides.folders[name] if local is not None else root / folder_name(name)
        for file in sorted({*theirs, *ours}):
            lines += difflib.unified_diff(
                _visible(theirs.get(file)),
                _visible(ours.get(file)),
                f"notion/{folder.name}/{file}" if file in theirs else "/dev/null",
                f"{folder}/{file}" if file in ours else "/dev/null",
                lineterm="",
            )
    return lines


def read_sides(root: Path, store: TemplateStore) -> Sides:
    """Read everything on both sides. Notion: a call for each 100 rows.

    Raises:
        Refused: Two folders hold one template.
    """
    local: dict[str, StoredTemplate] = {}
    folders: dict[str, Path] = {}
    unreadable: dict[Path, str] = {}
    for folder in _folders_if_any(root):
        stored, faults = decode(folder.files)
        if stored is None:
            fault = next(fault for fault in faults if fault.is_error)
            unreadable[Path(folder.path)] = f"{folder.path}/{fault.file}:{fault.line}: {fault.sentence}"
        elif stored.name in local:
            raise Refused([f'{folder.path} and {folders[stored.name]} both hold "{stored.name}": remove one of them.'])
        else:
            local[stored.name], folders[stored.name] = stored, Path(folder.path)
    rows: dict[str, TemplateRow] = {}
    notes = []
    for row in store.template_rows():
        if not row.stored.name:
            notes.append("A row in Notion has no Template Name: it is left out.")
            continue
        if row.stored.name in rows:
            notes.append(
                f'"{row.stored.name}" is in Notion twice: the row that mails are made from counts here; bin the other.'
            )
        rows[row.stored.name] = row
    for name in local.keys() - rows:
        if (made := store.just_made_template(name)) is not None:
            rows[name] = made
    return Sides(local, folders, unreadable, rows, read_state(root), tuple(notes))


def _folders_if_any(root: Path) -> list[Folder]:
    try:
        return read_folders(root)
    except FilesFault:
        if root.exists() and not root.is_dir():
            raise
        return []


def differing(one: StoredTemplate, other: StoredTemplate) -> tuple[str, ...]:
    """The names of the fields in which two templates differ."""
    return tuple(field.name for field in fields(one) if getattr(one, field.name) != getattr(other, field.name))


def fields_spoken(one: StoredTemplate, other: StoredTemplate) -> str:
    """The same in words."""
    return ", ".join(SPOKEN[name] for name in differing(one, other))


def _visible(content: bytes | None) -> list[str]:
    # Characters that would move a terminal's cursor are shown by their number.
    if content is None:
        return []
    return [
        re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", line)
        for line in content.decode().split("\n")
    ]
