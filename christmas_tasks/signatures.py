"""The signatures of Calendly and Resend over the raw bytes of a body. The time of arrival is an argument.

A signature's age is judged against the arrival, since Kestra may run the task much later; a replay was judged when it
first arrived.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from christmas_tasks.errors import SignatureError

CALENDLY_HEADER = "calendly-webhook-signature"
SVIX_ID, SVIX_TIMESTAMP, SVIX_SIGNATURE = "svix-id", "svix-timestamp", "svix-signature"
# Calendly advises about 3 minutes; Svix uses 5. Clocks differ.
TOLERANCE = timedelta(minutes=5)


def verify_calendly(signing_key: str, headers: Mapping[str, str], raw: bytes, received_at: datetime | None) -> None:
    """Check ``Calendly-Webhook-Signature: t=UNIX,v1=HEX`` in constant time; several ``v1`` are possible.

    Args:
        signing_key: As given to Calendly.
        headers: Names in lower case.
        raw: The body, byte for byte.
        received_at: Aware UTC; None: the age was judged before.

    Raises:
        SignatureError: Missing, wrong, or too old.

    Source: developer.calendly.com, "Webhook signatures".
    """
    parts = [part.strip().partition("=") for part in headers.get(CALENDLY_HEADER, "").split(",")]
    stamp = next((value for name, _, value in parts if name == "t"), "")
    _check_age(stamp, received_at, "Calendly's signature")
    expected = hmac.new(signing_key.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    matches = [hmac.compare_digest(expected.encode(), value.encode()) for name, _, value in parts if name == "v1"]
    if not any(matches):
        raise SignatureError("Calendly's signature is wrong: nothing was written. Check CALENDLY_SIGNING_KEY.")


def verify_resend(signing_secret: str, headers: Mapping[str, str], raw: bytes, received_at: datetime | None) -> None:
    """Check the Svix signature with the SDK's own method.

    Args:
        signing_secret: ``whsec_...``.
        headers: Names in lower case.
        raw: The body, byte for byte.
        received_at: Aware UTC; None: the age was judged before.

    Raises:
        SignatureError: Missing, wrong, or too old.

    Source: resend.com/docs/webhooks/verify-webhooks-requests.
    """
    from resend.webhooks import _webhooks as sdk  # noqa: PLC0415 - 260 ms that only this check pays

    _check_age(headers.get(SVIX_TIMESTAMP, ""), received_at, "Resend's signature")
    # The SDK compares with the time of the call, and would refuse what Kestra runs late; the age is judged above.
    sdk.DEFAULT_WEBHOOK_TOLERANCE_SECONDS = 10**12
    try:
        sdk.Webhooks.verify(
            {
                "payload": raw.decode(),
                "headers": {
                    "id": headers.get(SVIX_ID, ""),
                    "timestamp": headers.get(SVIX_TIMESTAMP, ""),
                    "signature": headers.get(SVIX_SIGNATURE, ""),
                },
                "webhook_secret": signing_secret,
            }
        )
    except ValueError:
        raise SignatureError(
            "Resend's signature is missing or wrong: nothing was written. Check RESEND_SIGNING_SECRET."
        ) from None


def _check_age(stamp: str, received_at: datetime | None, whose: str) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004 - seconds until the year 33658
        raise SignatureError(f"{whose} is missing or has no time: nothing was written.")
    if received_at is None:
        return
    age_s = received_at.timestamp() - int(stamp)
    if abs(age_s) > TOLERANCE.total_seconds():
        raise SignatureError(f"{whose} is {age_s:.0f} s old, more than {TOLERANCE}: nothing was written.")
