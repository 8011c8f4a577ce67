"""The unsubscribe token: made for one mail, the same for ever, and not to be forged."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from christmas_tasks.errors import SignatureError
from christmas_tasks.unsubscribe import Claim, make_token, one_click_link, page_link, read_token

KEY = "a signing key"
CLAIM = Claim("ann@example.org", "5day-0123-2")
TOKEN = make_token(KEY, CLAIM)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("address", ["ann@example.org", "z\u00f6e@example.org", '"a b"@example.org', "a+b@example.org"])
def test_a_token_says_who_and_which_mail(address: str) -> None:
    """Whatever the address looks like."""
    claim = Claim(address, "noshow-0123-1")
    assert read_token(KEY, make_token(KEY, claim)) == claim
    assert read_token(KEY, f"  {make_token(KEY, claim)}\r\n") == claim


def test_a_repeated_send_has_the_same_bytes() -> None:
    """The same mail, the same token; another mail or address, another one."""
    assert make_token(KEY, CLAIM) == TOKEN
    assert make_token(KEY, Claim(CLAIM.address, "5day-0123-3")) != TOKEN
    assert make_token(KEY, Claim("bob@example.org", CLAIM.mail_key)) != TOKEN


def test_a_token_fits_into_an_address_as_it_is() -> None:
    """Mail programs break what has to be escaped."""
    assert set(TOKEN) <= {*ALPHABET, "."}


@pytest.mark.parametrize("position", range(len(TOKEN)))
def test_a_token_with_one_other_character_is_refused(position: int) -> None:
    """Every character counts, the last one of each half included."""
    for other in {*ALPHABET, "+", "/", "=", "."} - {TOKEN[position]}:
        forged = TOKEN[:position] + other + TOKEN[position + 1 :]
        with pytest.raises(SignatureError):
            read_token(KEY, forged)


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


HEAD, _, TAIL = TOKEN.partition(".")


@pytest.mark.parametrize(
    "forged",
    [
        "",
        ".",
        "..",
        "x",
        "\N{CHRISTMAS TREE}",
        "\ud800",
        HEAD,
        f"{HEAD}.",
        f".{TAIL}",
        f"{HEAD}.{TAIL}.{TAIL}",
        f"{HEAD}.{TAIL}=",
        f"{HEAD}.{TAIL}AAAA",
        f"{HEAD} .{TAIL}",
        f"{HEAD}.{TAIL[:-1]}",
        f"{TAIL}.{HEAD}",
        f"{b64('[]')}.{TAIL}",
        f"{b64('null')}.{TAIL}",
        f"{b64('x')}.{b64('x' * 16)}",
        "A" * 100_000,
    ],
)
def test_a_forged_token_is_refused_in_the_same_words(forged: str) -> None:
    """The message tells nothing about who exists, or what was wrong."""
    with pytest.raises(SignatureError) as caught:
        read_token(KEY, forged)
    assert str(caught.value) == "The unsubscribe link is not valid."


def test_another_key_signs_other_tokens() -> None:
    """A key that was changed takes the old links with it."""
    with pytest.raises(SignatureError):
        read_token("another key", TOKEN)


@pytest.mark.parametrize("page", ["https://example.org/unsubscribe", "https://example.org/u?lang=en"])
def test_the_visible_link_leads_to_the_page(page: str) -> None:
    """With the token beside what the address already has."""
    link = urlsplit(page_link(page, TOKEN))
    assert link.path == urlsplit(page).path
    assert parse_qs(link.query)["token"] == [TOKEN]
    assert parse_qs(urlsplit(page).query).items() <= parse_qs(link.query).items()


def test_the_header_link_leads_to_the_webhook_itself() -> None:
    """RFC 8058: the mail program posts there."""
    link = urlsplit(one_click_link("https://flows.example.org", TOKEN))
    assert link.path == "/api/v1/main/executions/webhook/christmas/unsubscribe/one-click"
    assert parse_qs(link.query) == {"token": [TOKEN]}
