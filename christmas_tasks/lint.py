"""What is wrong or weak in template files, before anybody gets a mail: each finding with its place and remedy. Pure.

An error is what production refuses, or would send broken or unsafe; a warning is what makes a mail weaker.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from christmas_tasks import html_lint
from christmas_tasks.errors import TemplateFault
from christmas_tasks.samples import LEADS, OPTIONAL_SETTINGS, REQUIRED_SETTINGS, Lead, email_of
from christmas_tasks.sequences import RULES, all_template_names
from christmas_tasks.template_format import DESCRIPTION, HTML, TEXT, StoredTemplate, decode, folder_name, line_of
from christmas_tasks.templates import RenderedMail, Rule, Template, located_problems, preview_line, render
from christmas_tasks.variables import Campaign, build

SUBJECT_LIMIT = 60
PREVIEW_LIMIT = 150
# Gmail shows so much of a mail's HTML, and hides the rest behind a link.
CLIP_BYTES = 102 * 1024
# Notion holds 100 pieces of 2,000 units for each part, of which one may be lost where an emoji would be cut in half;
# and half a megabyte in one request.
NOTION_UNITS = 100 * 1_999
NOTION_BYTES = 400_000


class Level(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


# Every rule, in the order of docs/TEMPLATES.md.
LEVELS: Mapping[str, Level] = {
    "missing-file": Level.ERROR,
    "not-utf8": Level.ERROR,
    "toml": Level.ERROR,
    "duplicate-name": Level.ERROR,
    Rule.EMPTY: Level.ERROR,
    Rule.SYNTAX: Level.ERROR,
    Rule.UNKNOWN_VARIABLE: Level.ERROR,
    Rule.LEFTOVER_BRACE: Level.ERROR,
    Rule.INCLUDE: Level.ERROR,
    Rule.ESCAPING_OFF: Level.ERROR,
    "cannot-fill": Level.ERROR,
    "unsafe-link": Level.ERROR,
    "active-content": Level.ERROR,
    "line-break": Level.ERROR,
    "too-long": Level.ERROR,
    "unknown-key": Level.WARNING,
    "unknown-name": Level.WARNING,
    "missing-template": Level.WARNING,
    Rule.INACTIVE: Level.WARNING,
    "unguarded": Level.WARNING,
    "no-unsubscribe": Level.WARNING,
    "no-address": Level.WARNING,
    "no-text": Level.WARNING,
    "no-preview": Level.WARNING,
    "long-subject": Level.WARNING,
    "long-preview": Level.WARNING,
    "image-alt": Level.WARNING,
    "clipped": Level.WARNING,
}

_FILES = {"HTML body": HTML, "plain text body": TEXT}
_KEYS = {"subject": "subject", "preview text": "preview", "status": "status"}
_DAY = date(2025, 11, 20)
_CAMPAIGN = Campaign(
    date(2025, 12, 5),
    postal_address=REQUIRED_SETTINGS["POSTAL_ADDRESS"],
    **{name.lower(): value for name, value in OPTIONAL_SETTINGS.items()},
)
_BARE_CAMPAIGN = Campaign(_CAMPAIGN.deadline, postal_address=_CAMPAIGN.postal_address)
_LINK = f"{REQUIRED_SETTINGS['UNSUBSCRIBE_PAGE_URL']}?token=sample"


@dataclass(frozen=True)
class Folder:
    """One template's folder as read.

    Args:
        path: As it is printed.
        files: By name; what else lies there is left out.
    """

    path: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to mend.

    Args:
        file: As it is printed.
        line: From 1.
        rule: A name of ``LEVELS``.
        sentence: What is wrong and what to do.
    """

    file: str
    line: int
    rule: str
    sentence: str

    @property
    def level(self) -> Level:
        """Whether a mail would be refused or broken, or just weaker."""
        return LEVELS[self.rule]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level} {self.rule}: {self.sentence}"


@dataclass(frozen=True)
class _Read:
    """A folder that could be read, with the places of its parts."""

    folder: Folder
    stored: StoredTemplate

    def at(self, part: str, rule: str, sentence: str, line: int = 1) -> Finding:
        if part in _KEYS:
            description = self.folder.files[DESCRIPTION].decode()
            return Finding(
                f"{self.folder.path}/{DESCRIPTION}", line_of(_KEYS[part], description) + line - 1, rule, sentence
            )
        return Finding(f"{self.folder.path}/{_FILES[part]}", line, rule, sentence)


def lint(folders: Iterable[Folder], root: str) -> tuple[Finding, ...]:
    """Look at all folders of templates.

    Args:
        folders: Each with its files.
        root: The folder of folders, as it is printed.

    Returns:
        Every finding, by file and line.
    """
    found: list[Finding] = []
    names: dict[str, str] = {}
    for folder in folders:
        stored, faults = decode(folder.files)
        found.extend(Finding(f"{folder.path}/{fault.file}", fault.line, fault.rule, fault.sentence) for fault in faults)
        if stored is None:
            continue
        read = _Read(folder, stored)
        found.extend(_findings(read))
        if stored.name in names:
            sentence = f'"{stored.name}" is the name in {names[stored.name]} too: give one of them another name.'
            found.append(Finding(f"{folder.path}/{DESCRIPTION}", 1, "duplicate-name", sentence))
        names.setdefault(stored.name, folder.path)
    for name in all_template_names():
        if name not in names and not any(finding.file.startswith(f"{root}/{folder_name(name)}/") for finding in found):
            sentence = f'there is no template "{name}": its email would be blocked. Pull it, or write it.'
            found.append(Finding(f"{root}/{folder_name(name)}/{DESCRIPTION}", 1, "missing-template", sentence))
    return tuple(sorted(found))


