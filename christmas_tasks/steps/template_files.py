"""The folder of templates on disk: read, written, and what it was like when it last met Notion."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from christmas_tasks.errors import PermanentError
from christmas_tasks.lint import Folder
from christmas_tasks.template_format import DESCRIPTION, FILES, TEXT, StoredTemplate, decode, encode

STATE_FILE = ".notion-state.json"


class FilesFault(PermanentError):
    """The folder given can't be used; the message says what to do."""


def read_folders(root: Path) -> list[Folder]:
    """Every sub-folder with one of a template's files, by name.

    Raises:
        FilesFault: There is no such folder, or no template in it.
    """
    if not root.is_dir():
        raise FilesFault(f"There is no folder {root}: run `christmas-tasks templates pull`, or name another one.")
    found = []
    for path in sorted(root.iterdir()):
        files = {name: (path / name).read_bytes() for name in FILES if (path / name).is_file()}
        if files:
            found.append(Folder(str(path), files))
    if not found:
        raise FilesFault(f"There is no template in {root}: each has a folder with {', '.join(FILES)}.")
    return found


def read_templates(root: Path) -> dict[str, StoredTemplate]:
    """Every template of the folder by its name.

    Raises:
        FilesFault: One can't be read; the first fault is named.
    """
    found = {}
    for folder in read_folders(root):
        stored, faults = decode(folder.files)
        if stored is None:
            fault = next(fault for fault in faults if fault.is_error)
            raise FilesFault(f"{folder.path}/{fault.file}:{fault.line}: {fault.sentence}")
        found[stored.name] = stored
    return found


def write_template(folder: Path, stored: StoredTemplate) -> list[Path]:
    """Make the files of one template say what *stored* says; a file that says so already is left as it is.

    Each file is replaced in one step. Safe to repeat.

    Returns:
        The files written.
    """
    before = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    is_same, _ = decode(before) if before else (None, ())
    wanted = encode(stored)
    if TEXT in before and TEXT not in wanted:
        wanted[TEXT] = b""
    if is_same is not None and encode(is_same)[DESCRIPTION] == wanted[DESCRIPTION]:
        # The same values in a person's own order and with comments.
        wanted.pop(DESCRIPTION)
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in wanted.items():
        if before.get(name) != content:
            replace_file(folder / name, content)
            written.append(folder / name)
    return written


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees the old or the new content."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    # mkstemp's files are their owner's alone; a template is an ordinary file.
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def read_state(root: Path) -> dict[str, str]:
    """The digest of each template when files and Notion last said the same; empty if that isn't known."""
    try:
        found = json.loads((root / STATE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def write_state(root: Path, state: Mapping[str, str]) -> None:
    """Remember the digests; it tells a change of the files from a change in Notion later."""
    if read_state(root) != dict(state):
        replace_file(root / STATE_FILE, (json.dumps(dict(sorted(state.items())), indent=2) + "\n").encode())


def claim_folder(folder: Path, marker: str) -> None:
    """Make *folder* ready to be written into by one command, again and again.

    Args:
        folder: New, empty, or written by the same command before.
        marker: A file that this command always writes.

    Raises:
        FilesFault: Something else lies there.
    """
    if folder.exists() and not folder.is_dir():
        raise FilesFault(f"{folder} is a file: name a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / marker).is_file():
        raise FilesFault(f"{folder} holds other files: name a new or empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
