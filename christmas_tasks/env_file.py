"""The settings of a server as people write them down, and as Kestra's server reads them.

Text in, text out; no message holds a value.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from christmas_tasks.errors import SettingsError
from christmas_tasks.settings import (
    OPTIONAL_SECRETS,
    OTHER_NAMES,
    REQUIRED_PLAIN,
    REQUIRED_SECRETS,
    Settings,
    given,
)

KESTRA_NAMES = ("KESTRA_URL", "KESTRA_USERNAME", "KESTRA_PASSWORD")
COMPOSE_NAMES = ("KESTRA_DB_PASSWORD", "KESTRA_PUBLISH")
REQUIRED_LOGIN = ("KESTRA_USERNAME", "KESTRA_PASSWORD")

_SECRETS = (*REQUIRED_SECRETS, *OPTIONAL_SECRETS)
_ALIASES = {other: name for name, others in OTHER_NAMES.items() for other in others}
_SWITCHES = ("TESTING_MODE", "ONBOARDING_UNSUBSCRIBE")
_PREFIX = "SECRET_"

_ID = (
    r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}",
    "a database's id, for example 0123456789abcdef0123456789abcdef",
)
_KEY = (
    r"[A-Za-z0-9_-]{16,256}",
    "16 to 256 letters, digits, - or _, for example 32-letters-that-you-do-not-guess",
)
# What each value must look like as a whole, and the words for it with an example.
_SHAPES: Mapping[str, tuple[str, str]] = {
    "NOTION_TOKEN": (r"\S{8,}", "one word, the integration's token, for example ntn_0123456789"),
    "NOTION_CONTACTS_DB_ID": _ID,
    "NOTION_TEMPLATES_DB_ID": _ID,
    "NOTION_EMAIL_SEQUENCE_DB_ID": _ID,
    "RESEND_API_KEY": (r"re_\S+", "a key of Resend, for example re_0123456789"),
    "WEBSITE_WEBHOOK_KEY": _KEY,
    "CALENDLY_WEBHOOK_KEY": _KEY,
    "RESEND_WEBHOOK_KEY": _KEY,
    "UNSUBSCRIBE_SIGNING_KEY": _KEY,
    "DISCORD_WEBHOOK_URL": (
        r"https://[^\s\"'<>]+/webhooks/[^\s\"'<>]+|http://([a-z][a-z0-9-]*|127\.0\.0\.1)(:\d+)?/[^\s\"'<>]+",
        "a webhook's address, for example https://discord.com/api/webhooks/1/token",
    ),
    "CALENDLY_SIGNING_KEY": (r"\S{8,}", "one word, the subscription's signing key, for example 0123456789abcdef"),
    "RESEND_SIGNING_SECRET": (r"whsec_[A-Za-z0-9+/]+=*", "a signing secret, for example whsec_MDEyMzQ1Njc4OWFi"),
    "KESTRA_URL": (r"https?://[^\s\"'<>]+", "an address, for example http://127.0.0.1:8080"),
    "KESTRA_USERNAME": (r"[^\s@:]+@[^\s@:]+\.[^\s@:]+", "an e-mail address, for example admin@example.org"),
    "KESTRA_PASSWORD": (
        r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d).{8,72}",
        "8 to 72 characters with a small letter, a capital and a digit, for example Christmas-2025-tree",
    ),
    "KESTRA_DB_PASSWORD": (r"[A-Za-z0-9_-]{8,}", "8 or more letters, digits, - or _, for example a-long-one-of-yours"),
    "KESTRA_PUBLISH": (r"[\d.]+:\d+", "an address and a port of this machine, for example 127.0.0.1:8080"),
}
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")


@dataclass(frozen=True)
class Encoded:
    """A file for Kestra's server.

    Args:
        text: Secrets in base64 under ``SECRET_NAME``, the rest as it was given.
        notes: What a person may want to know, a line each, without values.
    """

    text: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    line: int
    spelled: str  # as the file has it
    name: str  # of the setting
    value: str  # decoded


def encode(text: str) -> Encoded:
    """Turn a plain file into the one that Kestra's server reads; the same file gives the same text.

    Args:
        text: Lines ``NAME=value``; quotes, comments, ``export`` and ``SECRET_NAME=base64`` are understood, and a blank
            value counts as not set.

    Raises:
        SettingsError: One line for each unknown name, duplicate or wrong value, with its line number.
    """
    entries: list[_Entry] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entry = _read(number, line)
            if entry is not None:
                _judge(entry, entries)
                entries.append(entry)
        except (ValueError, SettingsError) as error:
            faults.append(f"line {number}: {error}")
    if faults:
        raise SettingsError(faults)
    entries = [entry for entry in entries if entry.value]
    return Encoded("".join(f"{_written(entry)}\n" for entry in entries), tuple(_notes(entries)))


def fault_of(name: str, value: str) -> str:
    """What is wrong with the value of one setting, with an example; empty if nothing is.

    Args:
        name: As the settings spell it.
        value: Decoded; not blank.
    """
    if name in _SHAPES:
        pattern, wanted = _SHAPES[name]
        return "" if re.fullmatch(pattern, value) else f"must be {wanted}"
    try:
        Settings.load({name: value})
    except SettingsError as error:
        return error.lines[0].removeprefix(f"{name} ")
    return ""


def faults_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with the values that an environment has, a line each; what is missing is no fault here."""
    try:
        found = given(environ)
    except SettingsError as error:
        return error.lines
    found |= {name: value for name in KESTRA_NAMES if (value := environ.get(name, "").strip())}
    return tuple(f"{name} {fault}" for name, value in found.items() if (fault := fault_of(name, value)))


