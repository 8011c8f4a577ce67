"""The frozen mail as bytes between the tasks of one ``send-email`` execution."""

from functools import cache
from typing import TYPE_CHECKING

from christmas_tasks.steps.sending import FrozenMail

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def dump(frozen: FrozenMail) -> bytes:
    """JSON of a frozen mail."""
    return _adapter().dump_json(frozen)


def load(content: bytes) -> FrozenMail:
    """Read what ``dump`` has written."""
    return _adapter().validate_json(content)


@cache
def _adapter() -> "TypeAdapter[FrozenMail]":
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(FrozenMail)
