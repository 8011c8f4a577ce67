"""One template as files, both ways: ``template.toml`` (name, subject, preview, status), ``body.html``, ``body.txt``.

Pure: bytes in, bytes out. ``starter_templates`` is written in this form.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from christmas_tasks.sequences import RULES, all_template_names
from christmas_tasks.templates import Template

DESCRIPTION, HTML, TEXT = "template.toml", "body.html", "body.txt"
FILES = (DESCRIPTION, HTML, TEXT)
KEYS = ("name", "subject", "preview", "status")
ACTIVE = "Active"
_CONTROL = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True)
class StoredTemplate:
    """One template as the marketer keeps it, in Notion or in files; equal exactly if nothing differs.

    Args:
        status: As it is spelled; only ``Active`` is used, in any case.
    """

    name: str
    subject: str
    html: str
    text: str = ""
    preview: str = ""
    status: str = ACTIVE

    @property
    def template(self) -> Template:
        """What the mails are rendered from."""
        is_active = self.status.strip().lower() == ACTIVE.lower()
        return Template(self.name, self.subject, self.html, self.text, self.preview, is_active)

    @property
    def digest(self) -> str:
        """A fingerprint of all of it: equal for equal templates, on any machine."""
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class FormatFault:
    """What keeps a folder from being read as a template.

    Args:
        file: One of ``FILES``.
        line: From 1.
        rule: Its name in ``templates lint``.
        sentence: For people, what to do included.
        is_error: False: the template can be read all the same.
    """

    file: str
    line: int
    rule: str
    sentence: str
    is_error: bool = True


def encode(stored: StoredTemplate) -> dict[str, bytes]:
    """The files of one template; a template without a text part has no ``body.txt``."""
    lines = [f"{key} = {_quoted(getattr(stored, key))}\n" for key in KEYS]
    texts = {DESCRIPTION: "".join(lines), HTML: stored.html, **({TEXT: stored.text} if stored.text else {})}
    # Half a character that a vendor answers with has no place in a file.
    return {name: text.encode("utf-8", "replace") for name, text in texts.items()}


def decode(files: Mapping[str, bytes]) -> tuple[StoredTemplate | None, tuple[FormatFault, ...]]:
    """Read the files of one folder.

    Args:
        files: By name; those of ``FILES`` that are there.

    Returns:
        The template, or None if a fault keeps it from being read; and all faults.
    """
    faults: list[FormatFault] = []
    texts = {name: _text(name, content, faults) for name, content in files.items()}
    values = _description(texts.get(DESCRIPTION), faults)
    if HTML not in texts:
        faults.append(FormatFault(HTML, 1, "missing-file", "the file is missing: write the HTML body into it."))
    if any(fault.is_error for fault in faults):
        return None, tuple(faults)
    stored = StoredTemplate(
        name=values["name"].strip(),
        subject=values["subject"],
        html=texts[HTML] or "",
        text=texts.get(TEXT) or "",
        preview=values["preview"],
        status=values["status"],
    )
    return stored, tuple(faults)


def folder_name(template_name: str) -> str:
    """The folder of a template: ``5day_e2`` for ``5-Day E2``; another name in lower case, its signs as ``_``."""
    return _FOLDERS.get(template_name) or re.sub(r"[^a-z0-9]+", "_", template_name.lower()).strip("_")[:60] or "unnamed"


def line_of(key: str, description: str) -> int:
    """The line of ``template.toml`` on which *key* stands, from 1; 1 if it isn't there."""
    found = re.search(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=", description, re.MULTILINE)
    return 1 if found is None else description.count("\n", 0, found.end()) + 1


def _text(name: str, content: bytes, faults: list[FormatFault]) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        faults.append(FormatFault(name, line, "not-utf8", "this is no UTF-8: save the file as UTF-8."))
        return None
    if text.startswith("\ufeff"):
        sentence = "it begins with a byte order mark, which would stand in the mail: save it as UTF-8 without one."
        faults.append(FormatFault(name, 1, "not-utf8", sentence))
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        faults.append(FormatFault(name, line, "not-utf8", "there is a NUL character: remove it."))
    return text


def _description(text: str | None, faults: list[FormatFault]) -> dict[str, str]:
    if text is None:
        if not faults:
            sentence = f"the file is missing: write {', '.join(KEYS)} into it."
            faults.append(FormatFault(DESCRIPTION, 1, "missing-file", sentence))
        return {}
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        sentence = f'this is no TOML ({str(error).partition(" (at")[0]}): write each line as key = "text".'
        faults.append(FormatFault(DESCRIPTION, int(line[1]) if line else 1, "toml", sentence))
        return {}
    values = dict.fromkeys(KEYS, "")
    for key, value in found.items():
        if key not in KEYS:
            sentence = f'the key "{key}" is none of {", ".join(KEYS)}: correct its spelling or remove it.'
            faults.append(FormatFault(DESCRIPTION, line_of(key, text), "unknown-key", sentence, is_error=False))
        elif not isinstance(value, str):
            sentence = f'"{key}" is no text: put its value into double quotes.'
            faults.append(FormatFault(DESCRIPTION, line_of(key, text), "toml", sentence))
        else:
            values[key] = value
    if "name" not in found or not values["name"].strip():
        sentence = 'the name is missing: write name = "5-Day E2", or another Template Name.'
        faults.append(FormatFault(DESCRIPTION, line_of("name", text), "toml", sentence))
    if "status" not in found:
        sentence = f'the status is missing: write status = "{ACTIVE}".'
        faults.append(FormatFault(DESCRIPTION, 1, "toml", sentence))
    return values


def _quoted(text: str) -> str:
    escaped = "".join(
        _CONTROL.get(character) or (f"\\u{ord(character):04x}" if _is_control(character) else character)
        for character in text
    )
    return f'"{escaped}"'


def _is_control(character: str) -> bool:
    return ord(character) < 0x20 or ord(character) == 0x7F  # noqa: PLR2004 - what TOML doesn't take as it stands


def _folders() -> dict[str, str]:
    names: dict[str, str] = {}
    for sequence, rules in RULES.items():
        for number in range(1, 6):
            names[rules.template_pattern.format(number=number)] = f"{sequence.value}_e{number}"
    return {name: folder for name, folder in names.items() if name in all_template_names()}


_FOLDERS = _folders()
