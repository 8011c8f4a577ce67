"""A plan for machines: as JSON, and each mail's parts as files."""

import json
from pathlib import Path

from christmas_tasks.mailer import Mail
from christmas_tasks.sequences import mail_key
from christmas_tasks.steps.plan import Plan, PlannedMail
from christmas_tasks.steps.template_files import claim_folder
from christmas_tasks.template_format import folder_name

CALENDAR = "calendar.json"


def write_plan(result: Plan, folder: Path) -> list[Path]:
    """Write the calendar and each mail's parts (html, txt, headers) as files. A repeat replaces its own files.

    Raises:
        FilesFault: *folder* holds something else.
    """
    claim_folder(folder, CALENDAR)
    for suffix in ("html", "txt", "headers"):
        for old in folder.glob(f"[0-9]-*.{suffix}"):
            old.unlink()
    written = [folder / CALENDAR]
    written[0].write_text(json.dumps(as_json(result), indent=2, ensure_ascii=False) + "\n", "utf-8")
    for email in result.emails:
        if email.mail is None:
            continue
        stem = folder / f"{email.number}-{folder_name(email.template)}"
        headers = "".join(f"{name}: {value}\n" for name, value in _headers(result, email, email.mail))
        for suffix, text in (("html", email.mail.html), ("txt", email.mail.text), ("headers", headers)):
            path = stem.with_suffix(f".{suffix}")
            path.write_text(text, "utf-8", newline="")
            written.append(path)
    return written


def as_json(result: Plan) -> dict[str, object]:
    """The plan for machines: flat, times in ISO 8601 UTC, without the mails' bodies."""
    return {
        "flow": result.flow,
        "received_at": result.received_at.isoformat(),
        "address": result.address,
        "sequence": result.sequence,
        "segment": result.segment,
        "enrolment": result.key,
        "emails": [
            {
                "number": email.number,
                "due_at": email.due_at.isoformat(),
                "at": email.at.isoformat(),
                "outcome": email.outcome,
                "reason": email.reason,
                "template": email.template,
                "subject": email.mail.subject if email.mail else "",
            }
            for email in result.emails
        ],
        "warnings": result.warnings,
        "notes": result.notes,
    }


def _headers(result: Plan, email: PlannedMail, mail: Mail) -> list[tuple[str, str]]:
    return [
        ("Not before", email.at.isoformat()),
        ("From", mail.sender),
        ("To", mail.to),
        ("Reply-To", mail.reply_to or "-"),
        ("Subject", mail.subject),
        *sorted(mail.headers.items()),
        ("Tags", ", ".join(f"{name}={value}" for name, value in sorted(mail.tags.items()))),
        ("Idempotency-Key", mail_key(result.key, email.number)),
    ]