def _findings(read: _Read) -> list[Finding]:
    template = read.stored.template
    found = [] if template.is_active else [read.at("status", Rule.INACTIVE, _inactive(read.stored.status))]
    active = replace(template, is_active=True)
    found += [
        read.at(p.part, p.rule, f"{p.sentence[0].upper()}{p.sentence[1:]}", p.line) for p in located_problems(active)
    ]
    found += [read.at("HTML body", *spot) for spot in html_lint.spots(active.html)]
    found += [read.at("plain text body", *spot) for spot in html_lint.text_spots(active.text)]
    found += _lines(read)
    found += _sizes(read)
    found += _missing(read)
    if not any(finding.level is Level.ERROR for finding in found):
        found += _filled(read, active)
    return found


def _inactive(status: str) -> str:
    return f'The status is "{status}": only Active is used, so that its email would be blocked.'


def _lines(read: _Read) -> Iterator[Finding]:
    for part, source in (("subject", read.stored.subject), ("preview text", read.stored.preview)):
        if re.search(r"[\r\n\v\f\x85\u2028\u2029]", source.strip()):
            yield read.at(part, "line-break", f"The {part} has a line break: write it on one line.")


def _sizes(read: _Read) -> Iterator[Finding]:
    stored = read.stored
    for part, source in (("HTML body", stored.html), ("plain text body", stored.text)):
        units = len(source.encode("utf-16-le", "surrogatepass")) // 2
        if units > NOTION_UNITS:
            yield read.at(
                part, "too-long", f"The {part} has {units:,} characters, Notion holds {NOTION_UNITS:,}: shorten it."
            )
    total = len(stored.html.encode()) + len(stored.text.encode())
    if total > NOTION_BYTES:
        yield read.at(
            "HTML body", "too-long", f"Both bodies have {total:,} bytes, Notion takes {NOTION_BYTES:,}: shorten them."
        )


def _missing(read: _Read) -> Iterator[Finding]:
    stored = read.stored
    email = email_of(stored.name)
    if email is None:
        yield Finding(
            f"{read.folder.path}/{DESCRIPTION}",
            1,
            "unknown-name",
            f'No email is named "{stored.name}": nobody sends it. Correct its spelling, or remove the folder.',
        )
    is_transactional = email is not None and RULES[email[0]].transactional
    for part, source in (("HTML body", stored.html), ("plain text body", stored.text)):
        if not source.strip():
            continue
        if not is_transactional and not _prints(source, "unsubscribe_url"):
            sentence = (
                f"The {part} has no unsubscribe link, so that a plain one is added: write {{{{ unsubscribe_url }}}}."
            )
            yield read.at(part, "no-unsubscribe", sentence)
        if not _prints(source, "postal_address"):
            sentence = (
                f"The {part} has no postal address, so that a plain one is added: write {{{{ postal_address }}}}."
            )
            yield read.at(part, "no-address", sentence)
    if not stored.text.strip():
        yield Finding(
            f"{read.folder.path}/{TEXT}",
            1,
            "no-text",
            "There is no plain text part, so that one is derived from the HTML: write it yourself.",
        )
    if not stored.preview.strip():
        sentence = "There is no preview text, so that mail programs show the first words: write one sentence."
        yield read.at("preview text", "no-preview", sentence)


def _prints(source: str, variable: str) -> bool:
    return re.search(rf"\{{\{{[^}}]*\b{variable}\b", source) is not None


def _filled(read: _Read, template: Template) -> Iterator[Finding]:
    """What shows only once the template is filled in with leads."""
    subjects, previews, sizes = [], [], []
    for lead in LEADS:
        try:
            mail = _render(template, lead, _CAMPAIGN, read.stored.name)
        except TemplateFault as fault:
            yield read.at(
                "HTML body", "cannot-fill", f"With the sample lead {lead.name} it is refused: {fault.problem}"
            )
            return
        subjects.append(mail.subject)
        previews.append(preview_line(template, _values(lead)))
        sizes.append(len(mail.html.encode()))
        try:
            _render(template, lead, _BARE_CAMPAIGN, read.stored.name)
        except TemplateFault as fault:
            yield read.at(
                "HTML body",
                "unguarded",
                f"Where an optional setting (such as CALENDLY_LINK) is not set, the mail is blocked: {fault.problem}",
            )
            break
    if subjects and len(longest := max(subjects, key=len)) > SUBJECT_LIMIT:
        sentence = (
            f"The subject can have {len(longest)} characters, mail programs cut it near {SUBJECT_LIMIT}: shorten it."
        )
        yield read.at("subject", "long-subject", sentence)
    if previews and len(longest := max(previews, key=len)) > PREVIEW_LIMIT:
        sentence = f"The preview can have {len(longest)} characters, at most {PREVIEW_LIMIT} are shown: shorten it."
        yield read.at("preview text", "long-preview", sentence)
    if max(sizes, default=0) > CLIP_BYTES:
        sentence = f"The HTML has {max(sizes) // 1024} KB, Gmail shows {CLIP_BYTES // 1024} KB: shorten it."
        yield read.at("HTML body", "clipped", sentence)


def _render(template: Template, lead: Lead, campaign: Campaign, name: str) -> RenderedMail:
    email = email_of(name)
    # Transactional mails have no unsubscribe link unless a setting gives them one: both must work.
    for link in ("", _LINK) if email is not None and RULES[email[0]].transactional else (_LINK,):
        mail = render(template, _values(lead, campaign, link))
    return mail


def _values(lead: Lead, campaign: Campaign = _CAMPAIGN, link: str = _LINK) -> dict[str, str | float]:
    return build(lead.variables, lead.segment, campaign, _DAY, link)
