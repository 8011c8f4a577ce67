"""The smallest bodies that are taken, and the lines that a refused one gets."""

from collections.abc import Callable
from typing import Any

import pytest

from christmas_tasks.errors import PayloadError

ANN = "ann@example.org"
EVENT = "https://api.calendly.com/scheduled_events/EV1"
SIGNUP: dict[str, Any] = {"email": ANN}
ASSESSMENT: dict[str, Any] = {"email": ANN, "red_systems": 2, "orange_systems": 1}
NO_SHOW: dict[str, Any] = {"email": ANN, "calendly_event_id": "EV1"}
POST_CALL: dict[str, Any] = {"email": ANN}
ONBOARDING: dict[str, Any] = {"email": ANN, "payment_status": "paid"}


def faults(read: Callable[[], object]) -> tuple[str, ...]:
    """The lines of the ``PayloadError`` that *read* raises."""
    with pytest.raises(PayloadError) as caught:
        read()
    return caught.value.lines
