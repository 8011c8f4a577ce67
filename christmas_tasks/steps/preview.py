"""Every template filled in with every sample lead, as files with one page that shows them side by side."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from jinja2 import Environment

from christmas_tasks.errors import TemplateFault
from christmas_tasks.mailer import Mail
from christmas_tasks.samples import LEADS, Lead, email_of
from christmas_tasks.settings import Settings
from christmas_tasks.steps.offline import bare_settings, offline_settings
from christmas_tasks.steps.rendering import render_email
from christmas_tasks.steps.template_files import claim_folder
from christmas_tasks.template_format import StoredTemplate, folder_name
from christmas_tasks.templates import preview_line
from christmas_tasks.variables import build

INDEX = "index.html"
_MARKER = ".christmas-preview"
_PAGE = Path(__file__).resolve().parents[1] / "pages" / "preview.html"
_DARK_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
# So many days before the deadline, unless a time is given: the middle of the campaign.
_DAYS_BEFORE = 15


@dataclass(frozen=True)
class Shown:
    """One mail to one lead on the page.

    Args:
        lead: Who.
        subject: Filled in.
        preview: Filled in; may be empty.
        html_kb: Size of the HTML part.
        text: The plain text part.
        files: Paths below the folder, by ``light``, ``dark``, ``text``.
        problem: Why there is no mail; all else is empty then.
    """

    lead: Lead
    subject: str = ""
    preview: str = ""
    html_kb: float = 0.0
    text: str = ""
    files: Mapping[str, str] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Previewed:
    """What was written.

    Args:
        index: The page.
        mails: How many mails there are on it.
        problems: A line for each mail that can't be filled in.
        notes: A line for each template left out, and for what was assumed.
    """

    index: Path
    mails: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def preview(
    templates: Mapping[str, StoredTemplate], out: Path, environ: Mapping[str, str], at: datetime | None = None
) -> Previewed:
    """Write every mail to every sample lead, rendered as production does it. Safe to repeat; sends nothing.

    Args:
        templates: By name.
        out: A folder; new, empty, or an earlier preview, which is replaced.
        environ: Settings are taken from it; stand-ins for the rest.
        at: When the mails are taken to go out; without it 15 days before the deadline.

    Raises:
        FilesFault: *out* holds something else.
        SettingsError: A setting can't be read.
    """
    settings, assumed = offline_settings(environ, optional=True)
    bare = bare_settings(environ)
    when = at or datetime.combine(settings.campaign_deadline - timedelta(days=_DAYS_BEFORE), time(9), tzinfo=UTC)
    claim_folder(out, _MARKER)
    (out / _MARKER).write_text("")
    mails = out / "mails"
    for old in mails.glob("*.*"):
        old.unlink()
    mails.mkdir(exist_ok=True)
    shown: dict[str, list[Shown]] = {}
    notes = [f"Not set, so that a stand-in is shown: {', '.join(assumed)}."] if assumed else []
    for name in sorted(templates, key=folder_name):
        if email_of(name) is None:
            notes.append(f'"{name}" is left out: no email has this name.')
            continue
        shown[name] = [
            _show(templates[name], lead, settings if lead.has_settings else bare, when, mails) for lead in LEADS
        ]
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE.read_text("utf-8"))
    index = out / INDEX
    content = page.render(shown=shown, leads=LEADS, folder_name=folder_name, at=when, notes=notes, templates=templates)
    index.write_text(content, "utf-8")
    problems = tuple(
        f"{name}, {mail.lead.name}: {mail.problem}" for name, row in shown.items() for mail in row if mail.problem
    )
    return Previewed(index, sum(not mail.problem for row in shown.values() for mail in row), problems, tuple(notes))


def _show(stored: StoredTemplate, lead: Lead, settings: Settings, at: datetime, folder: Path) -> Shown:
    email = email_of(stored.name)
    if email is None:
        return Shown(lead, problem="no email has this name")
    sequence, number = email
    # A draft is looked at before it is switched on.
    template = replace(stored.template, is_active=True)
    row = lead.row(sequence)
    try:
        mail = render_email(row, number, template, settings, at)
    except TemplateFault as fault:
        return Shown(lead, problem=fault.problem)
    variables = build(row.variables, row.segment, settings.campaign_facts, settings.local_date(at), "")
    return Shown(
        lead,
        mail.subject,
        preview_line(template, variables),
        len(mail.html.encode()) / 1024,
        mail.text,
        _write(mail, f"{folder_name(stored.name)}.{lead.name}", folder),
    )


def _write(mail: Mail, stem: str, folder: Path) -> dict[str, str]:
    # A frame can't be told to be dark: the second file has its dark rules always on.
    contents = {
        "light": (f"{stem}.html", mail.html),
        "dark": (f"{stem}.dark.html", _DARK_QUERY.sub("(min-width: 0)", mail.html)),
        "text": (f"{stem}.txt", mail.text),
    }
    for name, content in contents.values():
        (folder / name).write_text(content, "utf-8", newline="")
    return {kind: f"{folder.name}/{name}" for kind, (name, _) in contents.items()}
