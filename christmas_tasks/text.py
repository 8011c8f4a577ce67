"""Text of other people, made harmless for storage: trimmed, one kind of blank, nothing that a database refuses."""

import re
from urllib.parse import urlsplit

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]")


def clean(text: str, limit: int | None = None) -> str:
    """Trim *text*, turn control characters into blanks, drop NUL and lone surrogates (contract section 3).

    Args:
        text: Any string.
        limit: Cut to so many characters, if given.

    Returns:
        One line. A second pass changes nothing.
    """
    cleaned = _CONTROL.sub(" ", _UNSTORABLE.sub("", text)).strip()
    return cleaned if limit is None else cleaned[:limit].rstrip()


def first_word(text: str) -> str:
    """The first word of *text*, or an empty string."""
    return next(iter(text.split()), "")


def whole(number: float) -> float:
    """*number* as an int if it is one, so that a mail says 55 and not 55.0."""
    return int(number) if number == int(number) else number


def is_safe_link(text: str) -> bool:
    """Whether *text* is one absolute https address that may stand in a mail's link."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not any(c.isspace() or c in "\"'<>\\`" for c in text)
