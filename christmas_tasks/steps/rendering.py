"""From a tracker row and a template to the exact mail."""

from datetime import datetime

from christmas_tasks.errors import SettingsError, TemplateFault
from christmas_tasks.mailer import Mail
from christmas_tasks.sequences import RULES, mail_key, template_name
from christmas_tasks.settings import Settings
from christmas_tasks.templates import Template, render, with_footer
from christmas_tasks.tracker import TrackerRow
from christmas_tasks.unsubscribe import Claim, make_token, one_click_link, page_link
from christmas_tasks.variables import build


def render_email(row: TrackerRow, number: int, template: Template | None, settings: Settings, at: datetime) -> Mail:
    """The mail of one email number, byte for byte: equal for equal arguments.

    Args:
        row: Whose it is.
        number: Which one.
        template: The marketer's, or None if there is none of that name.
        settings: Sender, links, deadline.
        at: When it is sent; decides on the days to the deadline.

    Raises:
        TemplateFault: Missing, or see ``templates.render``.
        SettingsError: A setting that each mail needs is not set.
    """
    if template is None:
        raise TemplateFault(
            template_name(row.sequence, number), "it is missing: add it to the templates database, with Status Active."
        )
    if not settings.email_from:
        raise SettingsError(["EMAIL_FROM is not set: put the sender's address into .env.kestra."])
    key = mail_key(row.key, number)
    token = _token(row, key, settings)
    link = page_link(settings.unsubscribe_page_url, token) if token else ""
    facts, today = settings.campaign_facts, settings.local_date(at)
    rendered = render(template, build(row.variables, row.segment, facts, today, link))
    if link:
        rendered = with_footer(rendered, link, settings.postal_address)
    # The reference lets a mail be told apart in Resend's own list; a comment is not shown.
    marker = f"<!-- ref:{key} -->"
    return Mail(
        sender=settings.email_from,
        to=row.address,
        reply_to=settings.email_reply_to,
        subject=rendered.subject,
        html=f"{rendered.html}{marker}",
        text=rendered.text,
        marker=marker,
        headers=_headers(key, token, settings),
        tags={
            "campaign": _tag(settings.campaign),
            "sequence": row.sequence.value,
            "segment": row.segment.value,
            "email": str(number),
            "enrolment": row.key,
        },
    )


def _token(row: TrackerRow, key: str, settings: Settings) -> str:
    if RULES[row.sequence].transactional and not settings.onboarding_unsubscribe:
        return ""
    missing = [name for name in ("UNSUBSCRIBE_PAGE_URL", "PUBLIC_URL") if not getattr(settings, name.lower())]
    if missing:
        raise SettingsError([f"{name} is not set: each mail needs it for its unsubscribe link." for name in missing])
    return make_token(settings.secret("UNSUBSCRIBE_SIGNING_KEY"), Claim(row.address, key))


def _headers(key: str, token: str, settings: Settings) -> dict[str, str]:
    headers = {"X-Entity-Ref-ID": key}
    if token:
        headers["List-Unsubscribe"] = f"<{one_click_link(settings.public_url, token)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _tag(text: str) -> str:
    # Resend takes ASCII letters, digits, _ and - only.
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in text)[:100] or "-"
