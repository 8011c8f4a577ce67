"""Discord as the place for alerts: mentions off, fields cut to its limits, trouble never passed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from christmas_tasks.errors import OutcomeUnknown, SetupRefused, TransientError, VendorUnavailable
from christmas_tasks.retrying import retry_after_s, retrying
from christmas_tasks.tls import trusted

RED = 0xD32F2F
AMBER = 0xF9A825
_CONTENT, _TITLE, _TEXT, _NAME, _VALUE, _FIELDS = 1_900, 256, 3_500, 256, 1_000, 20
# All texts of a message's embeds together may have 6,000.
_EMBED = 5_900
_BUDGET_S = 20.0
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Alert:
    """One message for the people behind the campaign.

    Args:
        headline: The line above the embed.
        title: Of the embed.
        at: Aware UTC; shown in the reader's own zone.
        text: Longer explanation.
        fields: Names and values, in order.
        colour: 0xRRGGBB.
    """

    headline: str
    title: str
    at: datetime
    text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    colour: int = AMBER


def post(url: str, alert: Alert) -> bool:
    """Post an alert; a repeat posts it again.

    Args:
        url: The webhook's address; empty: silence.
        alert: What to say. Text of other people is shown as it is: no mention, no markup.

    Returns:
        Whether Discord has taken it. Trouble at Discord is no error of the flow's.
    """
    if not url:
        return False
    try:
        retrying(lambda: _once(url, body(alert)), budget_s=_BUDGET_S)
    except (TransientError, SetupRefused):
        return False
    return True


def body(alert: Alert) -> dict[str, object]:
    """Discord's JSON for an alert, within its limits (discord.com/developers/docs/resources/webhook)."""
    title, text = _cut(_plain(alert.title), _TITLE), _cut(_plain(alert.text), _TEXT)
    return {
        "content": _cut(_plain(alert.headline), _CONTENT),
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": title,
                "description": text,
                "color": alert.colour,
                "timestamp": alert.at.isoformat(),
                "fields": _fields(alert.fields, _EMBED - _units(title) - _units(text)),
            }
        ],
    }


def _fields(fields: Mapping[str, str], room: int) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = []
    for whole_name, value in list(fields.items())[:_FIELDS]:
        name = _cut(whole_name, _NAME)
        room -= _units(name)
        content = _cut(_plain(value), max(0, min(_VALUE, room))) or "-"
        room -= _units(content)
        if room < 0:
            break
        shown.append({"name": name, "value": content, "inline": True})
    return shown


def _units(text: str) -> int:
    # Counted as JavaScript does: an emoji is two.
    return len(text.encode("utf-16-le", "ignore")) // 2


def _cut(text: str, most_units: int) -> str:
    return text.encode("utf-16-le", "ignore")[: 2 * most_units].decode("utf-16-le", "ignore")


def _plain(text: str) -> str:
    # Markdown of other people could dress up a link; Discord shows an escaped sign as it is.
    return "".join(f"\\{sign}" if sign in "\\*_~`|>[]" else sign for sign in text)


def _once(url: str, content: dict[str, object]) -> None:
    import httpx  # noqa: PLC0415 - only alerts need it

    try:
        answer = httpx.post(url, json=content, timeout=_TIMEOUT_S, verify=trusted())
    except httpx.InvalidURL:
        raise SetupRefused("DISCORD_WEBHOOK_URL is no address: copy it from Discord.") from None
    except httpx.HTTPError as error:
        raise OutcomeUnknown(f"Discord gave no answer ({type(error).__name__}).") from None
    if answer.status_code == 429:  # noqa: PLR2004
        raise VendorUnavailable("Discord's rate limit was reached.", retry_after_s=retry_after_s(answer.headers))
    if answer.is_server_error:
        raise OutcomeUnknown(f"Discord is in trouble (HTTP {answer.status_code}).")
    if answer.is_error:
        raise SetupRefused(f"Discord refuses the alert (HTTP {answer.status_code}): check DISCORD_WEBHOOK_URL.")
