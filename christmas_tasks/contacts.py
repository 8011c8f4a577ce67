"""A contact, and what a webhook changes in it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Sequence

# In the order in which a contact moves on; never backwards (contract section 8).
STAGES = ("Signed Up", "Nurture Sequence", "No-Show Recovery", "Post-Call Maybe", "Onboarding")
STAGE_OF_SEQUENCE = {
    Sequence.FIVE_DAY: "Nurture Sequence",
    Sequence.NOSHOW: "No-Show Recovery",
    Sequence.POSTCALL: "Post-Call Maybe",
    Sequence.ONBOARDING: "Onboarding",
}


@dataclass(frozen=True)
class Contact:
    """One person as the contacts database holds them.

    Args:
        contact_id: Notion's page id.
        stage: ``Christmas Campaign Status``.
        suppressed: ``Email Suppressed``: empty, unsubscribed, bounced or complained.
        numbers: Scores and counts by column name.
    """

    contact_id: str
    address: str
    first_name: str = ""
    last_name: str = ""
    business_name: str = ""
    stage: str = ""
    segment: Segment | None = None
    suppressed: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    last_email_sent_at: datetime | None = None


def next_stage(current: str, wanted: str) -> str | None:
    """The stage to write, or None to leave it: never backwards, and a person's own stage is left alone."""
    if not current:
        return wanted
    order = {stage.lower(): place for place, stage in enumerate(STAGES)}
    if current.lower() not in order or order[current.lower()] >= order[wanted.lower()]:
        return None
    return wanted
