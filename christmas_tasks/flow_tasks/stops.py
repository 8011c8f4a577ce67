"""The tasks of what ends sequences: a booking, Resend's events, an unsubscribe."""

from urllib.parse import parse_qs, urlsplit

from christmas_tasks.errors import SignatureError
from christmas_tasks.events import Ignored, read_booking, read_mail_event
from christmas_tasks.flow_tasks.door import Door, Outputs, warn_of_gaps
from christmas_tasks.flow_tasks.protocol import Level, say
from christmas_tasks.sequences import StopEvent
from christmas_tasks.settings import utc_now
from christmas_tasks.signatures import verify_calendly, verify_resend
from christmas_tasks.steps.stops import stop, take_mail_event
from christmas_tasks.unsubscribe import PARAMETER, read_token

# RFC 8058: what a mail program posts, and what the page's form posts. A scanner that follows a link posts nothing.
_CONFIRMATION = b"List-Unsubscribe=One-Click"
_CONFIRMATION_PART = b'name="List-Unsubscribe"'


def call_booked(door: Door) -> Outputs:
    """call-booked-handler: a booked call ends ``5day`` and ``noshow``."""
    signing_key = door.settings.optional_secret("CALENDLY_SIGNING_KEY")
    if signing_key:
        verify_calendly(signing_key, door.headers(), door.body(), door.arrived_at)
    booking = read_booking(door.body_json())
    if isinstance(booking, Ignored):
        say(Level.INFO, booking.reason)
        return {}
    stopped = stop(booking.address, StopEvent.BOOKED, door.notion, door.locks)
    say(Level.INFO, f"The contact has booked a call: {stopped} sequences stopped.")
    return {}


def resend_event(door: Door) -> Outputs:
    """resend-events: what became of a mail."""
    signing_secret = door.settings.optional_secret("RESEND_SIGNING_SECRET")
    if signing_secret:
        verify_resend(signing_secret, door.headers(), door.body(), door.arrived_at)
    else:
        say(
            Level.WARNING,
            "RESEND_SIGNING_SECRET is not set: the event is taken on the strength of the webhook key alone.",
        )
    event = read_mail_event(door.body_json())
    if isinstance(event, Ignored):
        say(Level.INFO, event.reason)
        return {}
    for note in take_mail_event(event, door.notion, door.locks, utc_now()):
        say(Level.INFO, note)
    warn_of_gaps(door)
    return {}


def unsubscribe(door: Door) -> Outputs:
    """unsubscribe: ends all sequences of the token's address, for a confirmed POST alone."""
    raw = door.body()
    if not (_CONFIRMATION in raw or (_CONFIRMATION_PART in raw and b"One-Click" in raw)):
        say(Level.INFO, "No confirmation was posted: nothing is changed.")
        return {"answer": "To unsubscribe, press the button on the page that the mail links to."}
    claim = read_token(door.settings.secret("UNSUBSCRIBE_SIGNING_KEY"), _token(door, raw))
    stopped = stop(claim.address, StopEvent.UNSUBSCRIBED, door.notion, door.locks)
    say(Level.INFO, f"Unsubscribed from mail {claim.mail_key}: {stopped} sequences stopped.")
    return {"answer": "You are unsubscribed. No further email of this campaign will be sent to you."}


def _token(door: Door, raw: bytes) -> str:
    """The token from the query (mail programs), the form, or the page's own address (a browser without JavaScript)."""
    form = parse_qs(raw.decode("utf-8", "replace"))
    page = parse_qs(urlsplit(door.headers().get("referer", "")).query)
    for found in (door.parameters().get(PARAMETER, ""), *form.get(PARAMETER, []), *page.get(PARAMETER, [])):
        if found.strip():
            return found
    raise SignatureError("The unsubscribe link is not valid.")
