"""The columns of the three databases (contract section 8): names, types that fit, which are required."""

from dataclasses import dataclass
from enum import StrEnum

from christmas_tasks.tracker import EMAIL_NUMBERS


class Database(StrEnum):
    """One of the campaign's databases; the value is its setting."""

    CONTACTS = "NOTION_CONTACTS_DB_ID"
    TEMPLATES = "NOTION_TEMPLATES_DB_ID"
    TRACKER = "NOTION_EMAIL_SEQUENCE_DB_ID"

    @property
    def label(self) -> str:
        """What people call it."""
        return {"CONTACTS": "contacts", "TEMPLATES": "templates", "TRACKER": "sequence tracker"}[self.name]


@dataclass(frozen=True)
class Column:
    """One column as the contract has it.

    Args:
        name: The contract's spelling; matched without regard to case.
        kinds: Notion types that fit, the one to create first.
        is_required: Missing: an error. Otherwise it is left out, with one warning.
        other_names: Spellings that count as the same.
    """

    name: str
    kinds: tuple[str, ...]
    is_required: bool = False
    other_names: tuple[str, ...] = ()


_TEXT = ("rich_text", "title", "select", "url", "phone_number")
_LONG = ("rich_text",)
_CHOICE = ("select", "status", "rich_text")
_DATE = ("date",)
_NUMBER = ("number",)
_ANY_DATE = ("date", "rich_text")

CONTACT_COLUMNS = (
    Column("Email", ("email", "rich_text", "title"), is_required=True),
    Column("first_name", ("title", "rich_text"), other_names=("First Name",)),
    Column("Name", ("title", "rich_text"), other_names=("Full Name",)),
    Column("last_name", _LONG, other_names=("Last Name",)),
    Column("Business Name", _TEXT, other_names=("business_name",)),
    Column("Christmas Campaign Status", ("select", "status"), is_required=True),
    Column("Assessment Score", _NUMBER),
    Column("Segment", _CHOICE, is_required=True),
    Column("Red Systems", _NUMBER),
    Column("Orange Systems", _NUMBER),
    Column("Yellow Systems", _NUMBER),
    Column("Green Systems", _NUMBER),
    Column("Signup Source", _CHOICE),
    Column("Email Suppressed", ("select", "status"), is_required=True),
    Column("Last Email Sent At", _DATE),
)

TEMPLATE_COLUMNS = (
    Column("Template Name", ("title", "rich_text"), is_required=True),
    Column("Subject Line", _TEXT, is_required=True),
    Column("Email Body HTML", _LONG, is_required=True),
    Column("Email Body Plain Text", _LONG),
    Column("Preview Text", _LONG),
    Column("Status", ("select", "status"), is_required=True),
)

TRACKER_COLUMNS = (
    Column("Name", ("title",), is_required=True),
    Column("Email", ("email", "rich_text"), is_required=True),
    Column("First Name", _LONG),
    Column("Business Name", _LONG),
    Column("Campaign", _CHOICE, is_required=True),
    Column("Sequence Type", ("select", "status"), is_required=True),
    Column("Segment", ("select", "status"), is_required=True),
    Column("Assessment Score", _NUMBER),
    Column("Red Systems", _NUMBER),
    Column("Orange Systems", _NUMBER),
    Column("Yellow Systems", _NUMBER),
    Column("Green Systems", _NUMBER),
    Column("Started At", _DATE, is_required=True),
    *(
        column
        for number in EMAIL_NUMBERS
        for column in (
            Column(f"Email {number} Scheduled At", _DATE, is_required=True),
            Column(f"Email {number} Sent", _DATE, is_required=True),
            Column(f"Email {number} Status", ("select", "status"), is_required=True),
            Column(f"Email {number} Sent By", ("select", "status", "rich_text")),
            Column(f"Email {number} Resend ID", _LONG, is_required=True),
            Column(f"Email {number} Delivery", ("select", "status", "rich_text")),
        )
    ),
    Column("Last Email Sent", _NUMBER),
    Column("Last Email Sent At", _DATE),
    Column("Next Email At", _DATE),
    Column("Sequence Status", ("select", "status"), is_required=True),
    Column("Stop Reason", _LONG, is_required=True),
    Column("Enrolment Key", _LONG, is_required=True),
    Column("Variables", _LONG, is_required=True),
    Column("Calendly Event URI", ("rich_text", "url")),
    Column("Scheduled Time", _ANY_DATE),
    Column("Event Type", _CHOICE),
    Column("Reschedule URL", ("url", "rich_text")),
    Column("Call Date", _ANY_DATE),
    Column("Interest Level", _CHOICE),
    Column("Call Outcome", _CHOICE),
    Column("Call Notes", _LONG),
    Column("Objections", _LONG),
    Column("Follow Up Priority", _CHOICE),
    Column("Payment Status", _CHOICE),
    Column("Payment Date", _ANY_DATE),
    Column("Payment Amount", ("rich_text", "number")),
    Column("Package Type", _CHOICE),
    Column("Docusign Completed", ("checkbox", "rich_text")),
    Column("Salon Address", _LONG),
    Column("Start Date", _ANY_DATE),
    Column("Observation Dates", _LONG),
)

COLUMNS = {
    Database.CONTACTS: CONTACT_COLUMNS,
    Database.TEMPLATES: TEMPLATE_COLUMNS,
    Database.TRACKER: TRACKER_COLUMNS,
}
