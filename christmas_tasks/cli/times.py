"""Times that a person types."""

from datetime import UTC, datetime

import typer


def aware(option: str, text: str) -> datetime:
    """*text* as an aware UTC instant.

    Args:
        option: As it is typed, for the message.
        text: ISO 8601 with a zone.

    Raises:
        typer.BadParameter: No such time, or no zone; the message has the fix.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{option} is no ISO 8601 time: write it like 2025-11-20T09:00:00Z") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(
            f"{option} has no time zone: write {moment.isoformat()}Z for UTC, or with an offset like +01:00"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise typer.BadParameter(f"{option} is out of range: write it like 2025-11-20T09:00:00Z") from None
