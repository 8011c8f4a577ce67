"""One template to one address of the sender's own, through production's way; no tracker row, no contact."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from christmas_tasks.errors import PermanentError
from christmas_tasks.mailer import Answer
from christmas_tasks.payloads import Payload, parse
from christmas_tasks.samples import email_of, lead_of
from christmas_tasks.segments import Segment
from christmas_tasks.settings import Settings
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.ports import Sender
from christmas_tasks.steps.rendering import render_email
from christmas_tasks.steps.sending import FrozenMail
from christmas_tasks.template_format import StoredTemplate, folder_name


class NoSuchEmail(PermanentError):
    """The template's name is none of the campaign's."""


@dataclass(frozen=True)
class Trial:
    """A mail ready to be tried.

    Args:
        frozen: The exact mail, as production freezes it.
        template: Its name.
    """

    frozen: FrozenMail
    template: str


def freeze(stored: StoredTemplate, address: str, segment: Segment, settings: Settings, now: datetime) -> Trial:
    """Render one template for the sample lead of *segment*, addressed to *address*. Sends nothing.

    What differs from a lead's own mail: the receiver, the sample lead's data, and the enrolment behind tag, reference
    and idempotency key, which is this trial's own and stands in no tracker.

    Raises:
        PayloadError: *address* is no address.
        NoSuchEmail: No email has this template's name.
        TemplateFault: See ``templates.render``; a draft may be tried.
        SettingsError: A setting that each mail needs is not set.
    """
    to = parse(Payload, {"email": address}).email
    email = email_of(stored.name)
    if email is None:
        raise NoSuchEmail(f'No email has the name "{stored.name}": correct the name in its template.toml.')
    sequence, number = email
    row = lead_of(segment).row(sequence, to, f"trial {now.isoformat()}")
    template = replace(stored.template, is_active=True)
    mail = render_email(row, number, template, settings, now)
    return Trial(FrozenMail(replace(row, variables={}), number, mail, now, now), stored.name)


def send_trial(trial: Trial, sender: Sender) -> str:
    """Hand the frozen mail over, as the task ``send`` does it. A repeat of the same trial is the same mail.

    Returns:
        Resend's id; empty if this very trial was accepted before.
    """
    frozen = load(dump(trial.frozen), FrozenMail)
    sent = sender.send(frozen.mail, frozen.key)
    return sent.resend_id if sent.answer is Answer.ACCEPTED else ""


def choose(templates: Mapping[str, StoredTemplate], wanted: str) -> StoredTemplate:
    """The template by its name, or by its folder's, without regard to case.

    Raises:
        NoSuchEmail: There is none; those that are there are named.
    """
    for name, stored in templates.items():
        if wanted.strip().rstrip("/").lower() in {name.lower(), folder_name(name)}:
            return stored
    raise NoSuchEmail(f'There is no template "{wanted}" here: choose one of {", ".join(templates)}.')