def missing_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What a server needs and the environment lacks, a line each."""
    lines = [f"{name} is not set: {_where(name)}." for name in Settings.load(environ).missing()]
    absent = [name for name in REQUIRED_LOGIN if not environ.get(name, "").strip()]
    return (*lines, *(f"{name} is not set: it must be {_SHAPES[name][1]}." for name in absent))


def _where(name: str) -> str:
    return f"put it into .env.kestra as SECRET_{name} (base64)" if name in _SECRETS else "put it into .env.kestra"


def _read(number: int, line: str) -> _Entry | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError("is not NAME=value")
    spelled, value = match[1], _unquoted(match[2].strip())
    known = (*Settings.names(), *_ALIASES, *KESTRA_NAMES, *COMPOSE_NAMES)
    bare = spelled.removeprefix(_PREFIX)
    if bare not in known or (bare != spelled and _ALIASES.get(bare, bare) not in _SECRETS):
        raise ValueError(f"{spelled} is no setting: .env.kestra.example has them all")
    name = _ALIASES.get(bare, bare)
    if spelled != bare and value:
        value = given({spelled: value})[name]
    return _Entry(number, spelled, name, value)


def _judge(entry: _Entry, earlier: list[_Entry]) -> None:
    for other in earlier:
        if other.name == entry.name:
            raise ValueError(f"{entry.spelled} is set in line {other.line} already: keep one of them")
    if entry.value and (fault := fault_of(entry.name, entry.value)):
        raise ValueError(f"{entry.spelled} {fault}")
    _written(entry)


def _unquoted(text: str) -> str:
    if text[:1] == "'":
        inner, closed, rest = text[1:].partition("'")
    elif text[:1] == '"':
        match = re.match(r'"((?:[^"\\]|\\.)*)"', text)
        inner, closed, rest = ("", "", "") if match is None else (match[1], '"', text[match.end() :])
        inner = re.sub(r"\\([\"\\$`])", r"\1", inner)
    else:
        return re.split(r"(?:^|\s+)#", text, maxsplit=1)[0].strip()
    if not closed or not re.fullmatch(r"\s*(#.*)?", rest):
        raise ValueError("has a quotation mark that is never closed, or text behind the closing one")
    return inner.strip()


def _written(entry: _Entry) -> str:
    bare = entry.spelled.removeprefix(_PREFIX)
    if entry.name in _SECRETS:
        return f"{_PREFIX}{bare}={base64.b64encode(entry.value.encode()).decode()}"
    return f"{bare}={_quoted(entry)}"


def _quoted(entry: _Entry) -> str:
    """The value as a shell and Compose both read it."""
    if _SAFE.fullmatch(entry.value):
        return entry.value
    if "'" not in entry.value:
        return f"'{entry.value}'"
    if not set(entry.value) & set('"\\$`'):
        return f'"{entry.value}"'
    raise ValueError(
        f"""{entry.spelled} has a ' beside one of " \\ $ `: no way to write it suits both Compose and a shell"""
    )


def _notes(entries: list[_Entry]) -> Iterator[str]:
    found = {entry.name: entry for entry in entries}
    for name in (*REQUIRED_SECRETS, *REQUIRED_PLAIN, *REQUIRED_LOGIN):
        if name not in found:
            yield f"{name} is required and not set"
    for name in _SWITCHES:
        if name in found and found[name].value.lower() not in {"true", "false"}:
            yield f"line {found[name].line}: {name} reads neither true nor false, so it is off"
