"""The signed token behind each mail's unsubscribe link: it names the receiver and the mail, and can't be forged. Pure.

It holds the address, so that it works even when the contact's rows are gone; it goes to that address alone.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from urllib.parse import urlencode

from christmas_tasks.errors import SignatureError

WEBHOOK_PATH = "/api/v1/main/executions/webhook/christmas/unsubscribe/one-click"
PARAMETER = "token"
PAGE_PLACEHOLDER = "https://flows.example.org"
_SIGNATURE_BYTES = 16


@dataclass(frozen=True)
class Claim:
    """What a token says: who unsubscribes, and from which mail the click came."""

    address: str
    mail_key: str


def make_token(signing_key: str, claim: Claim) -> str:
    """A token for one mail: the same for ever for the same mail, so that a repeated send has the same bytes."""
    content = json.dumps([claim.address, claim.mail_key], separators=(",", ":")).encode()
    return f"{_encode(content)}.{_encode(_sign(signing_key, content))}"


def read_token(signing_key: str, token: str) -> Claim:
    """Verify a token in constant time, and read it.

    Raises:
        SignatureError: Not a token of ours. The message tells nothing about who exists.
    """
    head, _, tail = token.strip().partition(".")
    try:
        content, signature = _decode(head), _decode(tail)
    except (binascii.Error, ValueError):
        raise SignatureError("The unsubscribe link is not valid.") from None
    # Base64 has several spellings of the same bytes: only ours is taken, so that no changed token is.
    is_ours = f"{_encode(content)}.{_encode(signature)}" == token.strip()
    if not hmac.compare_digest(signature, _sign(signing_key, content)) or not is_ours:
        raise SignatureError("The unsubscribe link is not valid.")
    address, mail_key = json.loads(content)
    return Claim(address, mail_key)


def page_link(page_url: str, token: str) -> str:
    """The visible link: a page that explains and asks for one click."""
    return f"{page_url}{'&' if '?' in page_url else '?'}{urlencode({PARAMETER: token})}"


def one_click_link(public_url: str, token: str) -> str:
    """The link of the ``List-Unsubscribe`` header: mail programs post to it (RFC 8058)."""
    return f"{public_url}{WEBHOOK_PATH}?{urlencode({PARAMETER: token})}"


def page(source: str, public_url: str) -> str:
    """The unsubscribe page for one installation.

    Args:
        source: The product's own page, ``website/unsubscribe.html``.
        public_url: Where the webhooks are reached.
    """
    return source.replace(PAGE_PLACEHOLDER, public_url.rstrip("/"))


def _sign(signing_key: str, content: bytes) -> bytes:
    return hmac.new(signing_key.encode(), b"unsubscribe:" + content, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
