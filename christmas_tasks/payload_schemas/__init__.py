"""The webhooks' bodies as JSON Schemas (2020-12), made from the models that read them. Pure.

A schema says what a caller should send; what it takes, the models take. It can't say three things: that an address is
one real address, that a count is written without a point (``2.0`` is refused), and that a moment can be read.
"""

import json
from collections.abc import Mapping
from typing import Any

from christmas_tasks.payload_schemas.envelopes import BOOKING, CALENDLY_NO_SHOW, RESEND_EVENT, UNSUBSCRIBE
from christmas_tasks.payload_schemas.flat import flat_schema
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, Payload, PostCall, Signup

MODELS: Mapping[str, type[Payload]] = {
    "signup-handler": Signup,
    "assessment-handler": Assessment,
    "noshow-recovery-handler": NoShow,
    "postcall-maybe-handler": PostCall,
    "onboarding-handler": Onboarding,
}

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    **{name: flat_schema(name, model) for name, model in MODELS.items()},
    "calendly-no-show": CALENDLY_NO_SHOW,
    "call-booked-handler": BOOKING,
    "resend-events": RESEND_EVENT,
    "unsubscribe": UNSUBSCRIBE,
}


def as_text(schema: Mapping[str, Any]) -> str:
    """One schema as the file of ``docs/schemas`` holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
