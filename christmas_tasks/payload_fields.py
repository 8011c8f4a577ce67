"""The kinds of fields in bodies: what each takes and becomes. A refusal names the rule, never the value. Pure."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from christmas_tasks.segments import SYSTEMS_TOTAL
from christmas_tasks.text import clean, is_safe_link

_NOTES_LIMIT = 2_000
_TEXT_LIMIT = 5_000
_ADDRESS_LIMIT = 200  # Notion's limit for an email property


def fault(message: str) -> PydanticCustomError:
    """A broken rule, in the words that the caller is to read."""
    return PydanticCustomError("contract", "{reason}", {"reason": message})


def is_blank(value: object) -> bool:
    """Whether a value counts as absent: null, or text without anything in it."""
    return value is None or (isinstance(value, str) and not value.strip())


def _address(value: object) -> str:
    if not isinstance(value, str):
        raise fault("must be an e-mail address in text")
    # email-validator takes 50 ms to import, and only the tasks that read a body need it.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        checked = validate_email(clean(value), allow_display_name=True, check_deliverability=False)
    except EmailNotValidError as error:
        raise fault("is not one valid e-mail address") from error
    address = checked.normalized.lower()
    if len(address) > _ADDRESS_LIMIT:
        raise fault(f"must have at most {_ADDRESS_LIMIT} characters")
    return address


def _text(limit: int = _TEXT_LIMIT) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return clean(value, limit)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return clean(str(value), limit)
        raise fault("must be text")

    return read


def _count(value: object) -> object:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        # Three digits tell that it is too much, and int() of thousands is an error of its own.
        value = int(value.strip().lstrip("0")[:3] or "0")
    if isinstance(value, bool) or not isinstance(value, int):
        raise fault(f"must be a whole number from 0 to {SYSTEMS_TOTAL}")
    if not 0 <= value <= SYSTEMS_TOTAL:
        raise fault(f"must be a whole number from 0 to {SYSTEMS_TOTAL}")
    return value


def _optional_count(value: object) -> object:
    return 0 if is_blank(value) else _count(value)


def _number(value: object) -> Decimal | None:
    if is_blank(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise fault("must be a number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise fault("must be a number") from None
    if not number.is_finite():
        raise fault("must be a number")
    return number


def _score(value: object) -> float | None:
    number = _number(value)
    if number is not None and not 0 <= number <= 100:  # noqa: PLR2004 - the contract's own bounds
        raise fault("must be a number from 0 to 100")
    return None if number is None else float(number)


def _money(value: object) -> float:
    number = _number(value)
    if number is None:
        return 0.0
    if not 0 <= number < 10**12:
        raise fault("must be a number that is not negative")
    return float(number)


def _list(value: object) -> object:
    if is_blank(value):
        return ()
    items = value if isinstance(value, list) else [value]
    read = _text()
    return tuple(text for text in (read(item) for item in items) if text)


def _status(value: object) -> str:
    # The contract has two outcomes, "sent" and anything else: no shape of the field refuses a lead.
    if value is None or isinstance(value, str):
        return clean(value or "", _TEXT_LIMIT)
    return "failed"


def _link(value: object) -> str:
    text = _text(2_000)(value)
    return text if is_safe_link(text) else ""


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return isinstance(value, str) and value.strip().lower() == "true"


Address = Annotated[str, BeforeValidator(_address)]
Text = Annotated[str, BeforeValidator(_text())]
Status = Annotated[str, BeforeValidator(_status)]
Notes = Annotated[str, BeforeValidator(_text(_NOTES_LIMIT))]
Count = Annotated[int, BeforeValidator(_count)]
OptionalCount = Annotated[int, BeforeValidator(_optional_count)]
Score = Annotated[float | None, BeforeValidator(_score)]
Money = Annotated[float, BeforeValidator(_money)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_list)]
Link = Annotated[str, BeforeValidator(_link)]
Flag = Annotated[bool, BeforeValidator(_flag)]
